internal import ArgumentParser
internal import BlazePlatform

/// Where the vault's passphrase comes from, when the vault is locked and needed.
struct VaultPasswordOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the vault's passphrase from this descriptor.", valueName: "number"))
    var vaultPasswordFd: Int32?

    @Option(help: ArgumentHelp("Read it from a file that only you may read.", valueName: "path"))
    var vaultPasswordFile: String?

    @Option(help: ArgumentHelp("Read it from what a command prints.", valueName: "command"))
    var vaultPasswordCommand: String?

    @Flag(help: "After wrong passphrases, fail instead of waiting until another attempt is allowed.")
    var noWait = false

    @Option(help: .hidden)
    var vaultPassword: String?

    func validate() throws {
        guard vaultPassword == nil else { throw SecretSource.refusal("--vault-password") }
        try SecretSource.validate(
            descriptor: vaultPasswordFd, file: vaultPasswordFile, command: vaultPasswordCommand,
            name: "--vault-password")
    }

    /// The passphrase from the option that was given; nil without one.
    func given(_ context: Context) throws -> SecretBytes? {
        try SecretSource(
            descriptor: vaultPasswordFd, file: vaultPasswordFile, command: vaultPasswordCommand,
            name: "--vault-password")?.read(context)
    }
}

/// The passwords of a verb that works with a database, and whether to keep the database's.
struct SecretOptions: ParsableArguments {
    @OptionGroup var password: PasswordOptions
    @OptionGroup var vault: VaultPasswordOptions

    @Flag(
        inversion: .prefixedNo, exclusivity: .exclusive,
        help: "Keep the password in the vault, or do not and do not ask.")
    var remember: Bool?
}

/// Where a new passphrase comes from.
struct NewPassphraseOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read the new passphrase from this descriptor.", valueName: "number"))
    var newVaultPasswordFd: Int32?

    @Option(help: ArgumentHelp("Read it from a file that only you may read.", valueName: "path"))
    var newVaultPasswordFile: String?

    @Option(help: ArgumentHelp("Read it from what a command prints.", valueName: "command"))
    var newVaultPasswordCommand: String?

    func validate() throws {
        try SecretSource.validate(
            descriptor: newVaultPasswordFd, file: newVaultPasswordFile, command: newVaultPasswordCommand,
            name: "--new-vault-password")
    }

    func given(_ context: Context) throws -> SecretBytes? {
        try SecretSource(
            descriptor: newVaultPasswordFd, file: newVaultPasswordFile, command: newVaultPasswordCommand,
            name: "--new-vault-password")?.read(context)
    }
}
