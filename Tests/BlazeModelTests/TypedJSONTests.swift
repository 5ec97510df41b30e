import BlazeModel
import Testing

@Suite struct TypedJSONTests {
    static func text(_ fields: [Field]) -> String {
        var out: [UInt8] = []
        TypedJSON.append(Record(fields: fields), to: &out)
        return String(decoding: out, as: UTF8.self)
    }

    @Test(arguments: [
        (Value.string(""), #"{"t": "string", "v": ""}"#),
        (.string("a\"\\/\u{7F}\u{E9}\u{1F600}"), "{\"t\": \"string\", \"v\": \"a\\\"\\\\/\u{7F}\u{E9}\u{1F600}\"}"),
        (.string("\0\u{8}\t\n\u{B}\u{C}\r\u{1F}"), #"{"t": "string", "v": "\u0000\b\t\n\u000b\f\r\u001f"}"#),
        (.int(.min), #"{"t": "int", "v": "-9223372036854775808"}"#),
        (.double(-0.0), #"{"t": "double", "v": "8000000000000000"}"#),
        (.double(.infinity), #"{"t": "double", "v": "7ff0000000000000"}"#),
        (.bool(true), #"{"t": "bool", "v": true}"#),
        (.date(1000.5), #"{"t": "date", "v": "408f440000000000"}"#),
        (
            .uuid(RecordID(high: 0, low: 0xABC)),
            #"{"t": "uuid", "v": "00000000-0000-0000-0000-000000000ABC"}"#
        ),
        (.data([0, 255]), #"{"t": "data", "v": "00ff"}"#),
        (.array([.int(1), .null]), #"{"t": "array", "v": [{"t": "int", "v": "1"}, {"t": "null"}]}"#),
        (.array([]), #"{"t": "array", "v": []}"#),
        (.dictionary([]), #"{"t": "dict", "v": {}}"#),
        (
            .dictionary([Field("b", .int(1)), Field("", .null), Field("a", .int(2)), Field("b", .int(3))]),
            #"{"t": "dict", "v": {"": {"t": "null"}, "a": {"t": "int", "v": "2"}, "b": {"t": "int", "v": "3"}}}"#
        ),
        (.vector(StoredVector(words: [0x0000_803F])), #"{"t": "vector", "v": ["3ff0000000000000"]}"#),
        (.null, #"{"t": "null"}"#),
    ])
    func values(_ value: Value, _ json: String) {
        #expect(Self.text([Field("x", value)]) == "{\"x\": \(json)}")
    }

    /// Sorted by bytes, as Python sorts code points: not by Unicode's canonical order.
    @Test func keysAreSortedByBytes() {
        let text = Self.text([Field("\u{E9}", .null), Field("z", .null), Field("e\u{301}", .null)])
        #expect(text == "{\"e\u{301}\": {\"t\": \"null\"}, \"z\": {\"t\": \"null\"}, \"\u{E9}\": {\"t\": \"null\"}}")
    }
}
