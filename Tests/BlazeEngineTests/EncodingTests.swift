import BlazeModel
import Crypto
import Testing
import TestSupport

@testable import BlazeEngine

/// What the engine writes is what FORMAT.md says, byte for byte (sections 3, 4 and 10), and nothing over the format's limits.
@Suite struct EncodingTests {
    private static let id = RecordID("00000000-0000-4000-8000-000000000001")!

    @Test func encodesTheRecordOfTheVectors() throws {
        let record = Record(fields: [
            Field("when", .date(1000.5)), Field("title", .string("hi")), Field("n", .int(7)),
            Field("id", .uuid(Self.id)),
        ])
        let wanted =
            "424c415a45010004010500000000000040008000000000000001ff00016e120706226869ff00047768656e06408f440000000000"
        #expect(try RecordCodec.encode(record) == hex(wanted))
    }

    private static let values: [(Value, String)] = [
        (.string(""), "11"), (.string("x"), "2178"),
        (.string("1234567890123456"), "010000001031323334353637383930313233343536"),
        (.int(255), "12ff"), (.int(256), "020000000000000100"), (.int(-1), "02ffffffffffffffff"),
        (.double(.pi), "03400921fb54442d18"), (.bool(true), "0401"), (.data([0, 255]), "070000000200ff"),
        (.array([.int(1), .string("a")]), "08000212012161"), (.array([]), "18"),
        (.dictionary([Field("k", .null)]), "09000100016b0b"), (.dictionary([]), "19"),
        (.vector(StoredVector(words: [0x3FF0_0000, 0xC004_0000, 0x3FB9_9999])), "0a000000033ff00000c00400003fb99999"),
    ]

    @Test(arguments: values.indices) func encodesTheValuesOfTheVectors(_ place: Int) throws {
        let (value, wanted) = Self.values[place]
        let bytes = try RecordCodec.encode(Record(fields: [Field("zz", value)]))
        #expect(bytes == hex("424c415a45010001ff00027a7a") + hex(wanted))
        #expect(try RecordCodec.decode(bytes).fields == [Field("zz", value)])
    }

