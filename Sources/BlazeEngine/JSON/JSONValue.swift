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

/// A container whose end has not been reached yet.
private struct OpenContainer {
    var elements: [JSONValue] = []
    var members: [JSONValue.Member] = []
    /// The name of the member whose value comes next; nil in an array.
    var key: String?

    mutating func append(_ value: JSONValue) {
        if let key { members.append(JSONValue.Member(key: key, value: value)) } else { elements.append(value) }
    }

    var value: JSONValue { key == nil ? .array(elements) : .object(members) }
}

extension JSONScanner {
    /// Consumes one value and builds its tree. Without recursion, so that depth costs no stack.
    mutating func value() throws(JSONError) -> JSONValue {
        var open: [OpenContainer] = []
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
    private mutating func scalarOrOpen(_ open: inout [OpenContainer]) throws(JSONError) -> JSONValue? {
        switch peek() ?? 0 {
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            let isObject = bytes[position] == UInt8(ascii: "{")
            position += 1
            if take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return isObject ? .object([]) : .array([]) }
            guard open.count < EngineLimits.nesting else { throw failed("at most \(EngineLimits.nesting) levels") }
            var container = OpenContainer()
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
            default: return .null
            }
        }
    }
}
