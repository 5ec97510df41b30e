internal import BlazePlatform
internal import Synchronization
public import SystemPackage
internal import TOMLKit

/// A setting as people see it.
public struct ConfigurationEntry: Sendable, Equatable {
    /// The setting's name, such as `scan.roots`.
    public let key: String
    /// The value as TOML writes it.
    public let value: String
    /// Whether the file says nothing about it.
    public let isDefault: Bool
    /// One line for people.
    public let meaning: String
}

/// The configuration file. Read anew whenever it is asked, so that an edit counts at once; a missing file means
/// defaults.
public final class ConfigurationFile: Sendable {
    /// The longest file that is read, in bytes.
    public static let sizeLimit: UInt64 = 1 << 20

    /// Where it is.
    public let path: FilePath
    private let home: FilePath
    // One change at a time, so that two cannot overwrite each other's.
    private let changing = Mutex(())

    /// The file at `path`; `~` in it means `home`.
    public init(path: FilePath, home: FilePath) {
        self.path = path
        self.home = home
    }

    /// What the file says now.
    public func load() throws(ConfigurationError) -> Configuration {
        guard let text = try read() else { return Configuration(home: home) }
        return try Configuration(parsing: text, home: home)
    }

    /// What is wrong with the file; empty when nothing is.
    public func check() -> [ConfigurationError] {
        do throws(ConfigurationError) {
            _ = try load()
            return []
        } catch {
            return [error]
        }
    }

    /// All settings.
    public func show() throws(ConfigurationError) -> [ConfigurationEntry] {
        let configuration = try load()
        return ConfigurationKey.allCases.map { entry($0, configuration) }
    }

    /// One setting.
    public func get(_ name: String) throws(ConfigurationError) -> ConfigurationEntry {
        entry(try key(name), try load())
    }

    /// Gives a setting a value, as TOML writes it, and leaves everything else in the file as it is. A change that would
    /// leave the file broken is refused.
    public func set(_ name: String, to value: String) throws(ConfigurationError) -> ConfigurationEntry {
        let key = try key(name)
        guard let parsed = Self.parse(value, as: key) else {
            throw ConfigurationError(.wrongType, "\(key.rawValue) takes \(key.typeName)")
        }
        let result = changing.withLock { _ -> Result<ConfigurationEntry, ConfigurationError> in
            do throws(ConfigurationError) {
                return .success(try change(key, to: parsed))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private func change(
        _ key: ConfigurationKey, to value: ConfigurationValue
    ) throws(ConfigurationError) -> ConfigurationEntry {
        let old = try read() ?? ""
        _ = try Configuration(parsing: old, home: home)
        let new = ConfigurationText(old).setting(table: key.table, key: key.name, to: value.toml)
        let configuration: Configuration
        do throws(ConfigurationError) {
            configuration = try Configuration(parsing: new, home: home)
            guard configuration[key] == value else { throw ConfigurationError(.notEditable, "") }
        } catch {
            throw ConfigurationError(
                .notEditable, "the file gives \(key.rawValue) in a form that only an editor can change")
        }
        do throws(StorageError) {
            try PrivateDirectory.ensure(path.removingLastComponent())
            try AtomicFile.write(Array(new.utf8), to: path)
        } catch {
            throw ConfigurationError(.fileFailed, "\(error)")
        }
        return entry(key, configuration)
    }

    private func key(_ name: String) throws(ConfigurationError) -> ConfigurationKey {
        if let key = ConfigurationKey(rawValue: name) { return key }
        let known = ConfigurationKey.allCases.map(\.rawValue).joined(separator: ", ")
        throw ConfigurationError(
            .unknownKey, "there is no setting \(FilePath.displayString(Array(name.utf8))); there are \(known)")
    }

    private func entry(_ key: ConfigurationKey, _ configuration: Configuration) -> ConfigurationEntry {
        ConfigurationEntry(
            key: key.rawValue, value: configuration[key].toml, isDefault: !configuration.isGiven(key),
            meaning: key.meaning)
    }

    private static func parse(_ value: String, as key: ConfigurationKey) -> ConfigurationValue? {
        // One value and nothing behind it: a line end could smuggle in another key.
        let text = "value = \(value)"
        guard !value.contains(where: \.isNewline), ConfigurationGrammar.firstBadLine(text) == nil,
            let table = try? TOMLTable(string: text),
            table.count == 1, let parsed = table["value"]
        else { return nil }
        return key.defaultValue.ofSameType(parsed)
    }

    private func read() throws(ConfigurationError) -> String? {
        let storage = PosixStorage()
        do throws(StorageError) {
            guard try storage.status(of: path) != nil else { return nil }
            let file = try storage.open(path)
            let size = try file.status().size
            guard size <= Self.sizeLimit else { throw StorageError(.failed, operation: "read", path: path) }
            let bytes = try file.bytes(count: Int(size), at: 0)
            if let text = String(validating: bytes, as: UTF8.self) { return text }
        } catch {
            if error.code == .failed, error.errno == nil {
                throw ConfigurationError(.tooLarge, "\(path.displayString) is longer than a configuration may be")
            }
            throw ConfigurationError(.fileFailed, "\(error)")
        }
        throw ConfigurationError(.invalidSyntax, "\(path.displayString) is not UTF-8 text")
    }
}
