internal import BlazeModel
internal import BlazePlatform

extension DatabaseReader {
    /// Makes sure of what could not be read: beside an owner it is read again against the newest metadata until it
    /// reads, leaves the index, shows a zero main page twice, or the patience is at its end (FORMAT.md 8.1a). Only what
    /// then stands still is what it looks like; the rest becomes `.unstable`.
    ///
    /// A record that carries another id counts as not read, unless nobody can be writing; so does one that is not where its
    /// list begins, because a data file that has just been swapped meets the old metadata for a moment.
    ///
    /// - Parameter keepsBytes: whether records come with their bytes as stored.
    func settle(
        _ ids: [RecordID], _ outcomes: inout [RecordOutcome], keepsBytes: Bool = false
    ) throws(EngineError) {
        var open = ids.indices.filter { !outcomes[$0].isSound(ids[$0]) }
        guard !open.isEmpty, try !isStanding() else { return }
        let start = ContinuousClock.now
        defer { patience.spend(ContinuousClock.now - start) }
        var watched: [Int: Watched] = [:]
        var failure: EngineError?
        var pause: Int32 = 1
        while true {
            do throws(EngineError) {
                try renew()
                failure = nil
            } catch {
                guard error.isPassing else { throw error }
                failure = error
            }
            // What looks the same for a moment is so, unless both files are just being replaced, one after the other.
            var isSwapping: Bool?
            open = open.filter { place in
                switch resettle(ids[place], &outcomes[place], &watched[place], keepsBytes) {
                case .clear: return false
                case .open: return true
                case .clearUnlessSwapping:
                    let swapping = isSwapping ?? files.isBeingSwapped(in: storage)
                    isSwapping = swapping
                    return swapping
                }
            }
            if open.isEmpty { return }
            if patience.isExhausted(since: start) { break }
            patience.rest(pause)
            pause = min(pause * 2, 64)
        }
        if let failure { throw failure }
        // An owner has replayed its WAL when it opened, so images in it can count only for what stays broken. They are
        // looked at as they are now, and not kept: the owner goes on writing it.
        try generation.readWAL()
        defer { generation.dropWAL() }
        let isSwapping = files.isBeingSwapped(in: storage)
        for place in open where resettle(ids[place], &outcomes[place], &watched[place], keepsBytes) != .clear {
            let steady = watched[place].map { patience.isQuiet || $0.isSteady(for: patience.limit / 2) } ?? false
            if !steady || isSwapping || outcomes[place].isPendingInsert(besides: metadata.index) {
                outcomes[place] = .unstable(page: outcomes[place].page)
            }
        }
    }

    private enum Clarity {
        case clear
        case clearUnlessSwapping
        case open
    }

    /// How long a zero page, or a record that is not where its list begins, must have been so until it is believed.
    private static let confirmation: Duration = .milliseconds(10)

    /// What a record that does not read looked like, and since when it has looked like that.
    private struct Watched {
        var look: Look
        var since: ContinuousClock.Instant

        struct Look: Equatable {
            let name: Finding.Name?
            let page: UInt32?
            let checksum: UInt32
            let generation: Int
        }

        func isSteady(for duration: Duration) -> Bool { ContinuousClock.now - since >= duration }
    }

    /// Looks at a record again; whether it is clear what became of it.
    private func resettle(
        _ id: RecordID, _ outcome: inout RecordOutcome, _ watched: inout Watched?, _ keepsBytes: Bool
    ) -> Clarity {
        guard let entry = metadata.index.entry(id) else {
            outcome = .gone
            return .clear
        }
        outcome = RecordReader(store: generation.store, keepsBytes: keepsBytes)
            .outcome(of: entry, in: metadata.index)
        if outcome.isSound(id) { return .clear }
        if case .noPages = outcome { return .clear }
        let look = look(outcome)
        if watched?.look != look { watched = Watched(look: look, since: .now) }
        guard outcome.isDeleted || outcome.isRecord(id) else { return .open }
        return watched?.isSteady(for: Self.confirmation) == true ? .clearUnlessSwapping : .open
    }

    private func look(_ outcome: RecordOutcome) -> Watched.Look {
        var name: Finding.Name?
        if case .absent(let absence) = outcome { name = absence.failure.name }
        let checksum = outcome.page.flatMap { try? generation.store.page($0).view.bytes }.map(Checksum.crc32)
        return Watched.Look(name: name, page: outcome.page, checksum: checksum ?? 0, generation: generation.number)
    }

    /// Takes the newest data file and metadata.
    func renew() throws(EngineError) {
        patience.note(try generation.stampNow())
        generation.dropWAL()
        if try generation.hasDataFile() {
            _ = try generation.renewMetadata(key: key)
        } else {
            // A vacuum or a restore has put another file in its place.
            generation = try generation.successor(key: key)
        }
        if !ownership.isOwned { note(files.ownership(in: storage)) }
    }
}

extension RecordOutcome {
    /// The page that tells what became of the record.
    var page: UInt32? {
        switch self {
        case .read(let found): found.main
        case .absent(let absence): absence.failure.page
        case .unstable(let page): page
        case .noPages, .gone: nil
        }
    }

    /// Whether the record's page soundly holds what an insert into a freed page puts there before the metadata follows: a
    /// record that is not indexed yet, or a piece of one. However long that takes: an owner may be stopped in between.
    fileprivate func isPendingInsert(besides index: RecordIndex) -> Bool {
        switch self {
        case .read(let found): found.id.map { !index.contains($0) } ?? false
        case .absent(let absence): absence.failure.kind == .overflow
        case .noPages, .gone, .unstable: false
        }
    }
}
