internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeVault
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// import: a new database of a dump or of text.
enum ImportHandler {
    static func importing(
        _ request: WireImportRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireImportReply {
        let state = call.state
        guard let path = FilePath(bytes: [UInt8](request.path)), path.isAbsolute,
            let named = FilePath(bytes: [UInt8](request.to)), named.isAbsolute, named.lastComponent != nil
        else { throw Fault(.invalidRequest, "an import needs the absolute paths of a file and of the new database") }
        let form = try Import.Form(request.format)
        let iterations = try OpenDatabase.checked(iterations: request.hasKdfIterations ? request.kdfIterations : nil)
        var secrets = try SecretPair(&secret, first: request.passwordBytes)
        guard var password = secrets.first.take() else {
            throw Fault(.invalidRequest, "an import needs the new database's password")
        }
        try checkPolicy(&password)
        let database = LocatedDatabase(path: named.canonical(from: "/"), state: state)
        let use = state.keyUses.begin(database, abandon: call.responder.abandon)
        let source = try stream(of: path, opening: request.secret, &secrets, state)
        var random = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &random) }
        var key = try DatabaseKey.derive(salt: salt, password: &password, iterations: iterations ?? 600_000)
        try use.check()
        let report = try key.withKey { key in
            try Import.run(
                source, form: form, to: database.files, in: state.changing, key: key, salt: salt
            ) { progress in
                try use.check()
                var part = WireImportPart()
                part.done = progress.done
                part.total = progress.total
                part.verifying = progress.isVerifying
                try call.responder.part(part)
            }
        }
        var reply = WireImportReply(report)
        reply.row = DatabaseRows.row(for: LocatedDatabase(path: database.path, state: state), state)
        return reply
    }

    /// That BlazeDB opens a database with this password.
    private static func checkPolicy(_ password: inout SecretBytes) throws {
        let unmet = try PasswordStrength.assess(&password).unmet
        guard unmet.isEmpty else {
            throw Fault(
                .invalidRequest,
                "BlazeDB opens no database with this password; it fails the rules "
                    + unmet.map(\.rawValue).joined(separator: ", "),
                hint: "take one with \(PasswordPolicy.shortest) characters or more, upper and lower case, and a digit")
        }
    }

    /// The file's bytes, unsealed where it is sealed.
    private static func stream(
        of path: FilePath, opening kind: WireDumpSecret, _ secrets: inout SecretPair, _ state: AgentState
    ) throws -> any ByteStream {
        let file: any StorageFile
        do throws(StorageError) {
            file = try state.storage.open(path)
        } catch {
            guard error.code == .notRegularFile else { throw error }
            throw Fault(
                .invalidRequest, "\(path.displayString) is no file that could be read twice",
                target: path.displayString)
        }
        guard try file.bytes(count: SealHeader.magic.count, at: 0) == SealHeader.magic else {
            guard kind == .none, secrets.second == nil else {
                throw Fault(
                    .invalidRequest, "\(path.displayString) is not sealed",
                    hint: "leave the passphrase or identity out",
                    target: path.displayString)
            }
            return try FileStream(file)
        }
        guard var text = secrets.second.take() else {
            throw Fault(
                .invalidRequest, "\(path.displayString) is sealed", hint: "give its passphrase, or an identity",
                target: path.displayString)
        }
        switch kind {
        case .passphrase:
            var secret = SealSecret(passphrase: text)
            return try SealReader(file, with: &secret)
        case .identity:
            var secret = SealSecret(identity: try SealIdentity(text: &text))
            return try SealReader(file, with: &secret)
        default: throw Fault(.invalidRequest, "the request does not say what opens the dump")
        }
    }
}

extension Import.Form {
    /// Nil where the file is to tell it.
    fileprivate init?(_ wire: WireDumpFormat) throws {
        switch wire {
        case .unspecified: return nil
        case .lossless: self = .lossless
        case .blazedump: self = .blazedump
        case .typed: self = .typed
        case .ndjson: self = .ndjson
        case .typedNdjson: self = .typedNDJSON
        case .UNRECOGNIZED: throw Fault(.invalidRequest, "the agent does not know this format")
        }
    }
}

extension WireImportReply {
    fileprivate init(_ report: Import.Report) {
        self.init()
        switch report.form {
        case .lossless: format = .lossless
        case .blazedump: format = .blazedump
        case .typed: format = .typed
        case .ndjson: format = .ndjson
        case .typedNDJSON: format = .typedNdjson
        }
        records = report.records
        idsGiven = report.idsGiven
        guesses = report.guesses.entries.map { entry in
            var out = WireImportGuess()
            out.field = entry.field
            out.type = entry.type
            out.instead = entry.instead
            out.count = entry.count
            return out
        }
        furtherGuesses = report.guesses.further
        leftOut = report.leftOut
        live = report.isLive
        bytes = report.bytes
    }
}
