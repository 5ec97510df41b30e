public import SystemPackage

/// A file that an operation of BlazeDB left beside a database (FORMAT.md 1).
public struct Leftover: Sendable, Hashable {
    /// What left it.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// `backup_v0_*`: the copy made while opening. Its name does not tell of which database.
        case openBackup = "open-backup"
        /// `txn_in_progress-NAME-*`: the state before an open transaction.
        case transactionCopy = "transaction-copy"
        /// `txn_log-NAME-*.json` or `txn_log.json`: logs of very old versions, never read again.
        case transactionLog = "transaction-log"
        /// `NAME.vacuum_in_progress` or `NAME.vacuum_success`.
        case vacuumMarker = "vacuum-marker"
        /// `NAME.vacuum.*`: the new files that a vacuum builds.
        case vacuumNew = "vacuum-new"
        /// `NAME.vacuum_backup.*`: the old files that a vacuum keeps until it is done.
        case vacuumBackup = "vacuum-backup"
        /// `NAME.blazedb.vacuum-*` and `NAME.blazedb.wal`: of the asynchronous vacuum.
        case asyncVacuum = "async-vacuum"
        /// `NAME.agent_*`: of an operation of this program that has not ended; the next change removes them.
        case agentTemporary = "agent-temporary"
    }

    /// Where it is.
    public let path: FilePath
    /// What left it.
    public let kind: Kind
    /// Its size in bytes.
    public let size: UInt64

    /// A leftover.
    public init(path: FilePath, kind: Kind, size: UInt64) {
        self.path = path
        self.kind = kind
        self.size = size
    }
}

extension Leftover.Kind {
    /// What a file name in a database's directory is left over from; nil for any other file. `name` is `NAME`,
    /// `dataName` is `NAME.blazedb`.
    init?(file: [UInt8], name: [UInt8], dataName: [UInt8]) {
        func rest(behind prefix: [UInt8]) -> ArraySlice<UInt8>? {
            file.starts(with: prefix) ? file.dropFirst(prefix.count) : nil
        }
        func rest(behind text: String, _ name: [UInt8]) -> ArraySlice<UInt8>? {
            rest(behind: Array(text.utf8) + name + [UInt8(ascii: "-")])
        }
        if rest(behind: Array("backup_v0_".utf8)) != nil {
            self = .openBackup
        } else if let tail = rest(behind: "txn_in_progress-", name), Self.isHashAndExtension(tail) {
            self = .transactionCopy
        } else if file == Array("txn_log.json".utf8) {
            self = .transactionLog
        } else if let tail = rest(behind: "txn_log-", name), Self.isHashAndExtension(tail) {
            self = .transactionLog
        } else if let tail = rest(behind: name + [UInt8(ascii: ".")]) {
            switch String(decoding: tail, as: UTF8.self) {
            case "vacuum_in_progress", "vacuum_success": self = .vacuumMarker
            case "vacuum.blazedb", "vacuum.meta", "vacuum.wal": self = .vacuumNew
            case "vacuum_backup.blazedb", "vacuum_backup.meta": self = .vacuumBackup
            case "agent_new.pages", "agent_new.meta", "agent_new.salt", "agent_new.wal", "agent_new.meta.indexes",
                "agent_meta", "agent_back", "agent_grow", "agent_rollback",
                "agent_repair", "agent_repair_new", "agent_wal":
                self = .agentTemporary
            default:
                guard let tail = rest(behind: dataName),
                    tail == Array(".wal".utf8)[...]
                        || tail.starts(with: Array(".vacuum-".utf8))
                else { return nil }
                self = .asyncVacuum
            }
        } else {
            return nil
        }
    }

    /// What a file name is left over from, whichever database's it was: for a walk that comes upon files whose database
    /// may be gone. Nil for any other file, databases among them. Letter case does not count.
    public init?(orphan file: [UInt8]) {
        let name = String(decoding: file, as: UTF8.self).lowercased()
        func ends(_ suffixes: String...) -> Bool {
            suffixes.contains { name.hasSuffix($0) && name.utf8.count > $0.utf8.count }
        }
        /// Whether what stands behind the last hyphen is a hash and one of the extensions.
        func isHashed(_ extensions: String...) -> Bool {
            guard let hyphen = name.utf8.lastIndex(of: UInt8(ascii: "-")) else { return false }
            return extensions.contains(where: name.hasSuffix)
                && Self.isHashAndExtension(Array(name.utf8[name.utf8.index(after: hyphen)...])[...])
        }
        if name.hasPrefix("backup_v0_"), ends(".blazedb", ".meta") {
            self = .openBackup
        } else if name.hasPrefix("txn_in_progress-"), isHashed(".blazedb", ".meta", ".state") {
            self = .transactionCopy
        } else if name == "txn_log.json" || (name.hasPrefix("txn_log-") && isHashed(".json")) {
            self = .transactionLog
        } else if ends(".vacuum_in_progress", ".vacuum_success") {
            self = .vacuumMarker
        } else if ends(".vacuum.blazedb", ".vacuum.meta", ".vacuum.wal") {
            self = .vacuumNew
        } else if ends(".vacuum_backup.blazedb", ".vacuum_backup.meta") {
            self = .vacuumBackup
        } else if ends(
            ".agent_new.pages", ".agent_new.meta", ".agent_meta", ".agent_back", ".agent_grow", ".agent_rollback",
            ".agent_repair", ".agent_repair_new", ".agent_wal")
        {
            self = .agentTemporary
        } else if ends(".blazedb.wal") || name.contains(".blazedb.vacuum-") {
            self = .asyncVacuum
        } else {
            return nil
        }
    }

    /// Whether a name ends in a hash of hex digits (older versions: a signed decimal number) and an extension. What
    /// stands between `NAME-` and it would be the rest of another database's name.
    private static func isHashAndExtension(_ tail: ArraySlice<UInt8>) -> Bool {
        guard let dot = tail.lastIndex(of: UInt8(ascii: ".")) else { return false }
        var hash = tail[..<dot]
        if hash.first == UInt8(ascii: "-") { hash.removeFirst() }
        return !hash.isEmpty && hash.allSatisfy { Character(Unicode.Scalar($0)).isHexDigit }
    }
}
