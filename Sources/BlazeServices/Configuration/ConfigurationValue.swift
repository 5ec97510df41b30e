internal import BlazeModel
internal import TOMLKit

/// A setting's value. Each setting has one of these types.
public enum ConfigurationValue: Sendable, Equatable {
    /// A list of texts.
    case texts([String])
    /// A duration in whole seconds; 0 where the setting is off.
    case seconds(Int64)
    /// Yes or no.
    case flag(Bool)

    /// The longest duration: ten years.
    private static let longest: UInt64 = 3650 * 86_400

    /// The texts; empty for another type.
    var texts: [String] {
        if case .texts(let texts) = self { texts } else { [] }
    }

    /// The duration; nil when it is off, or for another type.
    var duration: Duration? {
        if case .seconds(let seconds) = self, seconds > 0 { .seconds(seconds) } else { nil }
    }

    /// Yes; no for another type.
    var isOn: Bool { self == .flag(true) }

    /// What a value of this type must be, with an example.
    var typeName: String {
        switch self {
        case .texts: "a list of texts, such as [\"a\", \"b\"]"
        case .seconds: "a duration up to ten years, such as \"15m\" or \"8h\", or 0"
        case .flag: "true or false"
        }
    }

    /// A TOML value as one of this type; nil when it is of another.
    func ofSameType(_ value: any TOMLValueConvertible) -> ConfigurationValue? {
        switch self {
        case .texts:
            guard let array = value.array else { return nil }
            var out: [String] = []
            for element in array {
                guard let text = element.string else { return nil }
                out.append(text)
            }
            return .texts(out)
        case .seconds:
            if let number = value.int { return number == 0 ? .seconds(0) : nil }
            guard let seconds = value.string.flatMap(Quantities.seconds), seconds <= Self.longest else { return nil }
            return .seconds(Int64(seconds))
        case .flag: return value.bool.map { .flag($0) }
        }
    }

    /// The value as TOML writes it.
    var toml: String {
        switch self {
        case .texts(let texts): "[" + texts.map(Self.quoted).joined(separator: ", ") + "]"
        case .seconds(0): "0"
        case .seconds(let seconds): Self.quoted(Self.duration(seconds))
        case .flag(let flag): flag ? "true" : "false"
        }
    }

    /// In the largest unit that divides it.
    private static func duration(_ seconds: Int64) -> String {
        for (unit, length) in [("d", 86_400), ("h", 3600), ("m", 60)] as [(String, Int64)]
        where seconds.isMultiple(of: length) {
            return "\(seconds / length)\(unit)"
        }
        return "\(seconds)s"
    }

    private static func quoted(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}
