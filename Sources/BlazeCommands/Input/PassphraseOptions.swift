internal import ArgumentParser
internal import BlazePlatform

/// Where the passphrase of a sealed dump comes from.
struct PassphraseOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the dump's passphrase from this descriptor.", valueName: "number"))
    var passphraseFd: Int32?

    @Option(help: ArgumentHelp("Read it from a file that only you may read.", valueName: "path"))
    var passphraseFile: String?

    @Option(help: ArgumentHelp("Read it from what a command prints.", valueName: "command"))
    var passphraseCommand: String?

    @Option(help: .hidden)
    var passphrase: String?

    func validate() throws {
        guard passphrase == nil else { throw SecretSource.refusal("--passphrase") }
        try SecretSource.validate(
            descriptor: passphraseFd, file: passphraseFile, command: passphraseCommand, name: "--passphrase")
    }

    /// Whether an option names a place.
    var isNamed: Bool { passphraseFd != nil || passphraseFile != nil || passphraseCommand != nil }

    /// The passphrase from the option that was given; nil without one.
    func given(_ context: Context) throws -> SecretBytes? {
        try SecretSource(
            descriptor: passphraseFd, file: passphraseFile, command: passphraseCommand, name: "--passphrase")?
            .read(context)
    }
}
