internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

/// Why a filter was not understood.
public struct ListFilterError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Where, from 1, in characters.
    public let column: Int
    /// What is wrong there.
    public let message: String

    /// One sentence.
    public var description: String { "filter, column \(column): \(message)" }
}

/// Which databases a user wants to see.
///
/// ```
/// filter = [term *(blanks term)]            ; all must hold
/// term   = ["!"] (word / key ":" value / figure op number)
/// key    = "name" / "path" / "tag" / "id" / "app" / "state" / "session" / "twin" / "held"
/// figure = "records" / "size" / "age"       ; size as 10M, age as 90d
/// op     = "<" / "<=" / "=" / ">=" / ">"
/// ```
/// Words and values may stand in double quotes. A word is looked for in name and path, case ignored; with `*`, `?` or
/// `[` in it, it is a pattern that name or path must match as a whole. What is unknown of a database fulfils no term, nor
/// its negation.
public struct ListFilter: Sendable {
    /// What a term says of a database; nil when that is unknown.
    private typealias Condition = @Sendable (ListedDatabase, Int64) -> Bool?
    private let conditions: [Condition]

    /// The longest filter, in characters.
    public static let lengthLimit = 4096

    /// Reads a filter. An empty one holds for every database.
    public init(_ text: String) throws(ListFilterError) {
        guard text.count <= Self.lengthLimit else {
            throw ListFilterError(column: Self.lengthLimit, message: "a filter is shorter than this")
        }
        var reader = TermReader(text)
        var conditions: [Condition] = []
        while let term = try reader.next() {
            let condition = try Self.condition(term)
            let negated: Condition = { database, now in condition(database, now).map { !$0 } }
            conditions.append(term.isNegated ? negated : condition)
        }
        self.conditions = conditions
    }

    /// Whether a database is wanted.
    ///
    /// - Parameter now: nanoseconds since 1970.
    public func holds(for database: ListedDatabase, now: Int64) -> Bool {
        conditions.allSatisfy { $0(database, now) == true }
    }

    private static func condition(_ term: FilterTerm) throws(ListFilterError) -> Condition {
        let value = term.value
        func refuse(_ message: String) -> ListFilterError {
            ListFilterError(column: term.valueColumn, message: message)
        }
        func oneOf(_ words: [String]) throws(ListFilterError) {
            guard words.contains(value) else {
                throw refuse("\(term.key) is one of \(words.joined(separator: ", "))")
            }
        }
        if let comparison = term.comparison {
            guard let figure = figures[term.key] else {
                throw ListFilterError(
                    column: term.column, message: "there is no figure \(shown(term.key)); there are age, records, size")
            }
            guard let number = figure.parse(value) else {
                throw refuse("\(term.key) is compared with \(figure.example)")
            }
            return { database, now in figure.of(database, now).map { comparison.holds($0, number) } }
        }
        guard !value.isEmpty else { throw refuse("a value is missing") }
        switch term.key {
        case "": return { database, _ in matches(database.name, value) || matches(database.path.displayString, value) }
        case "name": return { database, _ in matches(database.name, value) }
        case "path": return { database, _ in matches(database.path.displayString, value) }
        case "app": return { database, _ in database.app.map { matches($0, value) } }
        case "tag":
            return { database, _ in database.tags.contains { $0 == value || isPattern(value) && matches($0, value) } }
        case "id": return { database, _ in database.id.map { $0.hasPrefix(value.lowercased()) } }
        case "state":
            try oneOf(["ok", "missing", "unreadable", "damaged"])
            return { database, _ in database.state == value }
        case "session":
            try oneOf(["locked", "unlocked"])
            return { database, _ in database.isUnlocked == (value == "unlocked") }
        case "twin":
            try oneOf(["yes", "no"])
            return { database, _ in database.isTwin == (value == "yes") }
        case "held":
            try oneOf(["yes", "no"])
            return { database, _ in database.isHeld == (value == "yes") }
        default:
            throw ListFilterError(
                column: term.column,
                message: "there is no key \(shown(term.key)); "
                    + "there are app, held, id, name, path, session, state, tag, twin")
        }
    }

    private struct Figure: Sendable {
        let parse: @Sendable (String) -> UInt64?
        let example: String
        let of: @Sendable (ListedDatabase, Int64) -> UInt64?
    }

    private static let figures: [String: Figure] = [
        "records": Figure(parse: { UInt64($0) }, example: "a number", of: { database, _ in database.records }),
        "size": Figure(
            parse: Quantities.bytes, example: "a size such as 512, 10K or 1.5G", of: { database, _ in database.size }),
        "age": Figure(
            parse: Quantities.seconds, example: "a duration such as 45s, 30m, 12h, 90d or 2w",
            of: { database, now in database.modified.map { ListFilter.age(of: $0, now: now) } }),
    ]

    /// Whole seconds from a change to now; 0 for a change in the future.
    static func age(of modified: Int64, now: Int64) -> UInt64 {
        let (difference, overflows) = now.subtractingReportingOverflow(modified)
        return overflows || difference < 0 ? 0 : UInt64(difference / 1_000_000_000)
    }

    private static func shown(_ text: String) -> String { FilePath.displayString(Array(text.utf8)) }

    private static func isPattern(_ text: String) -> Bool { text.contains { "*?[".contains($0) } }

    private static func matches(_ text: String, _ wanted: String) -> Bool {
        let (text, wanted) = (text.lowercased(), wanted.lowercased())
        return isPattern(wanted) ? DirectoryListing.matches(wanted, Array(text.utf8)) : text.contains(wanted)
    }
}
