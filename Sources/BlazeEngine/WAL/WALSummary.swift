/// What a write-ahead log holds, and what BlazeDB's own replay of it would do (FORMAT.md 6, traps T3, T4, T10).
public struct WALSummary: Sendable, Hashable {
    /// Pages of one kind: how many, and the lowest.
    public struct Pages: Sendable, Hashable {
        /// How many.
        public internal(set) var count = 0
        /// The lowest page number; nil when there are none.
        public internal(set) var first: UInt32?

        mutating func add(_ page: UInt32) {
            count += 1
            first = min(first ?? page, page)
        }
    }

    /// The file's size in bytes; 0 when there is no file.
    public internal(set) var size: UInt64 = 0
    /// Whole entries with a right checksum, of either form.
    public internal(set) var entries = 0
    /// Of these, entries of the unified form (`WALV`).
    public internal(set) var unifiedEntries = 0
    /// Writes and deletes of the unified form whose transaction has not committed; they do not count.
    public internal(set) var uncommittedEntries = 0
    /// Bytes that belong to no whole entry.
    public internal(set) var skippedBytes: UInt64 = 0
    /// Of these, bytes behind which no whole entry stands.
    public internal(set) var tailBytes: UInt64 = 0
    /// Entries behind bytes that are none: BlazeDB does not reach them.
    public internal(set) var hiddenEntries = 0
    /// Whether the search behind garbage was given up (`EngineLimits.walCandidates`).
    public internal(set) var searchGivenUp = false
    /// Pages for which an image counts, because the data file holds them neither soundly nor zeroed.
    public internal(set) var counting = Pages()
    /// Zeroed pages that BlazeDB's replay would fill again: deleted records would come back.
    public internal(set) var wouldResurrect = Pages()
    /// Sound record pages that BlazeDB's replay would change to other, older contents.
    public internal(set) var wouldRevert = Pages()
    /// Sound overflow pages that BlazeDB's replay would overwrite.
    public internal(set) var overOverflow = Pages()
}
