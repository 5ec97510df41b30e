/// One term of a filter: its parts, and where they stand.
struct FilterTerm {
    enum Comparison: String, CaseIterable {
        case atMost = "<="
        case atLeast = ">="
        case less = "<"
        case more = ">"
        case equal = "="

        func holds(_ a: UInt64, _ b: UInt64) -> Bool {
            switch self {
            case .atMost: a <= b
            case .atLeast: a >= b
            case .less: a < b
            case .more: a > b
            case .equal: a == b
            }
        }
    }

    var isNegated = false
    /// Empty for a word alone.
    var key = ""
    var comparison: Comparison?
    var value = ""
    /// From 1, in characters: of the term less its `!`, and of the value.
    var column = 1
    var valueColumn = 1
}

/// Cuts a filter into terms.
struct TermReader {
    private let text: [Character]
    private var at = 0

    init(_ text: String) {
        self.text = Array(text)
    }

    private var peek: Character? { at < text.count ? text[at] : nil }

    /// The next term; nil at the end.
    mutating func next() throws(ListFilterError) -> FilterTerm? {
        while let c = peek, c.isWhitespace { at += 1 }
        guard peek != nil else { return nil }
        var term = FilterTerm()
        if peek == "!" {
            term.isNegated = true
            at += 1
        }
        term.column = at + 1
        term.valueColumn = at + 1
        // Only letters stand before an operator, so that a path or an odd name is a word.
        let start = at
        while let c = peek, c.isASCII, c.isLetter { at += 1 }
        if at > start, let mark = separator() {
            term.key = String(text[start..<at]).lowercased()
            at += mark.count
            term.comparison = FilterTerm.Comparison(rawValue: mark)
            term.valueColumn = at + 1
        } else {
            at = start
        }
        term.value = try value()
        guard !term.value.isEmpty else {
            throw ListFilterError(column: term.valueColumn, message: "a value is missing")
        }
        return term
    }

    private func separator() -> String? {
        let rest = text[at...]
        return ([":"] + FilterTerm.Comparison.allCases.map(\.rawValue)).first { rest.starts(with: $0) }
    }

    /// Characters up to a blank; in double quotes, up to the quote.
    private mutating func value() throws(ListFilterError) -> String {
        guard peek == "\"" else {
            let start = at
            while let c = peek, !c.isWhitespace { at += 1 }
            return String(text[start..<at])
        }
        let quote = at
        at += 1
        let start = at
        while let c = peek, c != "\"" { at += 1 }
        guard peek != nil else { throw ListFilterError(column: quote + 1, message: "the quote is not closed") }
        let value = String(text[start..<at])
        at += 1
        guard peek.map(\.isWhitespace) ?? true else {
            throw ListFilterError(column: at + 1, message: "a blank is missing between two terms")
        }
        return value
    }
}
