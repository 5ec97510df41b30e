public import BlazeModel

/// The names of everything that the engine reports; docs/findings.md explains them.
extension Finding.Name {
    // Records.

    /// An indexed record has an empty page list.
    public static let noPages = Finding.Name(rawValue: "no-pages")
    /// A page list does not start with the record page (trap T1).
    public static let chainOrder = Finding.Name(rawValue: "chain-order")
    /// An indexed record's page is zero, or behind the file's end (trap T4).
    public static let phantom = Finding.Name(rawValue: "phantom")
    /// An indexed record's page or chain fails a check.
    public static let unreadable = Finding.Name(rawValue: "unreadable")
    /// The system could not read a page.
    public static let readError = Finding.Name(rawValue: "read-error")
    /// A page list differs from the chain (trap T2).
    public static let stalePageList = Finding.Name(rawValue: "stale-page-list")
    /// Two records use one page.
    public static let sharedPage = Finding.Name(rawValue: "shared-page")
    /// A record's bytes are authentic, and no record.
    public static let undecodable = Finding.Name(rawValue: "undecodable")
    /// A record carries another id than the index says (trap T17).
    public static let idMismatch = Finding.Name(rawValue: "id-mismatch")
    /// A page version that is not read here.
    public static let unsupportedPage = Finding.Name(rawValue: "unsupported-page")
    /// A record in a page that is neither encrypted nor authenticated.
    public static let unencryptedPage = Finding.Name(rawValue: "unencrypted-page")
    /// A record in the overflow form before 2.7.1.
    public static let oldOverflowForm = Finding.Name(rawValue: "old-overflow-form")
    /// A record in JSON.
    public static let oldRecordJSON = Finding.Name(rawValue: "old-record-json")
    /// Vectors that BlazeDB does not read back as written (trap T12).
    public static let vectorPrecision = Finding.Name(rawValue: "vector-precision")
    /// A whole record in pages that no index entry leads to (trap T8).
    public static let unindexedRecord = Finding.Name(rawValue: "unindexed-record")
    /// A whole record in pages that no index entry leads to, of an id that another whole record has.
    public static let duplicateRecord = Finding.Name(rawValue: "duplicate-record")
    /// A record that another process was at work on for as long as it was read.
    public static let unstable = Finding.Name(rawValue: "unstable")

    // Metadata.

    /// No metadata file.
    public static let noMeta = Finding.Name(rawValue: "no-meta")
    /// Metadata without a signature.
    public static let unsignedMeta = Finding.Name(rawValue: "unsigned-meta")
    /// Metadata that cannot be read.
    public static let badMeta = Finding.Name(rawValue: "bad-meta")
    /// The unsigned mirror differs from the signed payload.
    public static let mirrorDiffers = Finding.Name(rawValue: "mirror-differs")
    /// A page number that is none.
    public static let pageOutOfRange = Finding.Name(rawValue: "page-out-of-range")
    /// Two index entries for one record.
    public static let duplicateIndexEntry = Finding.Name(rawValue: "duplicate-index-entry")
    /// Index entries out of order.
    public static let unsortedIndex = Finding.Name(rawValue: "unsorted-index")
    /// Index entries without a usable id.
    public static let indexEntryUnusable = Finding.Name(rawValue: "index-entry-unusable")
    /// A free page that a record uses.
    public static let freePageInUse = Finding.Name(rawValue: "free-page-in-use")
    /// A page that is on the free list twice.
    public static let freePageTwice = Finding.Name(rawValue: "free-page-twice")
    /// A free page at or above the next page number.
    public static let freePageBeyond = Finding.Name(rawValue: "free-page-beyond")
    /// The next page number is in use (trap T2).
    public static let nextPageLow = Finding.Name(rawValue: "next-page-low")
    /// Secondary index entries for records that do not exist.
    public static let indexDangling = Finding.Name(rawValue: "index-dangling")
    /// Secondary index entries whose key is not the record's present value.
    public static let indexStale = Finding.Name(rawValue: "index-stale")
    /// Records that a secondary index has no entry for, although they have its fields.
    public static let indexMissing = Finding.Name(rawValue: "index-missing")
    /// Compound indexes whose definition has its fields in another order than its name (trap T15).
    public static let indexOrder = Finding.Name(rawValue: "index-order")
    /// Values of indexed fields stand unencrypted in the metadata (trap T11).
    public static let indexedValuesReadable = Finding.Name(rawValue: "indexed-values-readable")
    /// Metadata that makes BlazeDB migrate all pages.
    public static let encodingJSON = Finding.Name(rawValue: "encoding-json")

    // Ownership.

    /// Another process has the database open.
    public static let inUse = Finding.Name(rawValue: "in-use")
    /// Whether a process has the database open cannot be told.
    public static let ownershipUnknown = Finding.Name(rawValue: "ownership-unknown")

    // Files.

