import BlazeModel
import Testing

@Suite struct RecordTests {
    static let id = RecordID(high: 0xA1, low: 0xB2)

    @Test func theLastOfEqualNamesCounts() {
        let record = Record(fields: [Field("n", .int(1)), Field("m", .null), Field("n", .int(2))])
        #expect(record["n"] == .int(2))
        #expect(record["absent"] == nil)
    }

    @Test func namesAreComparedAsBytes() {
        let record = Record(fields: [Field("\u{E9}", .int(1)), Field("e\u{301}", .int(2))])
        #expect(record["\u{E9}"] == .int(1))
        #expect(record["e\u{301}"] == .int(2))
    }

    @Test(arguments: [
        (Value.bool(true), true), (.bool(false), false), (.int(3), true), (.int(0), false), (.string("true"), false),
        (.null, false), (.double(1), false),
    ])
    func hiddenByIsDeleted(_ value: Value, _ hidden: Bool) {
        #expect(Record(fields: [Field("isDeleted", value)]).isHidden == hidden)
    }

    @Test func idFromUUIDOrItsText() {
        #expect(Record(fields: [Field("id", .uuid(Self.id))]).id == Self.id)
        #expect(Record(fields: [Field("id", .string(Self.id.description.lowercased()))]).id == Self.id)
        #expect(Record(fields: [Field("id", .string("x"))]).id == nil)
        #expect(Record(fields: []).id == nil)
    }

    @Test func kinds() {
        #expect(Record(fields: []).kind == .document)
        #expect(Record(fields: [Field("_blazeKind", .string("task"))]).kind == .typed("task"))
        let entry = [
            Field("_blazeKind", .string("_kv")), Field("_kvKey", .string("k")), Field("_kvValue", .data([1])),
        ]
        #expect(Record(fields: entry).kind == .byteKeyValue)
        #expect(Record(fields: Array(entry.prefix(2))).kind == .typed("_kv"))
    }

    /// FORMAT.md section 10 and trap T12.
    @Test func vectorsAreRecovered() {
        let vector = StoredVector(words: [0x3FF0_0000, 0xC004_0000, 0x3FB9_9999])
        #expect(vector.recovered[0] == 1 && vector.recovered[1] == -2.5)
        #expect(abs(vector.recovered[2] - 0.1) < 1e-6)
        #expect(vector.asReadByBlazeDB[0] != 1)
    }
}
