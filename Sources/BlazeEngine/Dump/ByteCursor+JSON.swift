internal import BlazeModel

/// A place in a text that is imported.
struct InputPlace: Sendable {
    /// From 1 on.
    let line: UInt64
    /// In bytes from the start.
    let offset: UInt64

    /// That the text is not as it should be there.
    func malformed(_ what: String, plus: Int = 0) -> EngineError {
        EngineError(.malformedInput, "line \(line): \(what)", offset: offset + UInt64(plus))
    }
}

/// JSON that is longer than memory: the bytes of one value at a time, which a `JSONScanner` then takes apart.
extension ByteCursor {
    var place: InputPlace { InputPlace(line: line, offset: offset) }

    /// Passes white space; the byte behind it, nil at the end.
    func skipBlank() throws -> UInt8? {
        while let c = try peek() {
            guard c == 0x20 || c == 0x0A || c == 0x0D || c == 0x09 else { return c }
            pass()
        }
        return nil
    }

    /// Passes `c` behind white space if it is next.
    func take(_ c: UInt8) throws -> Bool {
        guard try skipBlank() == c else { return false }
        pass()
        return true
    }

    /// Passes `c` behind white space. Throws `.malformedInput`.
    func expect(_ c: UInt8, _ what: String) throws {
        guard try take(c) else { throw place.malformed("expected \(what)") }
    }

    /// The bytes of the next value, from its first to its last. Whether they are JSON is for a scanner to see; here they end
    /// where brackets and quotes are closed. Throws `.malformedInput` and `.limitExceeded`.
    func value(limit: Int, what: String) throws -> [UInt8] {
        guard let first = try skipBlank() else { throw place.malformed("expected \(what)") }
        let start = place
        var out: [UInt8] = []
        func add(_ c: UInt8) throws {
            guard out.count < limit else {
                throw EngineError(
                    .limitExceeded, "line \(start.line): \(what) has more than \(limit) bytes", offset: start.offset)
            }
            pass()
            out.append(c)
        }
        guard first == UInt8(ascii: "{") || first == UInt8(ascii: "[") || first == UInt8(ascii: "\"") else {
            while let c = try peek(), !Self.endsScalar(c) { try add(c) }
            guard !out.isEmpty else { throw start.malformed("expected \(what)") }
            return out
        }
        var depth = 0
        var inString = false
        var isEscaped = false
        while let c = try peek() {
            try add(c)
            if inString {
                if isEscaped {
                    isEscaped = false
                } else if c == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if c == UInt8(ascii: "\"") {
                    inString = false
                }
            } else {
                switch c {
                case UInt8(ascii: "\""): inString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
            }
            if !inString, depth == 0 { return out }
        }
        throw start.malformed("\(what) is cut off")
    }

    private static func endsScalar(_ c: UInt8) -> Bool {
        c <= 0x20 || c == UInt8(ascii: ",") || c == UInt8(ascii: "]") || c == UInt8(ascii: "}")
    }

    /// The bytes up to the next line end, which is passed; nil at the end. Throws `.limitExceeded`.
    func nextLine(limit: Int) throws -> [UInt8]? {
        guard try peek() != nil else { return nil }
        let start = place
        var out: [UInt8] = []
        while let c = try peek() {
            pass()
            if c == 0x0A { break }
            guard out.count < limit else {
                throw EngineError(
                    .limitExceeded, "line \(start.line): it has more than \(limit) bytes", offset: start.offset)
            }
            out.append(c)
        }
        return out
    }
}

extension InputPlace {
    /// The tree of a JSON text that begins here. Throws `.malformedInput`.
    func tree<Tree: JSONTree>(_ type: Tree.Type, of bytes: [UInt8], nesting: Int) throws(EngineError) -> Tree {
        var scanner = JSONScanner(bytes)
        scanner.nesting = nesting
        do throws(JSONError) {
            let tree = try scanner.tree(type)
            try scanner.expectEnd()
            return tree
        } catch {
            let passed = bytes[..<min(error.offset, bytes.count)].count { $0 == 0x0A }
            throw InputPlace(line: line + UInt64(passed), offset: offset)
                .malformed("expected \(error.expected)", plus: error.offset)
        }
    }
}
