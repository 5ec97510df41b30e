internal import BlazeModel

/// A piece of typed JSON (`TypedJSON`), put together from the inside out, so that depth costs no stack.
///
/// What is wrong inside is carried outwards as `.wrong`, because a tree's parts cannot throw.
enum TypedNode: JSONTree {
    case value(Value)
    case fields([Field])
    case list([TypedNode])
    case text(String)
    case flag(Bool)
    case other
    case wrong(String)

    /// Every value takes two levels of JSON, and a record one.
    static let nesting = 2 * EngineLimits.nesting + 4

    static func null() -> TypedNode { .other }
    static func bool(_ flag: Bool) -> TypedNode { .flag(flag) }
    static func number(_ text: String) -> TypedNode { .other }
    static func string(_ text: String) -> TypedNode { .text(text) }
    static func array(_ elements: [TypedNode]) -> TypedNode {
        // Nothing else stands in a list; and lists of lists would be as deep as the text when they are let go of.
        for element in elements {
            switch element {
            case .value, .text: break
            case .wrong(let why): return .wrong(why)
            default: return .wrong("a list of what is no typed value")
            }
        }
        return .list(elements)
    }

    static func object(_ members: [(key: String, value: TypedNode)]) -> TypedNode {
        for case (_, .wrong(let why)) in members { return .wrong(why) }
        // A dictionary with a key named t has a value there, and never a bare text.
        for case ("t", .text(let type)) in members { return typed(type, members) }
        var fields: [Field] = []
        fields.reserveCapacity(members.count)
        var names: Set<[UInt8]> = []
        for (name, node) in members {
            guard case .value(let value) = node else {
                return .wrong("a field or key without a typed value")
            }
            guard names.insert(Array(name.utf8)).inserted else { return .wrong("a field or key that stands twice") }
            fields.append(Field(name, value))
        }
        return .fields(fields)
    }

    private static func typed(_ type: String, _ members: [(key: String, value: TypedNode)]) -> TypedNode {
        let wrong = TypedNode.wrong("a typed value that is not of its form")
        if type == "null" { return members.count == 1 ? .value(.null) : wrong }
        guard members.count == 2, let value = members.first(where: { $0.key == "v" })?.value,
            let made = made(type, value)
        else { return wrong }
        return .value(made)
    }

    private static func made(_ type: String, _ node: TypedNode) -> Value? {
        switch (type, node) {
        case ("string", .text(let text)): .string(text)
        case ("int", .text(let text)): Int64(text).flatMap { "\($0)" == text ? .int($0) : nil }
        case ("double", .text(let text)): double(text).map { .double($0) }
        case ("bool", .flag(let flag)): .bool(flag)
        case ("date", .text(let text)): double(text).map { .date($0) }
        case ("uuid", .text(let text)): RecordID(text).map { .uuid($0) }
        case ("data", .text(let text)): bytes(text).map { .data($0) }
        case ("array", .list(let nodes)): values(nodes).map { .array($0) }
        case ("dict", .fields(let fields)): .dictionary(fields)
        case ("vector", .list(let nodes)): vector(nodes)
        default: nil
        }
    }

    private static func values(_ nodes: [TypedNode]) -> [Value]? {
        var out: [Value] = []
        out.reserveCapacity(nodes.count)
        for node in nodes {
            guard case .value(let value) = node else { return nil }
            out.append(value)
        }
        return out
    }

    /// The words of which BlazeDB reads these doubles (trap T12).
    private static func vector(_ nodes: [TypedNode]) -> Value? {
        var words: [UInt32] = []
        words.reserveCapacity(nodes.count)
        for node in nodes {
            guard case .text(let text) = node, let read = double(text) else { return nil }
            let narrow = Float(read)
            guard Double(narrow).bitPattern == read.bitPattern else { return nil }
            words.append(narrow.bitPattern.byteSwapped)
        }
        return .vector(StoredVector(words: words))
    }

    private static func double(_ text: String) -> Double? {
        guard let bytes = bytes(text), bytes.count == 8 else { return nil }
        return Double(bitPattern: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    private static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8
        guard digits.count % 2 == 0 else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(digits.count / 2)
        var high: UInt8?
        for c in digits {
            guard let digit = hexDigit(c) else { return nil }
            if let first = high {
                out.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return out
    }
}
