/// A JSON value as a tree, for what is small or rare: record bodies of old databases, metadata to be encoded anew.
/// Numbers keep the text they were written as.
indirect enum JSONValue {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([Member])

    struct Member {
        let key: String
        let value: JSONValue
    }

    /// The value of a member; of equal keys the last one.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var integer: Int64? {
        guard case .number(let text) = self else { return nil }
        return Int64(text) ?? Double(text).flatMap(Int64.init(exactly:))
    }

    var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }
}

/// What a JSON text can be built into.
protocol JSONTree {
    static func null() -> Self
    static func bool(_ flag: Bool) -> Self
    /// A number by the text that it was written as.
    static func number(_ text: String) -> Self
    static func string(_ text: String) -> Self
    static func array(_ elements: [Self]) -> Self
    /// An object's members in written order; keys may repeat.
    static func object(_ members: [(key: String, value: Self)]) -> Self
}

extension JSONValue: JSONTree {
    static func null() -> JSONValue { .null }
    static func object(_ members: [(key: String, value: JSONValue)]) -> JSONValue {
        .object(members.map { Member(key: $0.key, value: $0.value) })
    }
}

/// A container whose end has not been reached yet.
private struct OpenContainer<Tree: JSONTree> {
    var elements: [Tree] = []
    var members: [(key: String, value: Tree)] = []
    /// The name of the member whose value comes next; nil in an array.
    var key: String?

    mutating func append(_ value: Tree) {
        if let key { members.append((key, value)) } else { elements.append(value) }
    }

    var value: Tree { key == nil ? .array(elements) : .object(members) }
}

extension JSONScanner {
    /// Consumes one value and builds its tree.
    mutating func value() throws(JSONError) -> JSONValue {
        try tree(JSONValue.self)
    }

    /// Consumes one value and builds a tree of any kind. Without recursion, so that depth costs no stack.
    mutating func tree<Tree: JSONTree>(_: Tree.Type) throws(JSONError) -> Tree {
        var open: [OpenContainer<Tree>] = []
        while true {
            guard var value = try scalarOrOpen(&open) else { continue }
            // The value is complete: put it where it belongs, closing every container that ends here.
            while !open.isEmpty {
                let last = open.count - 1
                let isObject = open[last].key != nil
                open[last].append(value)
                if take(UInt8(ascii: ",")) {
                    if isObject { open[last].key = try text(try key()) }
                    break
                }
                try expect(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"), "a comma or the container's end")
                value = open.removeLast().value
            }
            if open.isEmpty { return value }
        }
    }

    /// A scalar or an empty container; nil when a container was opened.
    private mutating func scalarOrOpen<Tree: JSONTree>(
        _ open: inout [OpenContainer<Tree>]
    ) throws(JSONError) -> Tree? {
        switch peek() ?? 0 {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let isObject = bytes[position] == UInt8(ascii: "{")
            position += 1
            if take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return isObject ? .object([]) : .array([]) }
            guard open.count < nesting else { throw failed("at most \(nesting) levels") }
            var container = OpenContainer<Tree>()
            if isObject { container.key = try text(try key()) }
            open.append(container)
            return nil
        case UInt8(ascii: "\""): return .string(try text(try string()))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
            return .number(String(decoding: bytes[try number()], as: UTF8.self))
        default:
            switch try literal().description {
            case "true": return .bool(true)
            case "false": return .bool(false)
            default: return .null()
            }
        }
    }
}
