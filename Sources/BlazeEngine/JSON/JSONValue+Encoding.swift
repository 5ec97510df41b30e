/// JSON as text: names sorted by their bytes, no spaces.
extension JSONValue {
    static func utf8Order(_ a: String, _ b: String) -> Bool {
        a.utf8.lexicographicallyPrecedes(b.utf8)
    }

    /// Nothing that is written here nests this deep. What does is left out, so that it cannot verify.
    private static let deepest = 64

    /// Appends the value's text.
    func append(to out: inout [UInt8]) { append(depth: 0, to: &out) }

    private func append(depth: Int, to out: inout [UInt8]) {
        guard depth < Self.deepest else { return }
        switch self {
        case .null: out.append(contentsOf: "null".utf8)
        case .bool(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .number(let text): out.append(contentsOf: text.utf8)
        case .string(let text): JSONQuoting.append(text, to: &out)
        case .array(let values):
            out.append(UInt8(ascii: "["))
            for (i, element) in values.enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                element.append(depth: depth + 1, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (i, member) in members.sorted(by: { Self.utf8Order($0.key, $1.key) }).enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                JSONQuoting.append(member.key, to: &out)
                out.append(UInt8(ascii: ":"))
                member.value.append(depth: depth + 1, to: &out)
            }
            out.append(UInt8(ascii: "}"))
        }
    }
}
