internal import BlazeModel
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What every page of the data file is for, once it is known which ones the indexed records reach.
struct PageUse {
    /// Pages that records reach, ascending, each once.
    let live: [UInt32]
    /// Pages of the file.
    let filePages: UInt64
    /// Pages on the free list that no record reaches, and that are in the file.
    private(set) var free = PageRanges()
    /// Of these, those that are not zero.
    private(set) var dirtyFree: [UInt32] = []
    /// Zero pages on no list.
    private(set) var leaked = PageRanges()
    /// Pages with contents on no list, which nobody needs.
    private(set) var orphans: [UInt32] = []
    /// Pages of records that stand whole on no list, and that the index does not have: a page scan brings them back
    /// (FORMAT.md 8.2), so that they are no waste.
    private(set) var kept: [UInt32] = []
    /// How many records these are.
    private(set) var unindexed = 0

    /// The first page behind all that are live or kept.
    var end: UInt64 { max(live.last.map { UInt64($0) + 1 } ?? 0, kept.last.map { UInt64($0) + 1 } ?? 0) }
    /// Pages behind `end`.
    var tail: UInt64 { filePages - min(filePages, end) }

    /// Looks at every page that is not live.
    ///
    /// - Parameters:
    ///   - chains: the pages that records reach, in any order.
    ///   - check: called now and then; what it throws ends the look.
    init(
        _ store: PageStore, chains: [UInt32], freeList: [UInt32], index: RecordIndex, check: () throws -> Void
    ) throws {
        live = chains.sortedOnce()
        filePages = store.filePages
        let listed = freeList.sortedOnce()
        let pageBytes = UInt64(PageView.byteCount)
        var livePlace = 0
        var listedPlace = 0
        var page: UInt64 = 0
        var found: [UInt32] = []
        while page < filePages {
            if page % 4096 == 0 { try check() }
            while livePlace < live.count, UInt64(live[livePlace]) < page { livePlace += 1 }
            if livePlace < live.count, UInt64(live[livePlace]) == page {
                page += 1
                continue
            }
            while listedPlace < listed.count, UInt64(listed[listedPlace]) < page { listedPlace += 1 }
            // Behind the last number that a page can have nothing can be used.
            guard let number = UInt32(exactly: page) else {
                leaked.append(page..<filePages)
                break
            }
            let isListed = listedPlace < listed.count && listed[listedPlace] == number
            let isEmpty = try store.page(number).kind == .empty
            if isListed {
                free.append(page..<page + 1)
                if !isEmpty { dirtyFree.append(number) }
                page += 1
            } else if isEmpty {
                // As far as nothing is written and nothing is listed, the rest is the same.
                let data = try store.file.nextData(from: (page + 1) * pageBytes).map { $0 / pageBytes } ?? filePages
                var next = min(max(page + 1, data), filePages)
                if livePlace < live.count { next = min(next, UInt64(live[livePlace])) }
                if listedPlace < listed.count { next = min(next, UInt64(listed[listedPlace])) }
                if !store.overlay.isEmpty { next = page + 1 }
                leaked.append(page..<next)
                page = next
            } else {
                found.append(number)
                page += 1
            }
            guard found.count + dirtyFree.count <= EngineLimits.orphanPages else {
                throw EngineError(
                    .limitExceeded, "more than \(EngineLimits.orphanPages) pages hold something that no record uses")
            }
        }
        try sort(found, store, index, check)
    }

    /// Tells the pages of records that the index lost from the rest.
    private mutating func sort(
        _ found: [UInt32], _ store: PageStore, _ index: RecordIndex, _ check: () throws -> Void
    ) throws {
        let reader = RecordReader(store: store)
        var ids: Set<RecordID> = []
        var needed: Set<UInt32> = []
        let candidates = Set(found)
        for (place, page) in found.enumerated() {
            if place % 256 == 0 { try check() }
            let kind = try store.page(page).kind
            // What it holds cannot be told here, so it is left alone.
            if kind.isUnsupported { needed.insert(page) }
            guard kind == .record, let stored = try? reader.record(main: page),
                let id = stored.bytes.withUnsafeBytes({ try? RecordCodec.decodeNoting($0) })?.record.id,
                !index.contains(id)
            else { continue }
            ids.insert(id)
            needed.formUnion(stored.chain.filter(candidates.contains))
        }
        unindexed = ids.count
        kept = needed.sorted()
        orphans = found.filter { !needed.contains($0) }
    }
}
