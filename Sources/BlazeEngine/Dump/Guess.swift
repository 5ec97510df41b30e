internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Why the type of a value in JSON without types is not certain.
public enum Guess: Int, Sendable, CaseIterable {
    /// A text of a UUID's form, as BlazeDB writes one.
    case uuidText
    /// A text of a moment's form, as BlazeDB writes one.
    case dateText
    /// A text that may be data in base64.
    case base64Text
    /// A whole number, which may have been a double.
    case wholeNumber
    /// An array of numbers, or an empty one, which may have been a vector.
    case numberArray
    /// A whole number beyond 64 bits, which becomes a double.
    case hugeNumber
    /// The value of a byte key-value record.
    case keyValueData
}

/// JSON whose types are guessed: the value, and how many guesses of each kind are in it. Built from the inside out.
struct GuessedNode<Rules: GuessRules>: JSONTree {
    var value: Value
    /// By `Guess.rawValue`.
    var guesses = SIMD8<UInt32>()
    var wrong: String?

    static func null() -> Self { Self(value: .null) }
    static func bool(_ flag: Bool) -> Self { Self(value: .bool(flag)) }

    static func number(_ text: String) -> Self {
        if let whole = Int64(text) { return Self(value: .int(whole), Rules.readsDump ? .wholeNumber : nil) }
        guard let number = Double(text), number.isFinite else {
            return Self(value: .null, wrong: "a number that is beyond a double")
        }
        let isWhole = text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == 0x2D }
        return Self(value: .double(number), isWhole ? .hugeNumber : nil)
    }

    static func string(_ text: String) -> Self {
        if let id = TextForms.uuid(text) { return Self(value: Rules.readsDump ? .uuid(id) : .string(text), .uuidText) }
        if let seconds = TextForms.moment(text) {
            return Self(value: Rules.readsDump ? .date(seconds) : .string(text), .dateText)
        }
        return Self(value: .string(text), Rules.readsDump && TextForms.isBase64(text) ? .base64Text : nil)
    }

    static func array(_ elements: [Self]) -> Self {
        var out = Self(value: .array(elements.map(\.value)))
        out.gather(elements)
        let isNumbers = elements.allSatisfy { node in
            switch node.value {
            case .int, .double: true
            default: false
            }
        }
        if Rules.readsDump, isNumbers { out.guesses[Guess.numberArray.rawValue] += 1 }
        return out
    }

    static func object(_ members: [(key: String, value: Self)]) -> Self {
        var out = Self(value: .dictionary(members.map { Field($0.key, $0.value.value) }))
        out.gather(members.map(\.value))
        if Set(members.map { Array($0.key.utf8) }).count < members.count {
            out.wrong = out.wrong ?? "a field or key that stands twice"
        }
        return out
    }

    private mutating func gather(_ parts: [Self]) {
        for part in parts {
            guesses &+= part.guesses
            wrong = wrong ?? part.wrong
        }
    }
}

extension GuessedNode {
    fileprivate init(value: Value, _ guess: Guess?) {
        self.value = value
        if let guess { guesses[guess.rawValue] = 1 }
    }
}

/// How far types are guessed.
protocol GuessRules {
    /// Whether the text was written by BlazeDB's own dump, which wrote UUIDs and moments as text and data as base64. Other
    /// JSON keeps text as text and numbers as they are written.
    static var readsDump: Bool { get }
}

enum DumpRules: GuessRules { static var readsDump: Bool { true } }
enum PlainRules: GuessRules { static var readsDump: Bool { false } }

/// The forms in which BlazeDB writes values as text.
enum TextForms {
    /// An upper-case UUID: BlazeDB writes no other.
    static func uuid(_ text: String) -> RecordID? {
        guard text.utf8.count == 36, let id = RecordID(text), id.description.utf8.elementsEqual(text.utf8) else {
            return nil
        }
        return id
    }

    /// Seconds since 2001 of `2026-11-23T20:35:02Z`, the form of whole seconds without an offset.
    static func moment(_ text: String) -> Double? {
        guard text.utf8.count == 20, text.utf8.last == UInt8(ascii: "Z"), let seconds = ISOMoment.seconds(text),
            self.text(moment: seconds)?.utf8.elementsEqual(text.utf8) == true
        else { return nil }
        return seconds
    }

    /// That text, with a fraction cut off; nil for a moment outside of the years of four digits.
    static func text(moment seconds: Double) -> String? {
        guard ISOMoment.range.contains(seconds) else { return nil }
        return Date(timeIntervalSinceReferenceDate: seconds.rounded(.down)).ISO8601Format()
    }

    /// Whether a text may be data: base64 with its padding, or nothing.
    static func isBase64(_ text: String) -> Bool {
        let bytes = text.utf8
        guard bytes.count % 4 == 0 else { return false }
        var padding = 0
        for c in bytes {
            if c == UInt8(ascii: "=") {
                padding += 1
            } else {
                guard padding == 0, isDigit(c) else { return false }
            }
        }
        return padding <= 2
    }

    private static func isDigit(_ c: UInt8) -> Bool {
        switch c {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
            true
        default: false
        }
    }
}
