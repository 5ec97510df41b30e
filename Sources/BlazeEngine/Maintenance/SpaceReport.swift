public import BlazeModel

/// How the pages are used, and what gc and vacuum would gain. Sizes in bytes.
public struct SpaceReport: Sendable, Hashable {
    /// Records that can be read.
    public internal(set) var records = 0
    /// Pages of the data file.
    public internal(set) var totalPages: UInt64 = 0
    /// Pages that records reach.
    public internal(set) var livePages: UInt64 = 0
    /// Pages on the free list, each counted once, those in use left out.
    public internal(set) var freePages: UInt64 = 0
    /// Zero pages that no record and no free list has.
    public internal(set) var leakedPages: UInt64 = 0
    /// Pages with contents that no record and no free list has.
    public internal(set) var orphanPages: UInt64 = 0
    /// Of the orphan pages, those that gc leaves alone, because they hold records that the index does not have.
    public internal(set) var keptPages: UInt64 = 0
    /// Records that stand whole in orphan pages and are not in the index. Vacuum drops them only when told to.
    public internal(set) var unindexedRecords = 0
    /// Index entries of deleted records: their page is zero (trap T4). Gc and vacuum take them off the index.
    public internal(set) var deletedEntries = 0
    /// Pages at the end of the file that nothing needs, which gc cuts off.
    public internal(set) var tailPages: UInt64 = 0
    /// The data file now.
    public internal(set) var dataBytes: UInt64 = 0
    /// The metadata now.
    public internal(set) var metadataBytes: UInt64 = 0
    /// The data file as vacuum would leave it.
    public internal(set) var vacuumedDataBytes: UInt64 = 0
    /// The metadata as vacuum would leave it.
    public internal(set) var vacuumedMetadataBytes: UInt64 = 0
    /// What a vacuum takes of the disk until the old files are gone.
    public internal(set) var diskNeeded: UInt64 = 0
    /// What the file system still has; nil when that cannot be told.
    public internal(set) var diskAvailable: UInt64?
    /// What a vacuum takes of memory.
    public internal(set) var memoryNeeded: UInt64 = 0
    /// What the machine still has; nil when that cannot be told.
    public internal(set) var memoryAvailable: UInt64?
    /// What stands in the way: records that cannot be read and the like. Gc and vacuum refuse while there is any.
    public internal(set) var obstacles: [Finding] = []

    /// Bytes that a vacuum would give back; 0 when none.
    public var gain: UInt64 {
        let (now, then) = (dataBytes + metadataBytes, vacuumedDataBytes + vacuumedMetadataBytes)
        return now > then ? now - then : 0
    }
}

extension Finding {
    /// Whether pages must not be given away and records not be rewritten while this is so.
    var isObstacle: Bool {
        switch name {
        case .phantom: severity == .damage
        case .noPages, .unreadable, .readError, .sharedPage, .undecodable, .idMismatch, .unsupportedPage, .unstable:
            true
        default: false
        }
    }
}
