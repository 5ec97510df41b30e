/// The part of TOML 1.0 that a configuration may be written in: comments, `[table]` headers, and keys with texts, numbers,
/// truth values, dates and lists of them. Inline tables, lists of tables and multi-line texts are left out.
///
/// Every text is held against it before the TOML library sees it, because on some malformed texts that library ends the
/// process instead of refusing them.
struct ConfigurationGrammar {
    private static let nesting = 8
    private let bytes: [UInt8]
    private var at = 0
    private var line = 1

    private struct Mismatch: Error {}

    /// The first line that is not of this grammar, from 1; nil when all are.
    static func firstBadLine(_ text: String) -> Int? {
        var grammar = ConfigurationGrammar(bytes: Array(text.utf8))
        do {
            while grammar.at < grammar.bytes.count { try grammar.statement() }
            return nil
        } catch {
            return grammar.line
        }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func statement() throws(Mismatch) {
        blanks()
        if let c = peek, c != UInt8(ascii: "#"), !isLineEnd {
            if c == UInt8(ascii: "[") {
                at += 1
                blanks()
                try key()
                try expect("]")
            } else {
                try key()
                try expect("=")
                blanks()
                try value(depth: 0)
            }
        }
        blanks()
        comment()
        if peek != nil { try lineEnd() }
    }

    private mutating func key() throws(Mismatch) {
        while true {
            if peek == UInt8(ascii: "\"") || peek == UInt8(ascii: "'") {
                try string()
            } else {
                try run(where: Self.isBare)
            }
            blanks()
            guard peek == UInt8(ascii: ".") else { return }
            at += 1
            blanks()
        }
    }

    private mutating func value(depth: Int) throws(Mismatch) {
        switch peek {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): try string()
        case UInt8(ascii: "["):
            guard depth < Self.nesting else { throw Mismatch() }
            at += 1
            try gap()
            while peek != UInt8(ascii: "]") {
                try value(depth: depth + 1)
                try gap()
                if peek == UInt8(ascii: ",") {
                    at += 1
                    try gap()
                } else if peek != UInt8(ascii: "]") {
                    throw Mismatch()
                }
            }
            at += 1
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            at += 1
            fallthrough
        default:
            try run { Self.isBare($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "+") }
        }
    }

    private mutating func string() throws(Mismatch) {
        guard let quote = peek else { throw Mismatch() }
        at += 1
        while let c = peek, c != quote {
            guard c >= 0x20 || c == UInt8(ascii: "\t"), c != 0x7F else { throw Mismatch() }
            at += 1
            if c == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") { try escape() }
        }
        guard peek == quote else { throw Mismatch() }
        at += 1
        // Three quotes would begin a text of many lines.
        guard peek != quote else { throw Mismatch() }
    }

    private mutating func escape() throws(Mismatch) {
        guard let c = peek else { throw Mismatch() }
        at += 1
        switch c {
        case UInt8(ascii: "u"), UInt8(ascii: "U"):
            for _ in 0..<(c == UInt8(ascii: "u") ? 4 : 8) {
                guard let digit = peek, Character(Unicode.Scalar(digit)).isHexDigit, digit < 0x80 else {
                    throw Mismatch()
                }
                at += 1
            }
        default:
            guard "btnfr\"\\".utf8.contains(c) else { throw Mismatch() }
        }
    }

    // MARK: Small things

    private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }
    private var isLineEnd: Bool { peek == 0x0A || peek == 0x0D }
    private static func isBare(_ c: UInt8) -> Bool {
        switch c {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private mutating func run(where isPart: (UInt8) -> Bool) throws(Mismatch) {
        let start = at
        while let c = peek, isPart(c) { at += 1 }
        guard at > start else { throw Mismatch() }
    }

    private mutating func expect(_ c: Unicode.Scalar) throws(Mismatch) {
        guard peek == UInt8(ascii: c) else { throw Mismatch() }
        at += 1
    }

    private mutating func blanks() {
        while peek == UInt8(ascii: " ") || peek == UInt8(ascii: "\t") { at += 1 }
    }

    private mutating func comment() {
        guard peek == UInt8(ascii: "#") else { return }
        while peek != nil, !isLineEnd { at += 1 }
    }

    private mutating func lineEnd() throws(Mismatch) {
        if peek == 0x0D { at += 1 }
        guard peek == 0x0A else { throw Mismatch() }
        at += 1
        line += 1
    }

    /// Blanks, comments and line ends, as they may stand in a list.
    private mutating func gap() throws(Mismatch) {
        while true {
            blanks()
            comment()
            guard isLineEnd else { return }
            try lineEnd()
        }
    }
}
