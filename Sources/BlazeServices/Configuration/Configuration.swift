public import BlazePlatform
public import SystemPackage
internal import TOMLKit

/// The settings. This table is the only list of them: parsing, showing, changing and checking go through it.
public enum ConfigurationKey: String, Sendable, CaseIterable {
    /// Directories that a scan searches besides the usual ones.
    case scanRoots = "scan.roots"
    /// What a scan passes over.
    case scanExclude = "scan.exclude"

    /// The table in the file.
    var table: String { String(rawValue.split(separator: ".")[0]) }
    /// The key in its table.
    var name: String { String(rawValue.split(separator: ".")[1]) }

    /// What it is without the file saying otherwise.
    public var defaultValue: [String] {
        switch self {
        case .scanRoots: []
        case .scanExclude:
            [
                ".git", ".hg", ".svn", ".build", "node_modules", ".cache", ".snapshots", ".Trash", ".Trash-*",
                ".Trashes",
                "*/.local/share/Trash", "*/containers/storage", "*/Library/Caches",
            ]
        }
    }

    /// One line for people.
    public var meaning: String {
        switch self {
        case .scanRoots: "directories that a scan searches besides the usual ones"
        case .scanExclude: "names, or with a slash whole paths, that a scan passes over (* ? [a-z])"
        }
    }

    /// What a value must be.
    var typeName: String { "a list of texts, such as [\"a\", \"b\"]" }
}

/// What the configuration file says, with defaults where it says nothing.
public struct Configuration: Sendable, Equatable {
    /// The values that the file gives.
    private var given: [ConfigurationKey: [String]] = [:]
    private let home: FilePath

    /// The defaults.
    public init(home: FilePath) {
        self.home = home
    }

    /// What a TOML text says. An unknown key is an error, because a misspelt one would silently do nothing.
    public init(parsing text: String, home: FilePath) throws(ConfigurationError) {
        self.home = home
        let lines = ConfigurationText(text)
        if let line = ConfigurationGrammar.firstBadLine(text) {
            throw ConfigurationError(.invalidSyntax, line: line, "not TOML of the kind that settings are written in")
        }
        let document: TOMLTable
        do {
            document = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let (line, column) = (error.source.begin.line, error.source.begin.column)
            throw ConfigurationError(.invalidSyntax, line: line, column: column, "not TOML: \(error.description)")
        } catch {
            throw ConfigurationError(.invalidSyntax, "not TOML")
        }
        for (tableName, value) in document {
            guard ConfigurationKey.allCases.contains(where: { $0.table == tableName }) else {
                throw ConfigurationError(
                    .unknownKey, line: lines.line(table: nil, key: tableName) ?? lines.line(ofTable: tableName),
                    "there is no setting \(FilePath.displayString(Array(tableName.utf8)))")
            }
            guard let table = value.table else {
                throw ConfigurationError(
                    .wrongType, line: lines.line(table: nil, key: tableName), "\(tableName) is a table of settings")
            }
            for (name, value) in table {
                let line = lines.line(table: tableName, key: name)
                guard let key = ConfigurationKey(rawValue: "\(tableName).\(name)") else {
                    let shown = FilePath.displayString(Array(name.utf8))
                    throw ConfigurationError(.unknownKey, line: line, "there is no setting \(tableName).\(shown)")
                }
                guard let list = Self.texts(value) else {
                    throw ConfigurationError(.wrongType, line: line, "\(key.rawValue) takes \(key.typeName)")
                }
                given[key] = list
            }
        }
    }

    /// The value of a setting.
    public subscript(key: ConfigurationKey) -> [String] { given[key] ?? key.defaultValue }

    /// Whether the file gives the setting.
    public func isGiven(_ key: ConfigurationKey) -> Bool { given[key] != nil }

    /// The directories that a scan without arguments searches: BlazeDB's own, the usual ones, where the client is, the
    /// configured ones.
    public func scanRoots(paths: AgentPaths, workingDirectory: FilePath? = nil) -> [FilePath] {
        let usual =
            [
                paths.databases, home.appending("Documents"), home.appending("Developer"), paths.applications,
                paths.temporary,
            ] + (workingDirectory.map { [$0] } ?? [])
        var out: [FilePath] = []
        for root in usual + self[.scanRoots].map(expand) where !out.contains(root) { out.append(root) }
        return out
    }

    /// What a scan passes over.
    public var scanExcludes: [String] { self[.scanExclude] }

    /// `~` is the home directory, and relative paths are meant from it.
    private func expand(_ text: String) -> FilePath {
        if text == "~" { return home }
        if text.hasPrefix("~/") { return home.pushing(FilePath(String(text.dropFirst(2)))) }
        return home.pushing(FilePath(text)).lexicallyNormalized()
    }

    /// The list of texts that a TOML value is; nil when it is another thing.
    static func texts(_ value: any TOMLValueConvertible) -> [String]? {
        guard let array = value.array else { return nil }
        var out: [String] = []
        for element in array {
            guard let text = element.string else { return nil }
            out.append(text)
        }
        return out
    }

    /// A value as TOML writes it.
    static func toml(_ list: [String]) -> String {
        let quoted = list.map { text -> String in
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
        return "[" + quoted.joined(separator: ", ") + "]"
    }
}
