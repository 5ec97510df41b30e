/// One thing that opening for a change put right.
public struct RecoveryStep: Sendable, Hashable {
    /// What kind of thing.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Images of the WAL were put into pages that were torn (FORMAT.md 8.1a).
        case walApplied = "wal-applied"
        /// The WAL was emptied: everything in it that counts is in the data file.
        case walEmptied = "wal-emptied"
        /// nextPageIndex was raised above all pages of the file (trap T2).
        case nextPageRaised = "next-page-raised"
        /// A transaction that did not end was rolled back (trap T5).
        case transactionRolledBack = "transaction-rolled-back"
        /// Copies of a transaction that had not begun, or was over, were removed.
        case transactionFilesRemoved = "transaction-files-removed"
        /// A vacuum that did not end was undone: the old files are in place (trap T5b).
        case vacuumUndone = "vacuum-undone"
        /// A vacuum that had ended was tidied up: the new files are in place.
        case vacuumFinished = "vacuum-finished"
        /// Pages of a change of ours that was not finished were cut off.
        case unfinishedCutOff = "unfinished-cut-off"
        /// A repair that did not end was undone.
        case repairUndone = "repair-undone"
        /// A repair is done, but for tidying up.
        case repairOutstanding = "repair-outstanding"
        /// A repair, or undoing one, was brought to its end.
        case repairFinished = "repair-finished"
        /// Temporary files of this program were removed.
        case temporaryFilesRemoved = "temporary-files-removed"
    }

    /// What kind of thing.
    public let kind: Kind
    /// One sentence for a person.
    public let message: String

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
