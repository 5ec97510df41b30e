import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import Testing
import TestSupport

@testable import BlazeEngine

/// The vectors of FORMAT.md 10.
@Suite struct FormatVectorTests {
    private static let salt = Salt(bytes: [UInt8](0..<16), source: .file)
    private static let record =
        "424c415a45010004010500000000000040008000000000000001ff00016e120706226869ff00047768656e06408f440000000000"
    private static let page =
        "425a44420200000034000102030405060708090a0b3f2a73c4e3ebeb79f672cbe418bcd86670edbdfd8d658c3e7c2bfcd620cf46dd"
        + "edd9a5d9cd352555b41384ca03da41a1a292961debf6941ca256d7d78432abdce05a9bc1"
    private static let key = SymmetricKey(data: hex("8189a038c7995517746f2aa2cca57fc6eccb714b8cf52e84c0f291f2d895e2a3"))

    @Test(arguments: [
        (1000, false, "8189a038c7995517746f2aa2cca57fc6eccb714b8cf52e84c0f291f2d895e2a3"),
        (600_000, false, "d18a342fedf4a617772b96baf9ce2ff3463bcde7a636708a5b26987697c25c84"),
        (10_000, true, "7b56cba54db85c2c13e10154a58a3339bd36eb7e72bd2723c4f2d2523ed27dab"),
    ])
    func derivesKeys(_ iterations: Int, _ isOld: Bool, _ expected: String) throws {
        var password = try SecretBytes(utf8: "Fixture-Passw0rd-2026")
        let derivation = KeyDerivation(salt: isOld ? .constant : Self.salt, iterations: iterations)
        var key = try derivation.key(password: &password)
        #expect(key.withBytes { Array($0) } == hex(expected))
    }

    @Test(arguments: [1, 2]) func decodesRecords(_ version: Int) throws {
        var bytes = hex(Self.record)
        if version == 2 {
            bytes[5] = 2
            bytes += hex("ecee956e")
        }
        let record = try RecordCodec.decode(bytes)
        #expect(
            record.fields == [
                Field("id", .uuid(try #require(RecordID("00000000-0000-4000-8000-000000000001")))),
                Field("n", .int(7)), Field("title", .string("hi")), Field("when", .date(1000.5)),
            ])
        if version == 2 {
            bytes[20] ^= 1
            #expect(throws: EngineError(.malformedRecord, "")) { try RecordCodec.decode(bytes) }
        }
    }

    @Test func opensARecordPage() throws {
        let page = DatabaseBuilder.padded(hex(Self.page))
        #expect(
            SHA256.hash(data: page).elementsEqual(
                hex("a3ae1808d460abe8feb66903384c2cce0c5c3a397623e1e87549df9d0ef4fa9e")))
        page.withUnsafeBytes { raw in
            let view = PageView(raw)
            #expect(view.kind == .record)
            #expect(PageCipher(Self.key).openRecord(view).map { [UInt8]($0) } == hex(Self.record))
            #expect(PageCipher(SymmetricKey(size: .bits256)).openRecord(view) == nil)
            #expect(Checksum.crc32(raw) == 0x4ECF_E947)
        }
        #expect(DatabaseBuilder.walEntry(3, page).prefix(16).elementsEqual(hex("454c4157030000000010000047e9cf4e")))
    }

    @Test func opensAnOverflowPage() {
        let bytes = hex(
            "4f564552030000000000000900000003000102030405060708090a0ba50037d5d7a2aedbc9aa36ebd6b3966553c39f")
        DatabaseBuilder.padded(bytes).withUnsafeBytes { raw in
            let view = PageView(raw)
            #expect(view.kind == .overflow && view.nextPage == 9)
            #expect(PageCipher(Self.key).openOverflow(view).map { [UInt8]($0) } == Array("abc".utf8))
        }
    }

    @Test(
        arguments: [
            ([], 0xCBF2_9CE4_8422_2325), (Array("abc".utf8), 0xE71F_A219_0541_574B),
            ([UInt8](repeating: 0, count: 5000), 0xA55C_CD8B_52A7_BFC5),
        ] as [([UInt8], UInt64)])
    func hashesFNV(_ bytes: [UInt8], _ expected: UInt64) {
        #expect(bytes.withUnsafeBytes { Checksum.fnv1a64($0) } == expected)
    }

