import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import TestSupport

@testable import BlazeEngine

/// Writes databases by hand, sound or broken, for tests that need a particular one. Independent of the code that it
/// tests: it follows FORMAT.md, not the reader.
struct DatabaseBuilder {
    static let files = FileSet(data: "/db/made.blazedb")

    let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))
    var pages: [[UInt8]] = []
    var index: [(id: RecordID, pages: [Int])] = []
    var nextPageIndex: Int?
    var free: [Int] = []
    var wal: [UInt8] = []
    /// JSON members behind the usual ones of the payload, with a leading comma.
    var extraPayload = ""

    static func id(_ n: Int) -> RecordID {
        RecordID(high: 0x0000_0000_0000_4000, low: 0x8000_0000_0000_0000 | UInt64(n))
    }

    // MARK: Bytes

    static func big(_ n: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: n.bigEndian) { Array($0) } }
    static func little(_ n: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: n.littleEndian) { Array($0) } }

    static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: 4096 - bytes.count)
    }

    /// A record `{id, n}`, or one that also has `size` bytes of data.
    static func record(_ id: RecordID, n: UInt8 = 1, size: Int = 0) -> [UInt8] {
        var out = Array("BLAZE".utf8) + [1] + big(UInt16(size > 0 ? 3 : 2)) + [0x01, 0x05] + id.bytes
        out += [0xFF, 0, 1, UInt8(ascii: "n"), 0x12, n]
        if size > 0 { out += [0x34, 0x07] + big(UInt32(size)) + (0..<size).map { UInt8(truncatingIfNeeded: $0) } }
        return out
    }

    func seal(_ plaintext: [UInt8], header: [UInt8]) throws -> [UInt8] {
        let box = try AES.GCM.seal(plaintext, using: key)
        return Self.padded(header + Array(box.nonce) + box.tag + box.ciphertext)
    }

    func recordPage(_ plaintext: [UInt8]) throws -> [UInt8] {
        try seal(plaintext, header: Array("BZDB".utf8) + [2] + Self.big(UInt32(plaintext.count)))
    }

    func overflowPage(_ piece: [UInt8], next: Int) throws -> [UInt8] {
        try seal(
            piece, header: Array("OVER".utf8) + [3, 0, 0, 0] + Self.big(UInt32(next)) + Self.big(UInt32(piece.count)))
    }

    static func reference(
        first: Int, total: Int, checksum: UInt64, count: Int, flags: UInt8 = 1
    ) -> [UInt8] {
        Array("OVR2".utf8) + [1, flags, 0, 0] + big(UInt32(first)) + big(UInt64(total)) + big(checksum)
            + big(UInt32(count))
    }

    static func fnv(_ bytes: [UInt8]) -> UInt64 {
        bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }

    // MARK: Contents

    /// A record in a page of its own; the page's number.
    @discardableResult
    mutating func add(_ id: RecordID, n: UInt8 = 1) throws -> Int {
        pages.append(try recordPage(Self.record(id, n: n)))
        index.append((id, [pages.count - 1]))
        return pages.count - 1
    }

    /// A record with overflow pages behind its main page; `broken` may change the reference and the pages.
    mutating func addLong(
        _ id: RecordID, size: Int, reference change: (inout ReferenceFields) -> Void = { _ in },
        next: (Int, Int) -> Int = { $1 }
    ) throws {
        let bytes = Self.record(id, size: size)
        let main = pages.count
        let pieces = stride(from: 4014, to: bytes.count, by: 4052).map {
            Array(bytes[$0..<min($0 + 4052, bytes.count)])
        }
        var fields = ReferenceFields(
            first: main + 1, total: bytes.count, checksum: Self.fnv(bytes), count: pieces.count, flags: 1)
        change(&fields)
        let reference = Self.reference(
            first: fields.first, total: fields.total, checksum: fields.checksum, count: fields.count,
            flags: fields.flags)
        pages.append(try recordPage(Array(bytes[..<4014]) + reference))
        for (i, piece) in pieces.enumerated() {
            let following = i + 1 < pieces.count ? main + i + 2 : 0
            pages.append(try overflowPage(piece, next: next(i, following)))
        }
        index.append((id, Array(main..<main + 1 + pieces.count)))
    }

    struct ReferenceFields {
        var first: Int
        var total: Int
        var checksum: UInt64
        var count: Int
        var flags: UInt8
    }

    // MARK: WAL

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }

    static func walEntry(_ page: Int, _ image: [UInt8]) -> [UInt8] {
        little(UInt32(0x5741_4C45)) + little(UInt32(page)) + little(UInt32(image.count)) + little(crc(image)) + image
    }

    static func unifiedEntry(_ transaction: UInt8, _ operation: UInt8, page: Int = 0, _ payload: [UInt8] = [])
        -> [UInt8]
    {
        let body =
            Array("WALV".utf8) + little(UInt64(1)) + [UInt8](repeating: transaction, count: 16) + [operation]
            + little(UInt32(page)) + little(UInt32(payload.count)) + payload
        return body + little(crc(body))
    }

    // MARK: Files

    var payload: String {
        let entries = index.map { "{\"id\":\"\($0.id)\",\"pages\":\($0.pages)}" }.joined(separator: ",")
        return """
            {"deletedPages":\(free),"encodingFormat":"blazeBinary","fieldTypes":[],"indexMap":[\(entries)],\
            "metaData":[{"key":"formatVersion","value":"1.0.0"}],"nextPageIndex":\(nextPageIndex ?? pages.count),\
            "searchIndexedFields":[],"secondaryIndexDefinitions":[],"secondaryIndexes":[],"version":1\(extraPayload)}
            """
    }

    func metadata(payload: String, layout: String = "{}", members: String = "") -> [UInt8] {
        let bytes = Array(payload.utf8)
        let signature = Data(HMAC<SHA256>.authenticationCode(for: bytes, using: key)).base64EncodedString()
        return Array(
            """
            {"layout":\(layout),"secureLayoutVersion":2,"signature":"\(signature)","signedAt":"2026-01-01T00:00:00Z",\
            "signedPayload":"\(Data(bytes).base64EncodedString().replacing("/", with: "\\/"))"\(members)}
            """.utf8)
    }

    func storage() -> MemoryStorage {
        storage(metadata: metadata(payload: payload))
    }

    /// Every file by its path.
    func contents() -> [FilePath: [UInt8]] {
        [
            Self.files.data: pages.flatMap(\.self), Self.files.meta: metadata(payload: payload),
            Self.files.salt: [UInt8](0..<16), Self.files.wal: wal,
        ]
    }

    func storage(metadata: [UInt8]) -> MemoryStorage {
        let storage = MemoryStorage()
        storage[Self.files.data] = pages.flatMap(\.self)
        storage[Self.files.meta] = metadata
        storage[Self.files.salt] = [UInt8](0..<16)
        storage[Self.files.wal] = wal
        return storage
    }

    func reader() throws -> DatabaseReader {
        try DatabaseReader(Self.files, in: storage(), key: key)
    }
}

/// What reading and checking a database gives.
struct Reading {
    var records: [RecordID: [UInt8]] = [:]
    var report: ReadReport
    var findings: [Finding]

    init(_ reader: DatabaseReader) throws {
        var records: [RecordID: [UInt8]] = [:]
        report = try reader.forEachRecord { records[$0] = typedJSON($1) }
        findings = report.findings + (try reader.quickCheck()).findings
        self.records = records
    }

    var names: Set<String> { Set(findings.map(\.name.rawValue)) }
}
