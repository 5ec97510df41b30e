internal import BlazeModel

/// Records of text: an array of typed JSON, or a line for each record.
struct TextRecords: RecordSource {
    private let cursor: ByteCursor
    private let form: Import.Form
    private let image0 = MetadataImage()
    private var tally = GuessTally()
    private var given: UInt64 = 0
    private var isStarted = false
    private var isOver = false
    let ascends = false

    var image: MetadataImage { image0 }

    /// - Parameter form: `.typed`, `.ndjson` or `.typedNDJSON`.
    init(_ cursor: ByteCursor, _ form: Import.Form) {
        self.cursor = cursor
        self.form = form
    }

    mutating func next() throws -> IncomingRecord? {
        guard !isOver else { return nil }
        guard let (bytes, place) = try form == .typed ? nextElement() : nextLine() else {
            isOver = true
            return nil
        }
        let record: Record
        switch form {
        case .typed, .typedNDJSON: record = try Self.typed(bytes, at: place)
        default: record = try tally.record(PlainRules.self, of: bytes, at: place)
        }
        return try IncomingRecord(record, place, textBecomesID: form == .ndjson, given: &given)
    }

    private mutating func nextElement() throws -> ([UInt8], InputPlace)? {
        if !isStarted {
            isStarted = true
            try cursor.expect(UInt8(ascii: "["), "an array of records")
            if try cursor.take(UInt8(ascii: "]")) { return try end() }
        } else if try !cursor.take(UInt8(ascii: ",")) {
            try cursor.expect(UInt8(ascii: "]"), "a comma or the array's end")
            return try end()
        }
        _ = try cursor.skipBlank()
        let place = cursor.place
        return (try cursor.value(limit: EngineLimits.importedRecordBytes, what: "a record"), place)
    }

    private func end() throws -> ([UInt8], InputPlace)? {
        guard try cursor.skipBlank() == nil else { throw cursor.place.malformed("expected nothing behind the array") }
        return nil
    }

    private func nextLine() throws -> ([UInt8], InputPlace)? {
        while true {
            let place = cursor.place
            guard let line = try cursor.nextLine(limit: EngineLimits.importedRecordBytes) else { return nil }
            if line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) { return (line, place) }
        }
    }

    static func typed(_ bytes: [UInt8], at place: InputPlace) throws(EngineError) -> Record {
        switch try place.tree(TypedNode.self, of: bytes, nesting: TypedNode.nesting) {
        case .fields(let fields): return Record(fields: fields)
        case .wrong(let why): throw place.malformed("a record holds \(why)")
        default: throw place.malformed("expected a record: an object of typed values")
        }
    }

    func tell(_ report: inout Import.Report) {
        report.idsGiven = given
        report.guesses = tally.report(readsDump: false)
    }
}

extension IncomingRecord {
    /// A record that is encoded anew; one without an id gets one.
    ///
    /// - Parameter textBecomesID: whether an id that is the text of a UUID becomes one, as BlazeDB makes it (FORMAT.md 4.1).
    init(
        _ record: Record, _ place: InputPlace, textBecomesID: Bool, given: inout UInt64
    ) throws(EngineError) {
        var record = record
        if record["id"] == nil {
            record.fields.append(Field("id", .uuid(.random())))
            given += 1
        }
        guard let id = record.id else { throw place.malformed("a record has an id that is no UUID") }
        if textBecomesID {
            record.fields.removeAll { $0.name.utf8.elementsEqual("id".utf8) }
            record.fields.append(Field("id", .uuid(id)))
        }
        self.id = id
        self.place = place
        do throws(EngineError) {
            bytes = try RecordCodec.encode(record)
            guard bytes.count <= Int(OverflowReference.longestRecord) else {
                throw EngineError(.invalidRecord, "the record is longer than BlazeDB can read")
            }
        } catch {
            throw EngineError(
                .malformedInput, "line \(place.line): \(error.message)", offset: place.offset)
        }
    }
}

extension RecordID {
    /// A new one, of version 4.
    fileprivate static func random() -> RecordID {
        var random = SystemRandomNumberGenerator()
        return RecordID(
            high: random.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000, low: random.next() & 0x3FFF_FFFF_FFFF_FFFF | 1 << 63)
    }
}
