public import BlazeModel
import Crypto

/// The canonical JSON of records, whose SHA-256 a manifest tells: typed JSON, records sorted by id, no spaces, and
/// everything but ASCII escaped.
public struct FixtureHash {
    private var text: [UInt8] = Array("[".utf8)
    private var count = 0

    /// No records yet.
    public init() {}

    /// Adds the next record; records come sorted by id.
    public mutating func add(_ record: Record) {
        if count > 0 { text.append(UInt8(ascii: ",")) }
        count += 1
        var line: [UInt8] = []
        TypedJSON.append(record, to: &line)
        appendCanonical(line)
    }

    /// 64 lower-case hex digits.
    public func finish() -> String {
        SHA256.hash(data: text + Array("]".utf8)).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }.joined()
    }

    private mutating func appendCanonical(_ line: [UInt8]) {
        var isInString = false
        var isEscaped = false
        for scalar in String(decoding: line, as: UTF8.self).unicodeScalars {
            if !isInString, scalar == " " { continue }
            if scalar == "\"", !isEscaped { isInString.toggle() }
            isEscaped = scalar == "\\" && !isEscaped
            if scalar.isASCII {
                text.append(UInt8(scalar.value))
            } else {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16)
                    text += Array(("\\u" + String(repeating: "0", count: 4 - hex.count) + hex).utf8)
                }
            }
        }
    }
}