    @Test func ordersFieldsAndKeysAndKeepsTheLastOfEach() throws {
        let record = Record(fields: [
            Field("b", .int(1)),
            Field("a", .dictionary([Field("y", .int(1)), Field("x", .int(2)), Field("y", .int(3))])),
            Field("b", .int(2)),
        ])
        #expect(
            try RecordCodec.decode(RecordCodec.encode(record)).fields == [
                Field("a", .dictionary([Field("x", .int(2)), Field("y", .int(3))])), Field("b", .int(2)),
            ])
    }

    @Test func refusesWhatBlazeDBCannotHold() {
        let long = String(repeating: "n", count: 65_536)
        var deep = Value.int(1)
        for _ in 0...EngineLimits.nesting { deep = .array([deep]) }
        let refused: [[Field]] = [
            [Field(long, .null)], [Field("d", .dictionary([Field(long, .null)]))],
            [Field("a", .array([Value](repeating: .null, count: 65_536)))],
            (0..<65_536).map { Field("f\($0)", .null) },
            [Field("d", .dictionary((0..<65_536).map { Field("f\($0)", .null) }))],
            [Field("v", .vector(StoredVector(words: [UInt32](repeating: 0, count: EngineLimits.vectorElements))))],
            [Field("x", deep)],
            [Field("d", .data([UInt8](repeating: 0, count: EngineLimits.valueBytes + 1)))],
        ]
        for fields in refused {
            #expect(throws: EngineError(.invalidRecord, "")) { try RecordCodec.encode(Record(fields: fields)) }
        }
    }

    @Test func sealsPagesThatOpen() throws {
        let cipher = try PageCipher(WriterBench.key)
        let buffer = PageBuffer(pages: 2)
        let plaintext = [UInt8](repeating: 5, count: PageView.recordCapacity)
        var nonces: Set<[UInt8]> = []
        for count in [0, 1, 4046, PageView.recordCapacity] {
            try plaintext[..<count].withUnsafeBytes { bytes in
                try cipher.sealRecord(bytes, into: buffer.place(0))
                try cipher.sealOverflow(
                    UnsafeRawBufferPointer(rebasing: bytes.prefix(PageView.overflowCapacity)), next: 9,
                    into: buffer.place(1))
            }
            #expect(buffer.page(0).kind == .record && buffer.page(1).kind == .overflow)
            #expect(cipher.openRecord(buffer.page(0)).map { [UInt8]($0) } == Array(plaintext[..<count]))
            #expect(
                cipher.openOverflow(buffer.page(1)).map { [UInt8]($0) }
                    == Array(plaintext[..<min(count, PageView.overflowCapacity)]))
            #expect(buffer.page(1).nextPage == 9)
            #expect(buffer.page(0).bytes[(37 + count)...].allSatisfy { $0 == 0 })
            nonces.insert(Array(buffer.page(0).bytes[9..<21]))
        }
        #expect(nonces.count == 4)
    }

    @Test func noncesAreNeverTheSame() {
        let source = NonceSource()
        var seen: Set<[UInt8]> = []
        var nonce = [UInt8](repeating: 0, count: 12)
        for _ in 0..<1000 {
            nonce.withUnsafeMutableBytes { source.next(into: $0.baseAddress!) }
            #expect(seen.insert(nonce).inserted)
        }
    }

    @Test func theReferenceOfTheVectors() {
        let reference = OverflowReference(first: 5, totalBytes: 5000, checksum: 0xA55C_CD8B_52A7_BFC5, pages: 1)
        #expect(
            reference.bytes
                == hex("4f56523201010000000000050000000000001388a55ccd8b52a7bfc500000001"))
    }

    /// A record that ends like a reference at exactly the length of a main page goes through overflow (trap T21).
    @Test func aRecordThatLooksLikeAReferenceHasAChain() throws {
        let bench = WriterBench()
        let empty = try RecordCodec.encode(Record(fields: [Field("id", .uuid(Self.id)), Field("zz", .data([]))])).count
        var data = [UInt8](repeating: 0, count: OverflowReference.mainPlaintext - empty)
        data.replaceSubrange((data.count - 32)..<(data.count - 27), with: Array("OVR2".utf8) + [1])
        let record = Record(fields: [Field("id", .uuid(Self.id)), Field("zz", .data(data))])
        #expect(try RecordCodec.encode(record).count == OverflowReference.mainPlaintext)
        let storage = try bench.made([record])
        #expect(storage[bench.files.data]?.count == 2 * 4096)
        #expect(try bench.contents(storage) == [Self.id: typedJSON(record)])
    }

    @Test func writesWhatIsKeptOfTheMetadata() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(1))
        let payload = builder.payload.replacing(
            "\"metaData\":[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"}]",
            with:
                "\"metaData\":[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"},{\"key\":\"mine\",\"value\":[1e400,\"\\/\"]}]"
        ).replacing(
            "\"secondaryIndexDefinitions\":[]",
            with:
                "\"secondaryIndexDefinitions\":[{\"key\":\"n\",\"value\":[\"n\"]}],\"future\":{\"x\":1e400},\"searchIndex\":{}"
        )
        let made = builder.storage(metadata: builder.metadata(payload: payload, members: #","later":[1, 2]"#))
        let storage = CrashStorage()
        for path in [DatabaseBuilder.files.data, DatabaseBuilder.files.meta, DatabaseBuilder.files.salt] {
            storage[path] = made[path]
        }
        let bench = WriterBench(files: DatabaseBuilder.files, key: builder.key)
        let before = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true).metadata
        storage[bench.files.indexes] = [123]
        let writer = try bench.open(storage)
        _ = try writer.vacuum(always: true)
        #expect(storage[bench.files.indexes] == [123])
        let between = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true).metadata
        #expect(between.keptPayloadMembers == before.keptPayloadMembers)
        try writer.insert(WriterBench.record(2))
        try writer.close()
        let after = try DatabaseReader(bench.files, in: storage, key: bench.key, underLease: true).metadata
        #expect(storage[bench.files.indexes] == nil)
        // What it says of records is not true any more.
        #expect(after.keptPayloadMembers == before.keptPayloadMembers.filter { $0.key != "searchIndex" })
        #expect(after.unknownWrapperMembers == before.unknownWrapperMembers)
        #expect(after.wrapperVersion == 2 && after.recordCount == 2)
    }
}
