/// What a job does.
public enum JobKind: String, Sendable, Hashable, CaseIterable, Codable {
    /// Rewrites a database compactly.
    case vacuum
    /// Puts unused pages on the free list and cuts the end of the file off.
    case collection = "gc"
    /// Repairs a database into new files.
    case repair
    /// Puts the files back that a repair has kept.
    case repairUndo = "repair-undo"
    /// Takes a backup.
    case backup
    /// Puts a backup in the place of a database.
    case restore
    /// Puts the files back that a restore in place has kept.
    case restoreRollback = "restore-rollback"

    /// Whether it changes the database's files.
    public var changesDatabase: Bool { self != .backup }

    /// Whether another data file in the place of the old one tells that it was through; else other metadata does.
    public var replacesData: Bool { self != .collection }
}
