internal import BlazeModel
internal import BlazePlatform

/// Which of the records that a scan has found are the database's: the index tells where it verifies, and the pages where it
/// does not lead to them. Of two copies of an id the one with the larger `updatedAt` counts (FORMAT.md 8.2), but for one behind
/// nextPageIndex, which was never acknowledged.
///
/// Records in pages of a verified free list are deleted ones, and no copies; so are those in pages of a change of ours that was
/// not finished.
struct RescueChoice {
    /// The records, in the order of their ids, each once.
    private(set) var records: [RescueScan.Candidate] = []
    private(set) var recovered: [RepairPlan.Recovered] = []
    private(set) var lost: [RepairPlan.Lost] = []
    private(set) var duplicates: [RepairPlan.Duplicate] = []
    private(set) var deleted: [RecordID] = []
    /// The records with a page from the WAL.
    private(set) var fromWAL: [RecordID] = []
    /// Whole records that were left out.
    private(set) var free = 0
    private(set) var plain = 0
    private(set) var unfinished = 0
    /// Records in the overflow form before 2.7.1, and in plain text pages: the new files have neither.
    private(set) var oldForms = 0
    private(set) var plainTaken = 0
    /// Records that BlazeDB takes for longer ones (trap T21).
    private(set) var lookingLonger = 0

    private let prefersNewest: Bool
    private let store: PageStore
    private let reached: Set<UInt32>
    private let metadata: Metadata?
    private let listed: Set<UInt32>

    init(_ source: RescueSource, _ scan: RescueScan, _ options: RepairOptions) {
        store = source.store
        reached = Set(scan.candidates.filter { $0.pages > 1 }.flatMap { $0.chain })
        prefersNewest = options.prefersNewest
        metadata = source.metadata
        listed = Set(metadata?.index.pages ?? [])
        let freePages = Set(metadata?.freePages ?? [])
        var usable: [RescueScan.Candidate] = []
        for candidate in scan.candidates {
            if let limit = source.limit, UInt64(candidate.main) >= limit {
                unfinished += 1
            } else if !options.includesFree, freePages.contains(candidate.main), !listed.contains(candidate.main) {
                free += 1
            } else {
                usable.append(candidate)
            }
        }
        plain = scan.broken.count { $0.failure.name == .unencryptedPage }
        usable.sort(by: isBefore)
        choose(usable)
        findLost(source, scan, freePages)
    }

    /// By id; of one id the copy that counts first.
    private func isBefore(_ a: RescueScan.Candidate, _ b: RescueScan.Candidate) -> Bool {
        if a.id != b.id { return a.id < b.id }
        // Behind nextPageIndex nothing was ever acknowledged: a copy there is of a change that was not finished, unless an older
        // .meta was put back.
        let (p, q) = (isIndexed(a), isIndexed(b))
        if p != q, !prefersNewest, let metadata, UInt64(p ? b.main : a.main) >= metadata.nextPageIndex { return p }
        let (x, y) = (a.updated ?? -.infinity, b.updated ?? -.infinity)
        if x != y { return x > y }
        return p != q ? p : a.main < b.main
    }

    /// Whether the index lists the page for this very record.
    private func isIndexed(_ candidate: RescueScan.Candidate) -> Bool {
        guard let index = metadata?.index, let entry = index.entry(candidate.id) else { return false }
        return index.pages(of: entry).contains(candidate.main)
    }

    private mutating func choose(_ usable: [RescueScan.Candidate]) {
        records.reserveCapacity(usable.count)
        for candidate in usable {
            if let best = records.last, best.id == candidate.id {
                duplicates.append(
                    RepairPlan.Duplicate(
                        id: best.id, kept: best.main, dropped: candidate.main,
                        reason: reason(for: best, over: candidate)))
                continue
            }
            records.append(candidate)
            if candidate.isOldForm { oldForms += 1 }
            if candidate.isPlain { plainTaken += 1 }
            if candidate.looksLonger { lookingLonger += 1 }
            var reasons: [String] = []
            if let metadata, !isIndexed(candidate) {
                reasons.append(
                    metadata.index.contains(candidate.id)
                        ? "the index lists other pages for it" : "the index does not have it")
            }
            if let page = ([candidate.main] + candidate.chain).first(where: { store.overlay[$0] != nil }) {
                // The WAL has every state that its page had, but for the last one where that was not written to the end.
                fromWAL.append(candidate.id)
                reasons.append("page \(page) is taken from the WAL, and may be older than what the page held")
            }
            guard !reasons.isEmpty else { continue }
            recovered.append(
                RepairPlan.Recovered(
                    id: candidate.id, page: candidate.main, reason: reasons.joined(separator: "; ")))
        }
    }

    /// Why of two copies the first one stays.
    private func reason(for best: RescueScan.Candidate, over other: RescueScan.Candidate) -> String {
        if best.digest == other.digest, best.byteCount == other.byteCount { return "both copies are the same" }
        let (x, y) = (best.updated ?? -.infinity, other.updated ?? -.infinity)
        if x < y { return "the index leads to the copy that stays; the other one is newer (--prefer-newest)" }
        if x > y { return "the copy that stays was updated later" }
        return isIndexed(best) ? "the index leads to the copy that stays" : "nothing tells which is newer"
    }

