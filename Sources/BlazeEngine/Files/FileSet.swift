internal import BlazePlatform
public import SystemPackage

/// The files of one database, named after its data file (FORMAT.md 1).
public struct FileSet: Sendable, Hashable {
    /// `NAME.blazedb`: the pages.
    public let data: FilePath
    private let base: FilePath

    /// The files that belong to a data file; none of them need exist.
    public init(data: FilePath) {
        self.data = data
        base = data.withoutExtension
    }

    /// `NAME.meta`: the signed index.
    public var meta: FilePath { base.appendingSuffix(".meta") }
    /// `NAME.salt`: the key derivation's salt.
    public var salt: FilePath { base.appendingSuffix(".salt") }
    /// `NAME.wal`: page images not yet checkpointed.
    public var wal: FilePath { base.appendingSuffix(".wal") }
    /// `NAME.meta.indexes`: secondary indexes of their own file, which nothing writes any more.
    public var indexes: FilePath { base.appendingSuffix(".meta.indexes") }
    /// `NAME.vacuum_backup.blazedb`: where a vacuum keeps the data file while it puts the new one in its place.
    public var dataAside: FilePath { base.appendingSuffix(".vacuum_backup.blazedb") }
    /// `NAME.vacuum_backup.meta`: where a vacuum keeps the metadata meanwhile.
    var metaAside: FilePath { base.appendingSuffix(".vacuum_backup.meta") }
    /// What BlazeDB's vacuum builds (FORMAT.md 7.4).
    var vacuumNew: [FilePath] {
        [".vacuum.blazedb", ".vacuum.meta", ".vacuum.wal"].map { base.appendingSuffix($0) }
    }
    /// `NAME.vacuum_in_progress`: from before the files are swapped until the old ones are gone.
    var swapMarker: FilePath { base.appendingSuffix(".vacuum_in_progress") }
    /// `NAME.vacuum_success`: the new files are in place and count.
    var swapSuccess: FilePath { base.appendingSuffix(".vacuum_success") }
    /// A set of new files beside this one, under names that BlazeDB does not know.
    var successor: FileSet { FileSet(data: base.appendingSuffix(".agent_new.pages")) }
    /// The metadata that is being written.
    var metaNew: FilePath { base.appendingSuffix(".agent_meta") }
    /// A second name of a vacuum's backup, on its way back to its place.
    var returning: FilePath { base.appendingSuffix(".agent_back") }
    /// That pages at the end of the data file are being filled (`GrowthMarker`).
    var growthMarker: FilePath { base.appendingSuffix(".agent_grow") }
    /// That an interrupted transaction is being rolled back, and from which copy.
    var rollbackMarker: FilePath { base.appendingSuffix(".agent_rollback") }
    /// That a repair, or undoing one, is under way (`RepairMarker`).
    var repairMarker: FilePath { base.appendingSuffix(".agent_repair") }
    /// The same, while it is being replaced.
    var repairMarkerNew: FilePath { base.appendingSuffix(".agent_repair_new") }
    /// The WAL of a repaired database, while its repair is undone.
    var walAside: FilePath { base.appendingSuffix(".agent_wal") }
    /// The directory that keeps the files as they were before a repair or a restore.
    func kept(_ stamp: String, before reason: KeptReason) -> FilePath { base.appendingSuffix(reason.mark + stamp) }
    /// Before what a directory of this name keeps this database's files; nil for any other name.
    func keptReason(_ name: [UInt8]) -> KeptReason? {
        guard name.starts(with: nameBytes) else { return nil }
        return KeptReason.allCases.first { Self.isKeptStamp(name.dropFirst(nameBytes.count), $0) }
    }
    /// Whether a file name is that of a directory which keeps this database's files from before a repair or a restore.
    func isKept(_ name: [UInt8]) -> Bool { keptReason(name) != nil }
    /// Whether a file name is that of a directory which keeps any database's files from before a repair or a restore: those are
    /// no databases to be found.
    public static func isKeptName(_ name: [UInt8]) -> Bool {
        name.indices.contains { start in
            start > 0 && name[start] == UInt8(ascii: ".")
                && KeptReason.allCases.contains { isKeptStamp(name[start...], $0) }
        }
    }
    /// `.before-repair-20261126T224354Z`, and `-2` and so on behind it.
    private static func isKeptStamp(_ tail: ArraySlice<UInt8>, _ reason: KeptReason) -> Bool {
        let mark = Array(reason.mark.utf8)
        guard tail.starts(with: mark) else { return false }
        let stamp = Array(tail.dropFirst(mark.count))
        func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
        guard stamp.count >= 16, stamp[8] == UInt8(ascii: "T"), stamp[15] == UInt8(ascii: "Z"),
            stamp[..<8].allSatisfy(isDigit), stamp[9..<15].allSatisfy(isDigit)
        else { return false }
        let rest = stamp[16...]
        return rest.isEmpty
            || (rest.first == UInt8(ascii: "-") && rest.count > 1 && rest.dropFirst().allSatisfy(isDigit))
    }
    /// `NAME`, for a person: bytes that cannot be shown are escaped.
    public var name: String { FilePath.displayString(nameBytes) }

    /// The directory that holds them all.
    var directory: FilePath {
        let parent = data.removingLastComponent()
        return parent.isEmpty ? FilePath(".") : parent
    }
    /// `NAME` as the file system has it.
    var nameBytes: [UInt8] { Self.bytes(of: base) }
    /// `NAME.blazedb` as the file system has it.
    var dataNameBytes: [UInt8] { Self.bytes(of: data) }

    private static func bytes(of path: FilePath) -> [UInt8] {
        path.lastComponent.map { FilePath(root: nil, [$0]).bytes } ?? []
    }
}

/// What a database's old files are kept before.
public enum KeptReason: String, Sendable, Hashable, CaseIterable {
    /// `repair --apply`.
    case repair
    /// `restore --in-place`.
    case restore

    /// What the name of the directory has behind `NAME`, and before the moment.
    var mark: String { ".before-\(rawValue)-" }
}
