/// How a data file's pages are used, told from their headers without decrypting them.
public struct PageSurvey: Sendable, Hashable {
    /// All pages, those that only the WAL holds included.
    public internal(set) var total: UInt64 = 0
    /// Encrypted record pages (version 2).
    public internal(set) var record: UInt64 = 0
    /// Record pages in plain text (version 1).
    public internal(set) var plain: UInt64 = 0
    /// Record pages of version 3 or a version not known here.
    public internal(set) var compressed: UInt64 = 0
    /// Overflow pages.
    public internal(set) var overflow: UInt64 = 0
    /// Zero pages.
    public internal(set) var empty: UInt64 = 0
    /// Pages that are none of these.
    public internal(set) var unrecognized: UInt64 = 0
    /// Pages on the free list, each counted once.
    public internal(set) var free: UInt64 = 0
    /// Zero pages below `nextPageIndex` that no record and no free list has (trap T13).
    public internal(set) var leaked: UInt64 = 0
    /// Pages with contents that no record and no free list has.
    public internal(set) var orphan: UInt64 = 0
    /// The first page number never used, as the metadata says.
    public internal(set) var nextPageIndex: UInt64 = 0
    /// Whether the files changed each time that they were counted: every figure is then about right, and no more.
    public internal(set) var isEstimate = false
    /// Bytes of a last page that is not whole; 0 when it is.
    public internal(set) var partialTail: UInt64 = 0
}
