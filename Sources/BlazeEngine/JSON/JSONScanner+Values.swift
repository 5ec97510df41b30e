internal import BlazeModel

extension JSONScanner {
    /// Walks an object's members; `body` consumes each value.
    mutating func members(
        _ body: (inout JSONScanner, JSONText) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(UInt8(ascii: "{"), "an object")
        if take(UInt8(ascii: "}")) { return }
        repeat {
            let name = try key()
            try body(&self, name)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"), "a comma or the object's end")
    }

    /// Walks an array's elements; `body` consumes each.
    mutating func elements(_ body: (inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        try expect(UInt8(ascii: "["), "an array")
        if take(UInt8(ascii: "]")) { return }
        repeat {
            try body(&self)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"), "a comma or the array's end")
    }

    /// A member's name and its colon, consumed.
    mutating func key() throws(JSONError) -> JSONText {
        let key = try string()
        try expect(UInt8(ascii: ":"), "a colon")
        return key
    }

    /// Consumes one value of any kind; the range of its bytes.
    @discardableResult
    mutating func skipValue() throws(JSONError) -> Range<Int> {
        guard peek() != nil else { throw failed("a value") }
        let start = position
        // What closes each container that is open around the position, the innermost last.
        var closers: [UInt8] = []
        while true {
            if let closer = try skipScalarOrOpen() {
                guard closers.count < EngineLimits.nesting else {
                    throw failed("at most \(EngineLimits.nesting) levels")
                }
                if !take(closer) {
                    closers.append(closer)
                    if closer == UInt8(ascii: "}") { _ = try key() }
                    continue
                }
            }
            while true {
                guard let closer = closers.last else { return start..<position }
                if take(UInt8(ascii: ",")) {
                    if closer == UInt8(ascii: "}") { _ = try key() }
                    break
                }
                try expect(closer, "a comma or the container's end")
                closers.removeLast()
            }
        }
    }

    /// Consumes a scalar, or the opening of a container, whose closing byte is then returned.
    private mutating func skipScalarOrOpen() throws(JSONError) -> UInt8? {
        switch peek() ?? 0 {
        case UInt8(ascii: "{"):
            position += 1
            return UInt8(ascii: "}")
        case UInt8(ascii: "["):
            position += 1
            return UInt8(ascii: "]")
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): _ = try number()
        default: _ = try literal()
        }
        return nil
    }

    /// The text of a string, its escapes resolved, its UTF-8 checked.
    func text(_ text: JSONText) throws(JSONError) -> String {
        let unescaped = text.hasEscapes ? try unescape(text.range) : Array(bytes[text.range])
        guard let out = String(validating: unescaped, as: UTF8.self) else {
            throw JSONError(offset: text.range.lowerBound, expected: "valid UTF-8 in a string")
        }
        return out
    }

    /// A string with its escapes resolved; not yet checked for UTF-8.
    func unescape(_ range: Range<Int>) throws(JSONError) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(range.count)
        var i = range.lowerBound
        while i < range.upperBound {
            guard bytes[i] == UInt8(ascii: "\\"), i + 1 < range.upperBound else {
                out.append(bytes[i])
                i += 1
                continue
            }
            let c = bytes[i + 1]
            i += 2
            switch c {
            case UInt8(ascii: "b"): out.append(0x08)
            case UInt8(ascii: "f"): out.append(0x0C)
            case UInt8(ascii: "n"): out.append(0x0A)
            case UInt8(ascii: "r"): out.append(0x0D)
            case UInt8(ascii: "t"): out.append(0x09)
            case UInt8(ascii: "u"):
                guard let scalar = unicodeEscape(&i, in: range) else {
                    throw JSONError(offset: i, expected: "a Unicode scalar or a surrogate pair")
                }
                out.append(contentsOf: String(scalar).utf8)
            default: out.append(c)
            }
        }
        return out
    }

    /// The scalar of `\uXXXX`, or of a surrogate pair of two of them; `i` stands behind the first `\u`.
    private func unicodeEscape(_ i: inout Int, in range: Range<Int>) -> Unicode.Scalar? {
        func unit() -> UInt32? {
            guard i + 4 <= range.upperBound else { return nil }
            var value: UInt32 = 0
            for c in bytes[i..<i + 4] {
                guard let digit = hexDigit(c) else { return nil }
                value = value << 4 | UInt32(digit)
            }
            i += 4
            return value
        }
        guard let first = unit() else { return nil }
        guard first & 0xFC00 == 0xD800 else { return Unicode.Scalar(first) }
        guard i + 1 < range.upperBound, bytes[i] == UInt8(ascii: "\\"), bytes[i + 1] == UInt8(ascii: "u") else {
            return nil
        }
        i += 2
        guard let second = unit(), second & 0xFC00 == 0xDC00 else { return nil }
        return Unicode.Scalar(0x10000 + (first & 0x3FF) << 10 + (second & 0x3FF))
    }

    /// The id that a string is the text form of; nil for any other string.
    func recordID(_ text: JSONText) -> RecordID? {
        guard text.range.count == 36, !text.hasEscapes else { return nil }
        return bytes.withUnsafeBufferPointer { all in
            var high: UInt64 = 0
            var low: UInt64 = 0
            var i = text.range.lowerBound
            for position in 0..<36 {
                let c = all[i]
                i += 1
                if position == 8 || position == 13 || position == 18 || position == 23 {
                    guard c == UInt8(ascii: "-") else { return nil }
                    continue
                }
                guard let digit = hexDigit(c) else { return nil }
                if position < 18 { high = high << 4 | UInt64(digit) } else { low = low << 4 | UInt64(digit) }
            }
            return RecordID(high: high, low: low)
        }
    }

    /// A number of a page: a non-negative integer of any written form; nil for any other number.
    func pageNumber(_ range: Range<Int>) -> UInt64? {
        guard range.count <= 18 else { return exactInteger(range).flatMap(UInt64.init(exactly:)) }
        var value: UInt64 = 0
        for c in bytes[range] {
            let digit = c &- UInt8(ascii: "0")
            guard digit < 10 else { return exactInteger(range).flatMap(UInt64.init(exactly:)) }
            value = value * 10 + UInt64(digit)
        }
        return value
    }

    /// A number that is an integer, also one written as `1.0` or `1e3`.
    func exactInteger(_ range: Range<Int>) -> Int64? {
        let text = String(decoding: bytes[range], as: UTF8.self)
        return Int64(text) ?? Double(text).flatMap(Int64.init(exactly:))
    }
}
