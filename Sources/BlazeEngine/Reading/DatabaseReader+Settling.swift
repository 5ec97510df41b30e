internal import BlazeModel
internal import BlazePlatform

extension DatabaseReader {
    /// Makes sure of what could not be read: beside an owner it is read again against the newest metadata until it
    /// reads, leaves the index, shows a zero main page twice, or the patience is at its end (FORMAT.md 8.1a). Only what
    /// then stands still is what it looks like; the rest becomes `.unstable`.
    ///
    /// A record that carries another id counts as not read, unless nobody can be writing; so does one that is not where its
    /// list begins, because a data file that has just been swapped meets the old metadata for a moment.
    func settle(_ ids: [RecordID], _ outcomes: inout [RecordOutcome]) throws(EngineError) {
        var open = ids.indices.filter { !outcomes[$0].isSound(ids[$0]) }
        guard !open.isEmpty, try !isStanding() else { return }
        let start = ContinuousClock.now
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
            open = open.filter { !resettle(ids[$0], &outcomes[$0], &watched[$0]) }
            if open.isEmpty { return }
            if patience.isExhausted(since: start) { break }
            patience.rest(pause)
            pause = min(pause * 2, 64)
        }
        if let failure { throw failure }
        // An owner has replayed its WAL when it opened, so images in it can count only for what stays broken.
        try generation.readWAL()
        let isSwapping = files.isBeingSwapped(in: storage)
        for place in open where !resettle(ids[place], &outcomes[place], &watched[place]) {
            if outcomes[place].isRecord(ids[place]), !isSwapping { continue }
            let steady = watched[place].map { patience.isQuiet || $0.isSteady(for: patience.limit / 2) } ?? false
            let isForeign = outcomes[place].isAuthenticElsewhere && !patience.isQuiet
            if !steady || isForeign || isSwapping { outcomes[place] = .unstable(page: outcomes[place].page) }
        }
    }

    /// What a record that does not read looked like, and since when it has looked like that.
    private struct Watched {
        var look: Look
        var since: ContinuousClock.Instant
        var zeros = 0

        struct Look: Equatable {
            let name: Finding.Name?
            let page: UInt32?
            let checksum: UInt32
            let metadata: Int
        }

        func isSteady(for duration: Duration) -> Bool { ContinuousClock.now - since >= duration }
    }

    /// Looks at a record again; whether it is clear what became of it.
    private func resettle(_ id: RecordID, _ outcome: inout RecordOutcome, _ watched: inout Watched?) -> Bool {
        // The look that brought it here was the first.
        if watched == nil { watched = Watched(look: look(outcome), since: .now, zeros: outcome.isDeleted ? 1 : 0) }
        guard let entry = metadata.index.entry(id) else {
            outcome = .gone
            return true
        }
        outcome = RecordReader(store: generation.store).outcome(of: entry, in: metadata.index)
        if outcome.isSound(id) { return true }
        if case .noPages = outcome { return true }
        let look = look(outcome)
        if watched?.look != look {
            watched?.look = look
            watched?.since = .now
        }
        guard outcome.isDeleted else { return false }
        watched?.zeros += 1
        return (watched?.zeros ?? 0) >= 2
    }

    private func look(_ outcome: RecordOutcome) -> Watched.Look {
        var name: Finding.Name?
        if case .absent(let absence) = outcome { name = absence.failure.name }
        let checksum = outcome.page.flatMap { try? generation.store.page($0).view.bytes }.map(Checksum.crc32)
        return Watched.Look(name: name, page: outcome.page, checksum: checksum ?? 0, metadata: generation.number)
    }

    /// Takes the newest data file and metadata.
    func renew() throws(EngineError) {
        patience.note(try generation.stampNow())
        if try generation.hasDataFile() {
            _ = try generation.renewMetadata(key: key)
        } else {
            // A vacuum or a restore has put another file in its place.
            generation = try generation.successor(key: key, readingWAL: !ownership.isOwned)
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

    /// Whether the record itself was read, from the page where its list begins.
    fileprivate func isSound(_ id: RecordID) -> Bool {
        if case .read(let found) = self { return found.id == id && !found.isOutOfOrder }
        return false
    }

    /// Whether the record's page soundly holds something else: what an insert into a freed page looks like until the
    /// metadata follows.
    fileprivate var isAuthenticElsewhere: Bool {
        switch self {
        case .read: true
        case .absent(let absence): absence.failure.kind == .overflow
        case .noPages, .gone, .unstable: false
        }
    }
}
