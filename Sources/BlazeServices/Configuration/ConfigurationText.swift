/// The lines of a TOML text: where keys stand, and how one value is replaced without touching the rest.
///
/// Reads only as much TOML as places need: table headers, bare and quoted keys at the start of a line, and the extent of a
/// value. Whether the text is TOML at all, TOMLKit decides.
struct ConfigurationText {
    private let bytes: [UInt8]

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// Where a key of a table (nil: of the top level) is set, from 1.
    func line(table: String?, key: String) -> Int? {
        entries.first { $0.table == table && $0.key == key }?.line
    }

    /// Where a table's header stands, from 1.
    func line(ofTable table: String) -> Int? {
        headers.first { $0.table == table || $0.table.hasPrefix(table + ".") }?.line
    }

    /// The text with a key's value replaced, or the key added to its table, or the table added at the end.
    func setting(table: String, key: String, to value: String) -> String {
        if let entry = entries.first(where: { $0.table == table && $0.key == key }) {
            return text(bytes[..<entry.value.lowerBound]) + value + text(bytes[entry.value.upperBound...])
        }
        if let header = headers.first(where: { $0.table == table }) {
            let before = text(bytes[..<header.end])
            let gap = before.hasSuffix("\n") ? "" : "\n"
            return before + gap + "\(key) = \(value)\n" + text(bytes[header.end...])
        }
        let before = text(bytes[...])
        let gap = before.isEmpty ? "" : before.hasSuffix("\n") ? "\n" : "\n\n"
        return before + gap + "[\(table)]\n\(key) = \(value)\n"
    }

    // MARK: Scanning

    private struct Entry {
        let table: String?
        let key: String
        let line: Int
        let value: Range<Int>
    }

    private struct Header {
        let table: String
        let line: Int
        /// Behind the header's line end.
        let end: Int
    }

    private var entries: [Entry] { scan().entries }
    private var headers: [Header] { scan().headers }

    private func scan() -> (entries: [Entry], headers: [Header]) {
        var entries: [Entry] = []
        var headers: [Header] = []
        var table: String?
        var line = 1
        var at = 0
        while at < bytes.count {
            let start = at
            var end = at
            let first = skipBlanks(at)
            if first < bytes.count, bytes[first] == UInt8(ascii: "[") {
                end = lineEnd(first)
                let inside = bytes[first..<end].filter { !" \t[]".utf8.contains($0) }.prefix { $0 != UInt8(ascii: "#") }
                table = text(inside)
                headers.append(Header(table: table ?? "", line: line, end: min(end + 1, bytes.count)))
            } else if first < bytes.count, bytes[first] != UInt8(ascii: "#"), let equals = equalsSign(from: first) {
                let name = text(bytes[first..<equals]).filter { !" \t\"'".contains($0) }
                let value = valueRange(from: equals + 1)
                let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                // A dotted key at the top level names a table; the parts in between name nested ones.
                let owner = [table].compactMap { $0 } + parts.dropLast()
                entries.append(
                    Entry(
                        table: owner.isEmpty ? nil : owner.joined(separator: "."), key: parts.last ?? name, line: line,
                        value: value))
                if owner.count > (table == nil ? 0 : 1) {
                    entries.append(Entry(table: table, key: parts[0], line: line, value: value))
                }
                end = lineEnd(value.upperBound)
            } else {
                end = lineEnd(first)
            }
            at = min(end + 1, bytes.count)
            line += bytes[start..<at].count { $0 == UInt8(ascii: "\n") }
        }
        return (entries, headers)
    }

    private func skipBlanks(_ from: Int) -> Int {
        var at = from
        while at < bytes.count, bytes[at] == UInt8(ascii: " ") || bytes[at] == UInt8(ascii: "\t") { at += 1 }
        return at
    }

    private func lineEnd(_ from: Int) -> Int {
        bytes[min(from, bytes.count)...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
    }

    /// The first `=` of a line that is not inside a quoted key.
    private func equalsSign(from start: Int) -> Int? {
        var quote: UInt8?
        for at in start..<lineEnd(start) {
            let c = bytes[at]
            if let open = quote {
                if c == open { quote = nil }
            } else if c == UInt8(ascii: "\"") || c == UInt8(ascii: "'") {
                quote = c
            } else if c == UInt8(ascii: "=") {
                return at
            }
        }
        return nil
    }

    /// The value behind an equals sign, without the blanks and the comment around it.
    private func valueRange(from start: Int) -> Range<Int> {
        let begin = skipBlanks(start)
        var at = begin
        var end = begin
        var depth = 0
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                at = endOfString(at)
                end = at
                continue
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                end = at + 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                end = at + 1
            case UInt8(ascii: "#"):
                let stop = lineEnd(at)
                if depth <= 0 { return begin..<end }
                at = stop
                continue
            case UInt8(ascii: "\n"):
                if depth <= 0 { return begin..<end }
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: end = at + 1
            }
            at += 1
        }
        return begin..<end
    }

    /// Behind the string that starts at `start`, single-line or not.
    private func endOfString(_ start: Int) -> Int {
        let quote = bytes[start]
        let triple = bytes[start...].prefix(3).elementsEqual([quote, quote, quote])
        var at = start + (triple ? 3 : 1)
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "\\"), quote == UInt8(ascii: "\"") {
                at += 2
                continue
            }
            if bytes[at] == quote {
                if !triple { return at + 1 }
                if bytes[at...].prefix(3).elementsEqual([quote, quote, quote]) { return at + 3 }
            }
            if !triple, bytes[at] == UInt8(ascii: "\n") { return at }
            at += 1
        }
        return bytes.count
    }

    private func text(_ slice: some Sequence<UInt8>) -> String { String(decoding: Array(slice), as: UTF8.self) }
}