    private mutating func findLost(_ source: RescueSource, _ scan: RescueScan, _ freePages: Set<UInt32>) {
        var told: Set<UInt32> = []
        if let index = metadata?.index {
            let reader = RecordReader(store: source.store)
            var place = 0
            for entry in index.entries {
                while place < records.count, records[place].id < entry.id { place += 1 }
                if place < records.count, records[place].id == entry.id { continue }
                note(reader.outcome(of: entry, in: index).withoutValues, entry.id, &told)
            }
        }
        for broken in scan.broken where !told.contains(broken.failure.page) {
            let page = broken.failure.page
            if let limit = source.limit, UInt64(page) >= limit { continue }
            // In a page that nothing used it is no loss.
            guard !freePages.contains(page) || listed.contains(page) else { continue }
            if let id = broken.id, has(id) {
                noteOther(id, broken.failure)
                continue
            }
            lost.append(
                RepairPlan.Lost(id: broken.id, page: page, reason: "page \(page) \(broken.failure.reason)"))
        }
        if metadata == nil {
            // No index tells what such a page was: a record, or a part of one that is told already.
            told.formUnion(scan.broken.map(\.failure.page))
            for page in scan.foreign where !told.contains(page) {
                lost.append(
                    RepairPlan.Lost(
                        id: nil, page: page, reason: "page \(page) is overwritten: if it was a record, that is lost"))
            }
            // An image of the WAL may be of another time, when another record stood in the page.
            for page in store.overlay.keys.sorted() where UInt64(page) < store.filePages {
                lost.append(
                    RepairPlan.Lost(
                        id: nil, page: page,
                        reason: "page \(page) is damaged and taken from the WAL: if it held another record than that, "
                            + "that is lost"))
            }
        }
    }

    /// Tells that another copy of a record cannot be read. Where the index leads to the one that stays, nobody misses it.
    private mutating func noteOther(_ id: RecordID, _ failure: RecordFailure) {
        guard metadata == nil, let page = records.first(where: { $0.id == id })?.main else { return }
        let reason = "page \(failure.page) \(failure.reason): that copy of it may have been newer"
        if let place = recovered.firstIndex(where: { $0.id == id }) {
            recovered[place] = RepairPlan.Recovered(
                id: id, page: page, reason: "\(recovered[place].reason); \(reason)")
        } else {
            recovered.append(RepairPlan.Recovered(id: id, page: page, reason: reason))
        }
    }

    /// Whether a record of an id is among them.
    func has(_ id: RecordID) -> Bool {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if records[middle].id < id { low = middle + 1 } else { high = middle }
        }
        return low < records.count && records[low].id == id
    }

    /// An overflow page that the index lists for a record and no other record can have.
    private func restOfChain(of id: RecordID) -> UInt32? {
        guard let index = metadata?.index, let entry = index.entry(id) else { return nil }
        return index.pages(of: entry).dropFirst().first { page in
            guard let (view, kind) = try? store.page(page), kind == .overflow else { return false }
            return store.cipher.authenticates(view) && !reached.contains(page)
        }
    }

    /// What became of an indexed record that no page holds.
    private mutating func note(_ outcome: RecordOutcome, _ id: RecordID, _ told: inout Set<UInt32>) {
        switch outcome {
        case .gone: return
        case .noPages: lost.append(RepairPlan.Lost(id: id, page: nil, reason: "the index lists no page for it"))
        case .unstable(let page):
            lost.append(RepairPlan.Lost(id: id, page: page, reason: "its pages changed while they were read"))
        case .absent(let absence) where absence.failure.severity == .advice:
            // A delete zeroes all pages of a record.
            guard let rest = restOfChain(of: id) else {
                deleted.append(id)
                return
            }
            lost.append(
                RepairPlan.Lost(
                    id: id, page: absence.failure.page,
                    reason: "page \(absence.failure.page) is zero, and overflow page \(rest) is not: "
                        + "damage, or a delete that was cut short"))
        case .absent(let absence):
            told.insert(absence.failure.page)
            lost.append(
                RepairPlan.Lost(
                    id: id, page: absence.failure.page,
                    reason: "page \(absence.failure.page) \(absence.failure.reason)"))
        case .read(let found):
            if found.isPlain, found.id == id {
                told.insert(found.main)
                lost.append(
                    RepairPlan.Lost(
                        id: id, page: found.main,
                        reason:
                            "page \(found.main) is neither encrypted nor authentic; --include-plain takes such records")
                )
            } else {
                let who = found.id.map { "record \($0)" } ?? "a record without an id"
                lost.append(
                    RepairPlan.Lost(
                        id: id, page: found.main,
                        reason: "page \(found.main) holds \(who) now: it was deleted or overwritten"))
            }
        }
    }
}
