internal import BlazeModel
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads BlazeDB's `.blazedump` (FORMAT.md 7.7). Its hashes are over the bytes as they stand in the file, so they are taken
/// from those and nothing is encoded again.
struct BlazeDumpReader: RecordSource {
    private let cursor: ByteCursor
    private var header: [UInt8]?
    private var manifest: (bytes: [UInt8], place: InputPlace)?
    private var payload: (hash: [UInt8], size: UInt64, count: UInt64)?
    private var inRecords = false
    private var count: UInt64 = 0
    private var start: UInt64 = 0
    private var isFirst = true
    private var isOver = false
    private var tally = GuessTally()
    private var given: UInt64 = 0
    private(set) var image = MetadataImage()
    let ascends = false

    init(_ cursor: ByteCursor) { self.cursor = cursor }

    mutating func next() throws -> IncomingRecord? {
        while !isOver {
            if inRecords {
                if let record = try nextRecord() { return record }
            } else {
                try nextMember()
            }
        }
        return nil
    }

    private mutating func nextMember() throws {
        if isFirst {
            try cursor.expect(UInt8(ascii: "{"), "an object")
            isFirst = false
        } else if try !cursor.take(UInt8(ascii: ",")) {
            try cursor.expect(UInt8(ascii: "}"), "a comma or the object's end")
            return try finish()
        }
        _ = try cursor.skipBlank()
        let place = cursor.place
        let name = try cursor.value(limit: 64, what: "a member's name")
        try cursor.expect(UInt8(ascii: ":"), "a colon")
        _ = try cursor.skipBlank()
        let limit = EngineLimits.dumpTextHeaderBytes
        switch String(decoding: name, as: UTF8.self) {
        case "\"header\"" where header == nil: header = try cursor.value(limit: limit, what: "the header")
        case "\"manifest\"" where manifest == nil:
            let place = cursor.place
            manifest = (try cursor.value(limit: limit, what: "the manifest"), place)
        case "\"records\"" where payload == nil:
            start = cursor.offset
            cursor.startHash()
            try cursor.expect(UInt8(ascii: "["), "an array of records")
            inRecords = true
        default: throw place.malformed("expected header, manifest and records, each once")
        }
    }

    private mutating func nextRecord() throws -> IncomingRecord? {
        if count == 0 {
            if try cursor.take(UInt8(ascii: "]")) { return endRecords() }
        } else if try !cursor.take(UInt8(ascii: ",")) {
            try cursor.expect(UInt8(ascii: "]"), "a comma or the array's end")
            return endRecords()
        }
        _ = try cursor.skipBlank()
        let place = cursor.place
        let bytes = try cursor.value(limit: EngineLimits.importedRecordBytes, what: "a record")
        count += 1
        let record = try tally.record(DumpRules.self, of: try Self.storage(of: bytes, at: place), at: place)
        return try IncomingRecord(record, place, textBecomesID: true, given: &given)
    }

    private mutating func endRecords() -> IncomingRecord? {
        payload = (cursor.endHash(), cursor.offset - start, count)
        inRecords = false
        return nil
    }

    /// The fields in `{"storage":{...}}`.
    private static func storage(of bytes: [UInt8], at place: InputPlace) throws(EngineError) -> [UInt8] {
        var found: Range<Int>?
        do throws(JSONError) {
            var scanner = JSONScanner(bytes)
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                guard found == nil, s.equals(key, "storage") else { throw s.failed("storage, once") }
                found = try s.skipValue()
            }
            try scanner.expectEnd()
        } catch {
            throw place.malformed("expected \(error.expected)", plus: error.offset)
        }
        guard let found else { throw place.malformed("expected a record with storage") }
        return Array(bytes[found])
    }

    /// Holds the file against its manifest.
    private mutating func finish() throws {
        guard try cursor.skipBlank() == nil else { throw cursor.place.malformed("expected nothing behind the dump") }
        guard let header, let manifest, let payload else {
            throw cursor.place.malformed("the dump has no header, no manifest or no records")
        }
        try readHeader(header)
        let told = try manifest.place.tree(
            JSONValue.self, of: manifest.bytes, nesting: EngineLimits.nesting)
        let headerHash = Self.hex(SHA256.hash(data: header))
        let payloadHash = Self.hex(payload.hash)
        let combined = Self.hex(SHA256.hash(data: Array((headerHash + payloadHash).utf8)))
        guard told["headerHash"]?.string == headerHash, told["payloadHash"]?.string == payloadHash,
            told["combinedHash"]?.string == combined
        else { throw Self.altered("its hashes do not hold") }
        guard told["payloadSize"]?.integer == Int64(payload.size), told["recordCount"]?.integer == Int64(payload.count)
        else { throw Self.altered("it tells another size or count of records") }
        isOver = true
    }

    private mutating func readHeader(_ bytes: [UInt8]) throws {
        let place = InputPlace(line: 1, offset: 0)
        let header = try place.tree(JSONValue.self, of: bytes, nesting: EngineLimits.nesting)
        guard header["formatVersion"]?.integer == 1 else {
            throw EngineError(.unsupportedFormat, "the .blazedump is of another version than 1")
        }
        guard let schema = header["schemaVersion"], let major = schema["major"]?.integer,
            let minor = schema["minor"]?.integer, major != 0 || minor != 0
        else { return }
        image = MetadataImage(
            payload: [
                Metadata.RawMember(
                    key: "metaData",
                    value: Array(
                        (#"[{"key":"formatVersion","value":"1.0.0"},{"key":"schema_version_major","value":\#(major)},"#
                            + #"{"key":"schema_version_minor","value":\#(minor)}]"#).utf8))
            ], wrapper: [])
    }

    private static func altered(_ what: String) -> EngineError {
        EngineError(
            .damaged, "the .blazedump was altered or is incomplete: \(what)",
            hint: "nothing was made of it; dump the database again")
    }

    static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    func tell(_ report: inout Import.Report) {
        report.idsGiven = given
        report.guesses = tally.report(readsDump: true)
    }
}
