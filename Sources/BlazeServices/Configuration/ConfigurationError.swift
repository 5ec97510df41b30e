/// What is wrong with the configuration file, or with a change to it. Compared by code.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: Sendable, Equatable {
        /// The text is not TOML.
        case invalidSyntax
        /// The file has a key that no setting has.
        case unknownKey
        /// A value is not of its setting's type.
        case wrongType
        /// The file cannot be read or written.
        case fileFailed
        /// The file is longer than a configuration file may be.
        case tooLarge
        /// The file gives the setting in a form that cannot be edited line by line.
        case notEditable
    }

    /// What kind of error it is.
    public let code: Code
    /// The line, from 1; nil where the error is about none.
    public let line: Int?
    /// The column, from 1; nil where it is not known.
    public let column: Int?
    /// A sentence for a person, without the place.
    public let message: String

    /// An error.
    public init(_ code: Code, line: Int? = nil, column: Int? = nil, _ message: String) {
        self.code = code
        self.line = line
        self.column = column
        self.message = message
    }

    /// The sentence with its place.
    public var description: String {
        switch (line, column) {
        case (let line?, let column?): "line \(line), column \(column): \(message)"
        case (let line?, nil): "line \(line): \(message)"
        default: message
        }
    }

    /// Errors are equal when their codes are.
    public static func == (a: ConfigurationError, b: ConfigurationError) -> Bool { a.code == b.code }
}