    @Test func readsAReference() throws {
        let bytes =
            [UInt8](repeating: 0, count: 4014) + hex("4f56523201010000000000050000000000001388a55ccd8b52a7bfc500000001")
        let reference = try #require(bytes.withUnsafeBytes { OverflowReference(plaintext: $0) })
        #expect(reference.isCommitted && reference.first == 5 && reference.totalBytes == 5000)
        #expect(reference.checksum == 0xA55C_CD8B_52A7_BFC5 && reference.pages == 1)
    }

    @Test(arguments: [
        ("11", Value.string("")), ("2178", .string("x")),
        ("010000001031323334353637383930313233343536", .string("1234567890123456")), ("12ff", .int(255)),
        ("020000000000000100", .int(256)), ("02ffffffffffffffff", .int(-1)), ("03400921fb54442d18", .double(.pi)),
        ("0401", .bool(true)), ("070000000200ff", .data([0, 255])),
        ("08000212012161", .array([.int(1), .string("a")])),
        ("18", .array([])), ("09000100016b0b", .dictionary([Field("k", .null)])), ("19", .dictionary([])),
        ("0a000000033ff00000c00400003fb99999", .vector(StoredVector(words: [0x3FF0_0000, 0xC004_0000, 0x3FB9_9999]))),
    ])
    func decodesValues(_ bytes: String, _ value: Value) throws {
        let record = try RecordCodec.decode(Array("BLAZE".utf8) + [1, 0, 1, 0x35] + hex(bytes))
        #expect(record.fields == [Field("isActive", value)])
        if case .vector(let vector) = value {
            #expect(vector.recovered[0] == 1 && vector.recovered[1] == -2.5)
            #expect(abs(vector.recovered[2] - 0.1) < 1e-6)
        }
    }

    @Test func takesByteKeyIDsAsTheyAre() {
        let hash = SHA256.hash(data: Array("key/1".utf8))
        #expect(RecordID(bytes: Array(hash.prefix(16)))?.bytes == hex("446a49c9cced82d9bb3f26e392695126"))
    }

    @Test func verifiesAPayload() throws {
        let payload =
            #"{"deletedPages":[],"encodingFormat":"blazeBinary","fieldTypes":[],"indexMap":[{"id":"00000000-0000-4000-8000-000000000001","pages":[0]}],"metaData":[{"key":"formatVersion","value":"1.0.0"}],"nextPageIndex":1,"searchIndexedFields":[],"secondaryIndexDefinitions":[],"secondaryIndexes":[],"version":1}"#
        let storage = MemoryStorage()
        storage[DatabaseBuilder.files.meta] = Array(
            """
            {"layout":{},"secureLayoutVersion":2,"signature":"dJNfRRVkQhwjhR6RQbPYOmlaPsrQOKRll6M\\/K4EXcDY=",\
            "signedAt":"x","signedPayload":"\(Data(payload.utf8).base64EncodedString())"}
            """.utf8)
        storage[DatabaseBuilder.files.data] = DatabaseBuilder.padded(hex(Self.page))
        let reader = try DatabaseReader(DatabaseBuilder.files, in: storage, key: Self.key)
        #expect(try Reading(reader).records.count == 1)
        #expect(reader.metadata.formatVersion == "1.0.0" && reader.metadata.signedAt == "x")
    }

    @Test func namesHaveTheirCodes() {
        #expect(FieldNames.all.count == 0x3A && Set(FieldNames.all).count == 0x3A)
        #expect(FieldNames.name(0) == nil && FieldNames.name(0x3B) == nil)
        #expect(
            FieldNames.name(0x01) == "id" && FieldNames.name(0x3A) == "isFavorite" && FieldNames.name(0x2B) == "type")
    }
}

/// The bytes of hex digits.
func hex(_ text: String) -> [UInt8] {
    let digits = text.compactMap { $0.hexDigitValue }.map(UInt8.init)
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
