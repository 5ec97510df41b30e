public import BlazePlatform
public import SystemPackage
internal import TOMLKit

/// The settings. This table is the only list of them: parsing, showing, changing and checking go through it.
public enum ConfigurationKey: String, Sendable, CaseIterable {
    /// Directories that a scan searches besides the usual ones.
    case scanRoots = "scan.roots"
    /// What a scan passes over.
    case scanExclude = "scan.exclude"
    /// How long an unlocked session lasts without a use of its secrets.
    case sessionIdleTimeout = "session.idle-timeout"
    /// How long an unlocked session lasts at all.
    case sessionMaxLifetime = "session.max-lifetime"
    /// Whether going to sleep locks.
    case sessionLockOnSuspend = "session.lock-on-suspend"
    /// Whether locking the screen locks.
    case sessionLockOnScreenLock = "session.lock-on-screen-lock"
    /// Whether the end of the user's last login session locks.
    case sessionLockOnLogout = "session.lock-on-logout"

    /// The table in the file.
    var table: String { String(rawValue.split(separator: ".")[0]) }
    /// The key in its table.
    var name: String { String(rawValue.split(separator: ".")[1]) }

    /// What it is without the file saying otherwise.
    public var defaultValue: ConfigurationValue {
        switch self {
        case .scanRoots: .texts([])
        case .scanExclude:
            .texts([
                ".git", ".hg", ".svn", ".build", "node_modules", ".cache", ".snapshots", ".Trash", ".Trash-*",
                ".Trashes",
                "*/.local/share/Trash", "*/containers/storage", "*/Library/Caches",
            ])
        case .sessionIdleTimeout, .sessionMaxLifetime: .seconds(0)
        case .sessionLockOnSuspend, .sessionLockOnLogout: .flag(true)
        case .sessionLockOnScreenLock: .flag(false)
        }
    }

    /// One line for people.
    public var meaning: String {
        switch self {
        case .scanRoots: "directories that a scan searches besides the usual ones"
        case .scanExclude: "names, or with a slash whole paths, that a scan passes over (* ? [a-z])"
        case .sessionIdleTimeout: "lock when no secret was used for so long (0: never)"
        case .sessionMaxLifetime: "lock so long after unlocking, however much it is used (0: never)"
        case .sessionLockOnSuspend: "lock when the machine goes to sleep"
        case .sessionLockOnScreenLock: "lock when the screen is locked"
        case .sessionLockOnLogout: "lock when your last login session ends"
        }
    }

    /// What a value must be.
    var typeName: String { defaultValue.typeName }
}

/// What the configuration file says, with defaults where it says nothing.
public struct Configuration: Sendable, Equatable {
    /// The values that the file gives.
    private var given: [ConfigurationKey: ConfigurationValue] = [:]
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
                guard let value = key.defaultValue.ofSameType(value) else {
                    throw ConfigurationError(.wrongType, line: line, "\(key.rawValue) takes \(key.typeName)")
                }
                given[key] = value
            }
        }
    }

    /// The value of a setting.
    public subscript(key: ConfigurationKey) -> ConfigurationValue { given[key] ?? key.defaultValue }

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
        for root in usual + self[.scanRoots].texts.map(expand) where !out.contains(root) { out.append(root) }
        return out
    }

    /// What a scan passes over.
    public var scanExcludes: [String] { self[.scanExclude].texts }

    /// `~` is the home directory, and relative paths are meant from it.
    private func expand(_ text: String) -> FilePath {
        if text == "~" { return home }
        if text.hasPrefix("~/") { return home.pushing(FilePath(String(text.dropFirst(2)))) }
        return home.pushing(FilePath(text)).lexicallyNormalized()
    }
}
