/// The rules that BlazeDB holds every password to when it opens a database (FORMAT.md 2).
public enum PasswordPolicy {
    /// One rule of the policy.
    public enum Rule: String, Sendable, CaseIterable {
        /// At least 12 characters, as people count them (grapheme clusters).
        case length
        /// At least one upper-case letter.
        case upperCase = "upper-case"
        /// At least one lower-case letter.
        case lowerCase = "lower-case"
        /// At least one digit.
        case digit
        /// An estimated strength of at least 3.
        case strength
    }

    /// The fewest characters.
    public static let shortest = 12
    /// The least strength.
    public static let leastStrength = 3
    private static let weakParts = ["123", "abc", "password", "qwerty", "admin"].map { Array($0.utf8) }

    /// What the policy makes of a password.
    struct Verdict {
        let unmet: [Rule]
        /// From 0 to 5.
        let strength: Int
    }

    /// Holds a password against the rules, in place.
    static func verdict(_ password: some RandomAccessCollection<UInt8>) -> Verdict {
        let seen = Characters(password)
        let length = seen.count
        var points = [8, 12, 16, 20].count { length >= $0 }
        let kinds = [seen.hasUpper, seen.hasLower, seen.hasDigit, seen.hasSymbol].count { $0 }
        points += [2, 3, 4].count { kinds >= $0 }
        if weakParts.contains(where: { contains(password, $0) }) { points -= 1 }
        let strength = min(max(points, 0), 5)
        var unmet: [Rule] = []
        if length < shortest { unmet.append(.length) }
        if !seen.hasUpper { unmet.append(.upperCase) }
        if !seen.hasLower { unmet.append(.lowerCase) }
        if !seen.hasDigit { unmet.append(.digit) }
        if strength < leastStrength { unmet.append(.strength) }
        return Verdict(unmet: unmet, strength: strength)
    }

    /// Whether the password has a part, which is in small letters, in letters of any size.
    private static func contains(_ password: some RandomAccessCollection<UInt8>, _ part: [UInt8]) -> Bool {
        var rest = password[...]
        while rest.count >= part.count {
            if zip(rest, part).allSatisfy({ lowered($0) == $1 }) { return true }
            rest = rest.dropFirst()
        }
        return false
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte
    }

    /// What kinds of characters a password has, found out scalar by scalar: it never becomes a String.
    private struct Characters {
        var count = 0
        var hasUpper = false
        var hasLower = false
        var hasDigit = false
        var hasSymbol = false

        init(_ password: some Sequence<UInt8>) {
            var recognizer = Unicode._CharacterRecognizer()
            var iterator = password.makeIterator()
            var decoder = UTF8()
            while true {
                let scalar: Unicode.Scalar
                switch decoder.decode(&iterator) {
                case .scalarValue(let next): scalar = next
                case .error: scalar = "\u{FFFD}"
                case .emptyInput: return
                }
                if recognizer.hasBreak(before: scalar) { count += 1 }
                classify(scalar)
            }
        }

        private mutating func classify(_ scalar: Unicode.Scalar) {
            let properties = scalar.properties
            if properties.isUppercase { hasUpper = true }
            if properties.isLowercase { hasLower = true }
            switch properties.generalCategory {
            case .decimalNumber: hasDigit = true
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
                .spacingMark, .enclosingMark, .letterNumber, .otherNumber, .format, .control:
                break
            default: hasSymbol = true
            }
        }
    }
}
