internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What an import reads.
enum ImportForm: String, ExpressibleByArgument, CaseIterable {
    case lossless
    case blazedump
    case typed
    case ndjson
    case typedNDJSON = "typed-ndjson"

    var wire: WireDumpFormat {
        switch self {
        case .lossless: .lossless
        case .blazedump: .blazedump
        case .typed: .typed
        case .ndjson: .ndjson
        case .typedNDJSON: .typedNdjson
        }
    }

    init?(_ wire: WireDumpFormat) {
        guard let form = Self.allCases.first(where: { $0.wire == wire }) else { return nil }
        self = form
    }
}

struct ImportVerb: Verb {
    static let schemaName = "import"
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Make a new database of a dump or of JSON.",
        discussion: """
            Reads dumps, sealed or not, BlazeDB's .blazedump, what export --format typed writes, and a JSON object on \
            each line, plain or typed. The password is the new database's. Tells every field whose types had to be \
            guessed. On any error nothing is left of the new database.
            """)

    @OptionGroup var global: GlobalOptions
    @OptionGroup var password: PasswordOptions
    @OptionGroup var passphrase: PassphraseOptions
    @Option(help: ArgumentHelp("The new database, which must not exist.", valueName: "path"))
    var to: String
    @Option(help: "lossless, blazedump, typed, ndjson or typed-ndjson; told by the file without it.")
    var format: ImportForm?
    @Option(help: ArgumentHelp("Open a sealed dump with this identity file (keygen).", valueName: "file"))
    var identity: String?
    @Argument(help: "The file to read.")
    var file: String

    func validate() throws {
        if identity != nil, passphrase.isNamed {
            throw ValidationError("a dump is opened with an identity or a passphrase, not both")
        }
    }

    func execute(_ context: Context) throws -> VerbResult {
        let path = try context.path(file)
        var request = WireImportRequest()
        request.path = Data(path.bytes)
        request.to = Data(try context.path(to).bytes)
        if let format { request.format = format.wire }
        if let count = password.kdfIterations { request.kdfIterations = count }
        var opening = try openingSecret(path, &request, context)
        var new: SecretBytes
        if let given = try password.given(context) {
            new = given
        } else {
            new = try Passphrase.chosen(context, "Password of the new database: ")
        }
        request.passwordBytes = UInt32(new.count)
        var both = try SecretBytes.joined(&new, &opening)
        defer { context.progress(nil) }
        let reply = try context.connect(for: .import).call(request, secret: &both) { part throws(ClientError) in
            let word = part.verifying ? "read back" : "read"
            context.progress("\(part.total > 0 ? part.done * 100 / part.total : 0) % \(word)")
        }
        context.progress(nil)
        return result(reply, context)
    }

    /// What opens the dump; nil for a file that is not sealed.
    private func openingSecret(
        _ path: FilePath, _ request: inout WireImportRequest, _ context: Context
    ) throws -> SecretBytes? {
        let bytes = try PosixStorage().open(path).bytes(count: SealHeader.longest, at: 0)
        guard bytes.starts(with: SealHeader.magic) else {
            guard identity == nil, !passphrase.isNamed else {
                throw CommandFailure(
                    .usage, "not-sealed", "\(path.displayString) is not sealed: it takes no passphrase and no identity",
                    target: path.displayString)
            }
            return nil
        }
        let header: SealHeader
        do throws(SealError) {
            header = try SealHeader(bytes)
        } catch {
            throw CommandFailure(
                error.code == .unsupportedVersion ? .unsupported : .damage, "sealed", error.description,
                target: path.displayString)
        }
        if let identity {
            request.secret = .identity
            let place = try context.path(identity)
            return try SecretSource.reading(place.displayString) {
                try SecretInput.from(file: place, limit: ProtocolLimits.secret)
            }
        }
        request.secret = .passphrase
        if let given = try passphrase.given(context) { return given }
        guard header.takesPassphrase else {
            throw CommandFailure(
                .usage, "identity-needed", "\(path.displayString) is sealed for recipients only",
                hint: "--identity names the file that keygen wrote", target: path.displayString)
        }
        return try Asker(context).ask("Passphrase of the dump: ", within: .seconds(60))
    }

    private func result(_ reply: WireImportReply, _ context: Context) -> VerbResult {
        var told = reply.guesses.map { guess in
            "\(context.printable(guess.field)): \(guess.count) values taken as \(guess.type), may have been "
                + guess.instead
        }
        if reply.furtherGuesses > 0 { told.append("\(reply.furtherGuesses) guesses in further fields") }
        if reply.idsGiven > 0 { told.append("\(reply.idsGiven) records came without an id and got one") }
        if reply.leftOut > 0 { told.append("the dump was made without \(reply.leftOut) records") }
        var fields = reply.row.identityFields
        fields["format"] = .optional(ImportForm(reply.format)?.rawValue)
        fields["records"] = .count(reply.records)
        fields["ids_given"] = .count(reply.idsGiven)
        fields["left_out"] = .count(reply.leftOut)
        fields["live"] = .bool(reply.live)
        fields["bytes"] = .count(reply.bytes)
        fields["further_guesses"] = .count(reply.furtherGuesses)
        fields["guesses"] = .array(
            reply.guesses.map { guess in
                .object([
                    "field": .string(guess.field), "type": .string(guess.type), "instead": .string(guess.instead),
                    "count": .count(guess.count),
                ])
            })
        let warnings = context.format == .json ? [] : told
        return VerbResult(data: .object(fields), warnings: warnings) { _ in
            [
                "\(reply.records) records, \(Style.size(reply.bytes)), in "
                    + FilePath.displayString([UInt8](reply.row.path))
            ]
        }
    }
}
