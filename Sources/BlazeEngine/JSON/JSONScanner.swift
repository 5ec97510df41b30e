/// Where and why bytes are no JSON, or not the JSON that was expected.
struct JSONError: Error {
    /// The position in the scanned bytes.
    let offset: Int
    /// What was expected there.
    let expected: String
    /// Whether the bytes are JSON, only of another shape.
    var isShape = false
}

/// A string in scanned bytes: what stands between its quotes.
struct JSONText {
    let range: Range<Int>
    let hasEscapes: Bool
}

/// A one-pass reader of JSON text (RFC 8259) over bytes in memory, made for metadata of a hundred thousand records:
/// nothing is built that the caller does not ask for, and every error has a byte position.
///
/// Nesting is bounded and never costs stack. Strings are checked for UTF-8 when they are taken out.
struct JSONScanner {
    let bytes: [UInt8]
    var position: Int
    let end: Int
    /// How deep a tree may nest.
    var nesting = EngineLimits.nesting

    init(_ bytes: [UInt8]) {
        self.init(bytes, in: 0..<bytes.count)
    }

    init(_ bytes: [UInt8], in range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next byte that is not white space, not consumed; nil at the end.
    mutating func peek() -> UInt8? {
        while position < end {
            let c = bytes[position]
            guard c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 else { return c }
            position += 1
        }
        return nil
    }

    func failed(_ expected: String) -> JSONError {
        JSONError(offset: position, expected: expected)
    }

    func wrongShape(_ expected: String) -> JSONError {
        JSONError(offset: position, expected: expected, isShape: true)
    }

    /// Consumes `c` if it is the next byte that is not white space.
    mutating func take(_ c: UInt8) -> Bool {
        guard peek() == c else { return false }
        position += 1
        return true
    }

    mutating func expect(_ c: UInt8, _ what: String) throws(JSONError) {
        guard take(c) else { throw failed(what) }
    }

    mutating func expectEnd() throws(JSONError) {
        guard peek() == nil else { throw failed("nothing behind the JSON text") }
    }

    /// A string, consumed with its quotes.
    mutating func string() throws(JSONError) -> JSONText {
        try expect(UInt8(ascii: "\""), "a string")
        let start = position
        var escapes = false
        while true {
            position = endOfPlainRun(from: position)
            guard position < end else { throw failed("the end of the string that starts at byte \(start - 1)") }
            switch bytes[position] {
            case UInt8(ascii: "\""):
                let range = start..<position
                position += 1
                return JSONText(range: range, hasEscapes: escapes)
            case UInt8(ascii: "\\"):
                escapes = true
                try skipEscape()
            default: throw failed("no control character in a string")
            }
        }
    }

    /// The first position from `start` on whose byte ends or interrupts a string: a quote, a backslash or a control
    /// character. Eight bytes at a time, because the signed payload is one string of megabytes.
    private func endOfPlainRun(from start: Int) -> Int {
        bytes.withUnsafeBytes { raw in
            let ones: UInt64 = 0x0101_0101_0101_0101
            let highs: UInt64 = 0x8080_8080_8080_8080
            var i = start
            while i + 8 <= end {
                let word = raw.loadUnaligned(fromByteOffset: i, as: UInt64.self)
                let quote = word ^ (ones &* 0x22)
                let slash = word ^ (ones &* 0x5C)
                let control = (word &- ones &* 0x20) & ~word
                let hit = ((quote &- ones) & ~quote) | ((slash &- ones) & ~slash) | control
                if hit & highs != 0 { break }
                i += 8
            }
            while i < end {
                let c = raw[i]
                if c == 0x22 || c == 0x5C || c < 0x20 { break }
                i += 1
            }
            return i
        }
    }

    private mutating func skipEscape() throws(JSONError) {
        guard position + 1 < end else {
            position = end
            throw failed("an escape sequence")
        }
        switch bytes[position + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            position += 2
        case UInt8(ascii: "u"):
            guard position + 6 <= end, bytes[position + 2..<position + 6].allSatisfy({ hexDigit($0) != nil }) else {
                throw failed("four hex digits behind \\u")
            }
            position += 6
        default: throw failed("an escape sequence")
        }
    }

    /// A number, consumed; its bytes' range.
    mutating func number() throws(JSONError) -> Range<Int> {
        guard let first = peek() else { throw failed("a number") }
        let start = position
        if first == UInt8(ascii: "-") { position += 1 }
        let integer = digits()
        guard integer > 0, integer == 1 || bytes[position - integer] != UInt8(ascii: "0") else {
            position = start
            throw failed("a number")
        }
        if position < end, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw failed("a digit") }
        }
        if position < end, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < end, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard digits() > 0 else { throw failed("a digit") }
        }
        return start..<position
    }

    private mutating func digits() -> Int {
        let start = position
        while position < end, bytes[position] &- UInt8(ascii: "0") < 10 { position += 1 }
        return position - start
    }

    /// `true`, `false` or `null`, consumed.
    mutating func literal() throws(JSONError) -> StaticString {
        for word: StaticString in ["true", "false", "null"] where matches(word, at: position) {
            position += word.utf8CodeUnitCount
            return word
        }
        throw failed("a value")
    }

    private func matches(_ word: StaticString, at start: Int) -> Bool {
        guard start + word.utf8CodeUnitCount <= end else { return false }
        for i in 0..<word.utf8CodeUnitCount where bytes[start + i] != word.utf8Start[i] { return false }
        return true
    }

    /// Whether a string is `word`. A string with escapes is compared by what it means.
    func equals(_ text: JSONText, _ word: StaticString) -> Bool {
        if text.hasEscapes { return (try? self.text(text)) == word.description }
        return text.range.count == word.utf8CodeUnitCount && matches(word, at: text.range.lowerBound)
    }
}

/// The value of a hex digit in either case.
@inline(__always)
func hexDigit(_ c: UInt8) -> UInt8? {
    switch c {
    case 0x30...0x39: c &- 0x30
    case 0x41...0x46: c &- 0x37
    case 0x61...0x66: c &- 0x57
    default: nil
    }
}
