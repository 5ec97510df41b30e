internal import BlazeModel
public import BlazePlatform
public import Crypto
internal import SystemPackage

/// Makes a new database of a dump or of text. Nothing of it has a name before everything was read, checked, written, read
/// back and synced; on any error nothing is left.
public enum Import {
    /// What a source is.
    public enum Form: String, Sendable, Hashable, CaseIterable {
        /// Our own dump.
        case lossless
        /// BlazeDB's `.blazedump`.
        case blazedump
        /// An array of typed JSON, as `export` writes it.
        case typed
        /// A JSON object on each line.
        case ndjson
        /// Typed JSON of a record on each line.
        case typedNDJSON = "typed-ndjson"
    }

    /// What was made of it.
    public struct Report: Sendable {
        /// What the source was.
        public let form: Form
        /// Records of the new database.
        public internal(set) var records: UInt64 = 0
        /// Of these, those that came without an id and got one.
        public internal(set) var idsGiven: UInt64 = 0
        /// Values whose type was guessed.
        public internal(set) var guesses = GuessReport()
        /// Records that the dump says it left out when it was made.
        public internal(set) var leftOut: UInt64 = 0
        /// Whether the dump was made beside a process that had the database open.
        public internal(set) var isLive = false
        /// Data file and metadata, in bytes.
        public internal(set) var bytes: UInt64 = 0
    }

    /// How far an import is: bytes of the source, then records of the new database.
    public struct Progress: Sendable {
        /// What is done.
        public let done: UInt64
        /// Of how much.
        public let total: UInt64
        /// Whether the new files are being read back.
        public let isVerifying: Bool
    }

    /// Makes the database.
    ///
    /// - Parameters:
    ///   - source: the bytes; unsealed, where they were sealed.
    ///   - form: what they are; found out by how they begin where it is nil.
    ///   - target: the new database's files, of which none may be there.
    ///   - key: the new database's key, derived with `salt`.
    ///   - progress: called now and then; what it throws ends the import.
    /// - Throws: `.alreadyExists`; `.malformedInput`, which names the line; `.damaged` for a dump that is not whole;
    ///   `.unsupportedFormat`, `.limitExceeded`; what reading and writing throws.
    public static func run(
        _ source: any ByteStream, form: Form?, to target: FileSet, in storage: any ChangingStorage, key: SymmetricKey,
        salt: [UInt8], progress: (Progress) throws -> Void = { _ in }
    ) throws -> Report {
        try target.checkFree(in: storage)
        let cursor = ByteCursor(source)
        let form = try form ?? Self.form(of: cursor)
        let new = target.successor
        do {
            let builder = try SuccessorBuilder(new, in: storage, key: key, cipher: PageCipher(key), like: nil)
            var report = Report(form: form)
            let image: MetadataImage
            switch form {
            case .lossless: image = try copy(LosslessReader(cursor), cursor, to: builder, &report, progress)
            case .blazedump: image = try copy(BlazeDumpReader(cursor), cursor, to: builder, &report, progress)
            case .typed, .ndjson, .typedNDJSON:
                image = try copy(TextRecords(cursor, form), cursor, to: builder, &report, progress)
            }
            let successor = try builder.finish(image, like: nil)
            try successor.verify { step in
                try progress(Progress(done: UInt64(step.done), total: UInt64(step.total), isVerifying: true))
            }
            try successor.sync()
            try successor.name(target, salt: salt, in: storage)
            report.bytes = successor.bytes
            return report
        } catch {
            // What is left over is told by its name; why the import ended is the error to tell.
            for path in [new.data, new.meta] { try? storage.remove(path) }
            throw error
        }
    }

    /// Takes all records over; the metadata to go with them.
    private static func copy(
        _ source: some RecordSource, _ cursor: ByteCursor, to builder: SuccessorBuilder, _ report: inout Report,
        _ progress: (Progress) throws -> Void
    ) throws -> MetadataImage {
        var source = source
        var seen: [(id: RecordID, place: InputPlace)] = []
        while let record = try source.next() {
            if report.records % 64 == 0 {
                let (done, total) = cursor.progress
                try progress(Progress(done: done, total: total, isVerifying: false))
            }
            if !source.ascends { seen.append((record.id, record.place)) }
            try record.bytes.withUnsafeBytes { try builder.add(record.id, $0) }
            report.records += 1
        }
        // Sorted by place as well, so that it is always the same two that are named.
        seen.sort { $0.id != $1.id ? $0.id < $1.id : $0.place.offset < $1.place.offset }
        for (a, b) in zip(seen, seen.dropFirst()) where a.id == b.id {
            throw EngineError(
                .malformedInput,
                "lines \(a.place.line) and \(b.place.line) (byte \(a.place.offset)) have the same id, \(a.id)",
                hint: "leave one of them out", offset: b.place.offset)
        }
        source.tell(&report)
        return source.image
    }

    /// What a source is by how it begins.
    private static func form(of cursor: ByteCursor) throws -> Form {
        let head = try cursor.peek(64 << 10)
        if head.starts(with: LosslessDump.magic) { return .lossless }
        func isBlank(_ c: UInt8) -> Bool { c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 }
        let text = head.drop(while: isBlank)
        if text.first == UInt8(ascii: "[") { return .typed }
        guard text.first == UInt8(ascii: "{") else {
            throw EngineError(
                .malformedInput, "the file does not begin like a dump, an array or a line of JSON",
                hint: "name what it is by --format")
        }
        if hasManifest(Array(text)) { return .blazedump }
        let line = Array(text.prefix { $0 != 0x0A })
        let place = InputPlace(line: 1, offset: 0)
        if case .fields(let fields)? = try? place.tree(TypedNode.self, of: line, nesting: TypedNode.nesting),
            !fields.isEmpty
        {
            return .typedNDJSON
        }
        // A first line that is longer than what was looked at is told apart by how its first field begins.
        let isCut = line.count == text.count && head.count == 64 << 10
        return isCut && Self.beginsTyped(line) ? .typedNDJSON : .ndjson
    }

    /// Whether a text's first two members are those of a `.blazedump`.
    private static func hasManifest(_ bytes: [UInt8]) -> Bool {
        var scanner = JSONScanner(bytes)
        scanner.position = 1
        var names: Set<String> = []
        for _ in 0..<2 {
            guard let key = try? scanner.key(), let name = try? scanner.text(key),
                (try? scanner.skipValue()) != nil
            else { return false }
            names.insert(name)
            guard scanner.take(UInt8(ascii: ",")) else { return false }
        }
        return names == ["header", "manifest"]
    }

    private static func beginsTyped(_ bytes: [UInt8]) -> Bool {
        var scanner = JSONScanner(bytes)
        scanner.position = 1
        guard (try? scanner.key()) != nil, scanner.take(UInt8(ascii: "{")), let key = try? scanner.key(),
            scanner.equals(key, "t"), let type = try? scanner.string(), let text = try? scanner.text(type)
        else { return false }
        return ["string", "int", "double", "bool", "uuid", "date", "data", "array", "dict", "vector"].contains(text)
    }
}