    /// No salt file.
    public static let legacySalt = Finding.Name(rawValue: "legacy-salt")
    /// A salt file that cannot be used.
    public static let badSalt = Finding.Name(rawValue: "bad-salt")
    /// The data file ends within a page.
    public static let partialPage = Finding.Name(rawValue: "partial-page")
    /// Pages with contents that no record uses.
    public static let orphan = Finding.Name(rawValue: "orphan")
    /// A page that no record uses, and that does not authenticate.
    public static let orphanUnreadable = Finding.Name(rawValue: "orphan-unreadable")
    /// Zero pages on no free list (trap T13).
    public static let leaked = Finding.Name(rawValue: "leaked")
    /// A separate index file, which BlazeDB prefers over the metadata.
    public static let separateIndexFile = Finding.Name(rawValue: "separate-index-file")
    /// Copies of the state before a transaction that did not end (trap T5).
    public static let transactionInterrupted = Finding.Name(rawValue: "transaction-interrupted")
    /// A vacuum that did not end (trap T5b).
    public static let vacuumInterrupted = Finding.Name(rawValue: "vacuum-interrupted")
    /// Files of a vacuum that is over.
    public static let vacuumLeftover = Finding.Name(rawValue: "vacuum-leftover")
    /// Copies made while opening.
    public static let openLeftover = Finding.Name(rawValue: "open-leftover")
    /// Files of a change by this program that did not end.
    public static let agentLeftover = Finding.Name(rawValue: "agent-leftover")
    /// Directories that keep the files from before a repair.
    public static let keptBeforeRepair = Finding.Name(rawValue: "kept-before-repair")
    /// Transaction logs of very old versions.
    public static let oldTransactionLog = Finding.Name(rawValue: "old-transaction-log")

    // Exposure: what can be read without the password.

    /// Files that others may read.
    public static let fileModeOpen = Finding.Name(rawValue: "file-mode-open")
    /// A directory that others may enter.
    public static let directoryModeOpen = Finding.Name(rawValue: "directory-mode-open")
    /// Files that belong to another user.
    public static let foreignOwner = Finding.Name(rawValue: "foreign-owner")
    /// Files that are symbolic links.
    public static let symbolicLink = Finding.Name(rawValue: "symbolic-link")
    /// Leftovers with copies of the data.
    public static let leftoverHoldsData = Finding.Name(rawValue: "leftover-holds-data")
    /// Words of records stand unencrypted in the metadata's search index (trap T11).
    public static let searchWordsReadable = Finding.Name(rawValue: "search-words-readable")
    /// What can be read in a file is not known.
    public static let exposureUnknown = Finding.Name(rawValue: "exposure-unknown")

    // Write-ahead log.

    /// Entries that are not checkpointed.
    public static let walPending = Finding.Name(rawValue: "wal-pending")
    /// The log ends in bytes that are no entry.
    public static let walTail = Finding.Name(rawValue: "wal-tail")
    /// Entries behind bytes that are none (trap T10).
    public static let walGarbage = Finding.Name(rawValue: "wal-garbage")
    /// Replay would overwrite a newer overflow page (trap T3).
    public static let walOverOverflow = Finding.Name(rawValue: "wal-over-overflow")
    /// Replay would bring deleted records back (trap T4).
    public static let walWouldResurrect = Finding.Name(rawValue: "wal-would-resurrect")
    /// Replay would bring older contents back.
    public static let walWouldRevert = Finding.Name(rawValue: "wal-would-revert")

    /// Every name, in the order of docs/findings.md.
    public static let all: [Finding.Name] = [
        .noPages, .chainOrder, .phantom, .unreadable, .readError, .stalePageList, .sharedPage, .undecodable,
        .idMismatch, .unsupportedPage, .unencryptedPage, .oldOverflowForm, .oldRecordJSON, .vectorPrecision,
        .unindexedRecord, .duplicateRecord, .unstable, .inUse, .ownershipUnknown,
        .noMeta, .unsignedMeta, .badMeta, .mirrorDiffers, .pageOutOfRange, .duplicateIndexEntry, .unsortedIndex,
        .indexEntryUnusable, .freePageInUse, .freePageTwice, .freePageBeyond, .nextPageLow, .indexDangling,
        .indexStale, .indexMissing, .indexOrder, .indexedValuesReadable, .encodingJSON, .legacySalt, .badSalt,
        .partialPage,
        .orphan, .orphanUnreadable, .leaked,
        .separateIndexFile, .transactionInterrupted, .vacuumInterrupted, .vacuumLeftover, .openLeftover,
        .agentLeftover, .keptBeforeRepair,
        .oldTransactionLog, .walPending, .walTail, .walGarbage, .walOverOverflow, .walWouldResurrect, .walWouldRevert,
        .fileModeOpen, .directoryModeOpen, .foreignOwner, .symbolicLink, .leftoverHoldsData, .searchWordsReadable,
        .exposureUnknown,
    ]
}
