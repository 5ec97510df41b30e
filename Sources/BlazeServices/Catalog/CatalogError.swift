/// Why the catalogue of known databases did not do as asked. Compared by code.
public struct CatalogError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Sendable, Equatable {
        /// Nothing has that alias, path or id.
        case notFound
        /// The id prefix stands for more than one database.
        case ambiguous
        /// Another database has the alias.
        case aliasTaken
        /// The text cannot be an alias.
        case invalidAlias
        /// The text cannot be a tag, or there would be too many.
        case invalidTag
        /// The catalogue holds as many databases as it may.
        case full
        /// The file cannot be read or written.
        case writeFailed
    }

    /// What kind of error it is.
    public let code: Code
    /// What happened.
    public let message: String
    /// What to do next; may be empty.
    public let hint: String

    /// An error.
    public init(_ code: Code, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// What happened, and what to do next.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }

    /// Errors are equal when their codes are.
    public static func == (a: CatalogError, b: CatalogError) -> Bool { a.code == b.code }
}
