/// Which pages a writer may fill: the free list, then those never used (FORMAT.md 3.2). A value: a transaction that does
/// not come to its end throws its copy away.
struct PageAllocator {
    /// Free pages in ascending order, each once, none of them in use.
    private(set) var free: ArraySlice<UInt32>
    /// The first page never used.
    private(set) var next: UInt64

    /// - Parameters:
    ///   - free: the free list as it was read: it may name pages in use (trap T7), and pages twice.
    ///   - next: the first page never used.
    ///   - listed: every page that the index names, in ascending order.
    init(free: [UInt32], next: UInt64, listed: [UInt32]) {
        var sound: [UInt32] = []
        var place = listed.startIndex
        for page in free.sortedOnce() where page < next {
            while place < listed.endIndex, listed[place] < page { place += 1 }
            if place < listed.endIndex, listed[place] == page { continue }
            sound.append(page)
        }
        self.free = sound[...]
        self.next = next
    }

    /// `count` pages in ascending order, so that a main page stands below its overflow pages (trap T1).
    ///
    /// A free page that `isUsable` refuses is left out for good: it is on no list then, and gc finds it.
    /// - Throws: `.limitExceeded` when the numbers are used up; what `isUsable` throws.
    mutating func take(
        _ count: Int, isUsable: (UInt32) throws(EngineError) -> Bool
    ) throws(EngineError) -> [UInt32] {
        var out: [UInt32] = []
        out.reserveCapacity(count)
        while out.count < count, let page = free.popFirst() {
            if try isUsable(page) { out.append(page) }
        }
        while out.count < count {
            guard let page = UInt32(exactly: next), page < .max else {
                throw EngineError(.limitExceeded, "the data file has no page numbers left")
            }
            out.append(page)
            next += 1
        }
        return out
    }

    /// Takes pages back into the free list. One that is on it already stays on it once: a list that was read may name pages
    /// of a chain that grew (traps T2 and T7).
    mutating func give(_ pages: [UInt32]) {
        guard !pages.isEmpty else { return }
        var merged: [UInt32] = []
        merged.reserveCapacity(free.count + pages.count)
        func append(_ page: UInt32) { if page != merged.last { merged.append(page) } }
        var place = free.startIndex
        for page in pages.sorted() {
            while place < free.endIndex, free[place] < page {
                append(free[place])
                place += 1
            }
            append(page)
        }
        for page in free[place...] { append(page) }
        free = merged[...]
    }
}
