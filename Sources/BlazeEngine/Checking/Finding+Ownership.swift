internal import BlazeModel
internal import BlazePlatform

extension Finding {
    /// What a crash leaves, and what a live BlazeDB shows all the time: the same states (FORMAT.md 8.1a). Page order
    /// (trap T1), pages that fail a check, and records in each other's place are not among them: they are as bad
    /// beside an owner as without one.
    private static let statesOfALiveOwner: Set<Name> = [
        .phantom, .stalePageList, .unindexedRecord, .duplicateRecord, .freePageInUse, .freePageBeyond, .nextPageLow,
        .indexStale, .indexMissing, .partialPage, .orphan, .orphanUnreadable, .leaked, .transactionInterrupted,
        .vacuumInterrupted, .vacuumLeftover, .openLeftover, .agentLeftover,
        .walPending, .walTail,
        .walGarbage, .walOverOverflow, .walWouldResurrect, .walWouldRevert,
    ]

    private var isStateOfALiveOwner: Bool {
        // A page behind the end of the file is none: an owner zeroes pages and never takes them away.
        Self.statesOfALiveOwner.contains(name) && !(name == .phantom && severity == .damage)
    }

    /// The finding as it counts when the database is owned, free, or one does not know.
    func judged(by ownership: Ownership) -> Finding {
        guard isStateOfALiveOwner else { return self }
        var judged = self
        switch ownership {
        case .free, .shared, .leased: break
        case .owned:
            guard severity > .note else { return self }
            judged.severity = .note
            judged.message += " (normal while a process has the database open)"
        case .unknown:
            guard severity > .note else { return self }
            judged.isPossible = true
            judged.severity = .advice
            judged.message = "possibly: \(message)"
        }
        return judged
    }

    /// What is worth saying of the ownership itself.
    static func of(_ ownership: Ownership) -> Finding? {
        switch ownership {
        case .free, .shared, .leased: nil
        case .owned(let holders):
            Finding(
                .inUse, .note, count: max(1, holders.count),
                "\(holders.first.map(\.title) ?? "a process") has the database open: what it has not saved is not judged"
            )
        case .unknown(let reason):
            Finding(
                .ownershipUnknown, .note,
                "whether a process has the database open is unknown (\(reason)): what a crash would leave is only possible"
            )
        }
    }
}
