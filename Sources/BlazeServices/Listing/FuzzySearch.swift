internal import BlazePlatform
internal import SystemPackage

/// A search for letters that occur in this order, with others between them: `nte` finds `notes`. The better they hang
/// together, the higher the rank: letters in a row, at the start of words, in the name rather than the path.
public struct FuzzySearch: Sendable {
    /// The most characters of a search that count.
    public static let lengthLimit = 64
    private static let textLimit = 512
    private static let nameBonus = 1000

    private let wanted: [Character]

    /// A search. Case and blanks do not count; an empty one finds everything.
    public init(_ text: String) {
        wanted = Array(text.lowercased().filter { !$0.isWhitespace }.prefix(Self.lengthLimit))
    }

    /// How well a database fits; nil when it does not.
    public func rank(of database: ListedDatabase) -> Int? {
        let name = Self.score(wanted, in: database.name).map { $0 + Self.nameBonus }
        let path = Self.score(wanted, in: database.path.displayString)
        return [name, path].compactMap { $0 }.max()
    }

    /// The best way to find the letters in a text; nil when there is none.
    ///
    /// `ends[j]` is the best score with the letters so far found and the last of them at `j`. Work is the product of the
    /// two lengths, which are both limited.
    static func score(_ wanted: [Character], in text: String) -> Int? {
        let original = Array(text.suffix(textLimit))
        let letters = original.map { Character($0.lowercased().prefix(1).description) }
        guard wanted.count <= letters.count else { return nil }
        guard !wanted.isEmpty else { return 0 }
        var ends = [Int?](repeating: nil, count: letters.count)
        for (i, letter) in wanted.enumerated() {
            var next = [Int?](repeating: nil, count: letters.count)
            /// The best of the ways that end before `j - 1`, less what the gap since then costs.
            var apart: Int?
            for j in letters.indices {
                if j >= 2, let before = ends[j - 2] { apart = max(apart ?? Int.min, before) }
                if letters[j] == letter {
                    let gain = 10 + (startsWord(original, j) ? 8 : 0)
                    let before: Int? =
                        if i == 0 {
                            0
                        } else {
                            [j >= 1 ? ends[j - 1].map { $0 + 12 } : nil, apart].compactMap { $0 }.max()
                        }
                    next[j] = before.map { $0 + gain }
                }
                apart = apart.map { $0 - 1 }
            }
            ends = next
        }
        // Of texts that fit alike the shorter one is meant.
        return ends.compactMap { $0 }.max().map { $0 - letters.count / 16 }
    }

    private static func startsWord(_ text: [Character], _ at: Int) -> Bool {
        guard at > 0 else { return true }
        let (before, here) = (text[at - 1], text[at])
        return !(before.isLetter || before.isNumber) || (before.isLowercase && here.isUppercase)
    }
}
