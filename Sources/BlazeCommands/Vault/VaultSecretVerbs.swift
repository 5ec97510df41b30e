internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

/// How a secret leaves the vault: shown on the terminal, or by the clipboard for a short time.
struct RevealOptions: ParsableArguments {
    @Flag(help: "Show it on the terminal.")
    var show = false
    @Flag(help: "Put it on the clipboard, which is cleared after 20 seconds.")
    var copy = false

    func validate() throws {
        guard !(show && copy) else { throw ValidationError("only one of --show and --copy") }
    }

    /// Hands a secret to the user; never to a pipe or a file.
    ///
    /// - Returns: `terminal` or `clipboard`.
    func hand(_ secret: inout SecretBytes, _ context: Context) throws -> String {
        if show {
            guard Terminal.isTerminal(Terminal.output) else {
                throw CommandFailure(
                    .denied, "not-a-terminal", "--show shows a secret on a terminal only, and standard output is none",
                    hint: "--copy puts it on the clipboard; blazectl exec hands it to a program")
            }
            try SecretSink.write(&secret, to: Terminal.output, lineEnd: true)
            return "terminal"
        }
        guard let executable = Executables.own() else {
            throw CommandFailure(
                .failure, "no-clipboard", "the clipboard could not be cleared later: this program cannot find itself",
                hint: "--show shows the secret on the terminal instead")
        }
        do throws(ClipboardError) {
            let clipboard = try Clipboard(environment: context.environment)
            try clipboard.copy(&secret)
            try clipboard.clearLater(&secret, after: .seconds(20), executable: executable)
        } catch {
            throw CommandFailure(
                .failure, "no-clipboard", "\(error)", hint: "--show shows the secret on the terminal instead")
        }
        return "clipboard"
    }
}

struct VaultRevealVerb: Verb {
    static let schemaName = "vault.reveal"
    static let configuration = CommandConfiguration(
        commandName: "reveal",
        abstract: "Put a database's password on the clipboard for 20 seconds, or show it on the terminal.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var vault: VaultPasswordOptions
    @OptionGroup var reveal: RevealOptions
    @Argument(help: "Its name in the vault, or the database's alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        if reveal.show, !Terminal.isTerminal(Terminal.output) {
            throw CommandFailure(
                .denied, "not-a-terminal", "--show shows a secret on a terminal only, and standard output is none",
                hint: "--copy puts it on the clipboard; blazectl exec hands it to a program")
        }
        var request = WireVaultRevealRequest()
        request.target = try context.target(database)
        var none: SecretBytes?
        var answer: SecretBytes?
        let reply = try VaultFlow(context, vault).call(request, secret: &none, answer: &answer)
        guard var secret = answer.take() else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent sent no password")
        }
        let place = try reveal.hand(&secret, context)
        var result = VerbResult(data: .object(["entry": reply.entry.json, "place": .string(place)])) { _ in
            ["the password of \(reply.entry.alias) is on the clipboard for 20 seconds"]
        }
        result.isWritten = place == "terminal"
        return result
    }
}

struct VaultGenerateVerb: Verb {
    static let schemaName = "vault.generate"
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Make a random password that BlazeDB accepts.",
        discussion: "It is kept nowhere. Without --copy or --show it goes to a new file that only you may read.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var reveal: RevealOptions
    @Option(help: ArgumentHelp("Write it to this new file (mode 0600).", valueName: "path"))
    var out: String?
    @Option(help: ArgumentHelp("How many characters.", valueName: "count"))
    var length: UInt32?

    func validate() throws {
        guard [reveal.show, reveal.copy, out != nil].count(where: { $0 }) == 1 else {
            throw ValidationError("one of --show, --copy and --out says where the password goes")
        }
        if let length, length == 0 { throw ValidationError("--length takes a number of characters") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireVaultGenerateRequest()
        if let length { request.length = length }
        let path = try out.map { try context.path($0) }
        let file = try path.map { try NewFile(path: $0) }
        var none: SecretBytes?
        var answer: SecretBytes?
        let reply = try context.connect(for: .vaultGenerate).call(request, secret: &none, answer: &answer)
        guard var secret = answer.take() else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent sent no password")
        }
        let place: String
        if let file, let path {
            try secret.withBytes { (bytes: UnsafeRawBufferPointer) throws(StorageError) in try file.write(bytes) }
            try file.write([UInt8(ascii: "\n")])
            try file.publish()
            place = path.displayString
        } else {
            place = try reveal.hand(&secret, context)
        }
        let data = JSONValue.object([
            "place": .string(place), "length": .count(secret.count), "strength": reply.strength.json,
        ])
        var result = VerbResult(data: data) { _ in
            [place == "clipboard" ? "the password is on the clipboard for 20 seconds" : "the password is in \(place)"]
        }
        result.isWritten = place == "terminal"
        return result
    }
}
