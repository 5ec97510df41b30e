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

    /// Whether another data file in the place of the old one tells that it was through; else other metadata does.
    public var replacesData: Bool { self != .collection }
}
