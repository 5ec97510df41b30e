internal import ArgumentParser
internal import BlazePlatform

/// Where a database's password comes from. Never from an argument: other users can read those.
struct PasswordOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the database's password from this descriptor.", valueName: "number"))
    var passwordFd: Int32?

    @Option(help: ArgumentHelp("Read it from a file that only you may read.", valueName: "path"))
    var passwordFile: String?

    @Option(help: ArgumentHelp("Read it from what a command prints.", valueName: "command"))
    var passwordCommand: String?

    @Option(help: ArgumentHelp("The PBKDF2 count, for a database made with an unusual one.", valueName: "count"))
    var kdfIterations: UInt32?

    @Option(help: .hidden)
    var password: String?

    func validate() throws {
        guard password == nil else { throw SecretSource.refusal("--password") }
        try SecretSource.validate(
            descriptor: passwordFd, file: passwordFile, command: passwordCommand, name: "--password")
        if let kdfIterations, kdfIterations == 0 || kdfIterations > 100_000_000 {
            throw ValidationError("--kdf-iterations takes a number from 1 to 100000000")
        }
    }

    /// The password from the option that was given; nil without one.
    func given(_ context: Context) throws -> SecretBytes? {
        try SecretSource(
            descriptor: passwordFd, file: passwordFile, command: passwordCommand, name: "--password")?.read(context)
    }
}
