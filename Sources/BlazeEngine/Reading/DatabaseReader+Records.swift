public import BlazeModel

extension DatabaseReader {
    /// Hands out every readable record, sorted by id, one at a time. At rest, a record that carries another id than the
    /// index says is handed out in the place of the index's id, with a finding.
    ///
    /// Records that another process inserts or deletes meanwhile may be among them or not; each one is handed out as it
    /// stood at one moment. Reading uses all cores and holds some 8 MiB of stored records at a time, besides one record for
    /// each core; decoded they take several times that.
    ///
    /// Rethrows what `body` and `interrupt` throw. Throws `.changedWhileReading` when the files' owner takes longer than
    /// 2 s to swap them, and what reading the metadata throws.
    ///
    /// - Parameters:
    ///   - interrupt: called now and then; what it throws ends the read.
    ///   - body: takes a record and its id.
    public func forEachRecord(
        interrupt: () throws -> Void = {}, _ body: (RecordID, Record) throws -> Void
    ) throws -> ReadReport {
        var tally = ReadTally()
        try forEachOutcome(interrupt: interrupt) { id, outcome, list in
            tally.note(outcome, id, list: list)
            if case .read(let found) = outcome { try body(id, found.record) }
        }
        try findSharedPages(&tally)
        return tally.report(judgedBy: ownership)
    }

    /// Hands out what became of each indexed record, with its page list, as `forEachRecord` does.
    ///
    /// - Parameters:
    ///   - choice: the part of an index whose records are looked at; all of it without one.
    ///   - keepsBytes: whether records come with their bytes as stored.
    ///   - keepsValues: whether records come with their fields; those that were read again do in any case.
    func forEachOutcome(
        of choice: (RecordIndex) -> RecordIndex = { $0 }, keepsBytes: Bool = false, keepsValues: Bool = true,
        interrupt: () throws -> Void, _ body: (RecordID, RecordOutcome, ArraySlice<UInt32>) throws -> Void
    ) throws {
        var position = 0
        // Held here, because each look at `metadata` would take hold of all that is in it.
        var index = choice(metadata.index)
        while position < index.count {
            try interrupt()
            let window = RecordWindow(
                from: position, in: index, keepsBytes: keepsBytes, keepsValues: keepsValues)
            let number = generation.number
            let read = window.outcomes(generation.store)
            if read.areSound {
                for slice in read.slices {
                    for i in slice.indices {
                        let entry = index.entries[position]
                        try body(entry.id, slice[i], index.pages(of: entry))
                        position += 1
                    }
                }
                continue
            }
            var outcomes = Array(read.slices.joined())
            let entries = index.entries[window.range].prefix(outcomes.count)
            try settle(entries.map(\.id), &outcomes, keepsBytes: keepsBytes)
            position += entries.count
            if generation.number == number {
                for (entry, outcome) in zip(entries, outcomes) { try body(entry.id, outcome, index.pages(of: entry)) }
                continue
            }
            // There is a newer index: lists are held against it, and the rest comes by it, behind the last id.
            index = choice(metadata.index)
            position = index.place(behind: entries.last?.id)
            for (entry, outcome) in zip(entries, outcomes) {
                try body(entry.id, outcome, index.entry(entry.id).map { index.pages(of: $0) } ?? [])
            }
        }
    }

    /// Two records that were read at different moments may have had one page in turn: beside a writer both are read
    /// again before they are said to share it.
    func findSharedPages(_ tally: inout ReadTally) throws(EngineError) {
        let shared = tally.sharedPages()
        guard !shared.isEmpty else { return }
        guard try !isStanding() else { return tally.add(shared.map { .sharedPage($0.page, $0.first, $0.second) }) }
        try renew()
        for use in shared.prefix(EngineLimits.sharedPageChecks) {
            let ids = [use.first, use.second]
            let entries = ids.compactMap { metadata.index.entry($0) }
            guard entries.count == 2 else { continue }
            var outcomes = entries.map { RecordReader(store: generation.store).outcome(of: $0, in: metadata.index) }
            try settle(ids, &outcomes)
            let chains = outcomes.map { outcome -> [UInt32] in
                if case .read(let found) = outcome { return found.chain }
                return []
            }
            if chains.allSatisfy({ $0.contains(use.page) }) {
                tally.add([.sharedPage(use.page, use.first, use.second)])
            }
        }
    }
}

extension RecordIndex {
    /// The first place behind an id.
    fileprivate func place(behind id: RecordID?) -> Int {
        guard let id else { return 0 }
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].id <= id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
