internal import BlazePlatform

/// One pass over the headers of all pages, compared with what the metadata lists. Reads in large steps and jumps over
/// holes, so that a sparse file costs what it holds; memory is bounded by the index and by the pages outside it.
struct HeaderScan {
    private static let step = 64

    private(set) var survey = PageSurvey()
    /// Pages that the index lists: sorted, each once.
    let listed: [UInt32]
    /// The kinds of `listed`, in its order.
    private(set) var kinds: [PageKind]
    /// Pages of the free list: sorted, each once.
    let free: [UInt32]
    /// How many more entries the free list has than pages.
    let freeRepeats: Int
    /// Pages with contents on neither list, the first ones; `survey.orphan` counts them all.
    private(set) var unlisted: [UInt32] = []
    private(set) var firstLeaked: UInt32?
    /// The first page of a version that is not read here.
    private(set) var firstUnsupported: UInt32?

    /// Pages that the WAL holds in place of the file: sorted, with their kinds.
    private let images: [(page: UInt32, kind: PageKind)]
    private let imagePages: [UInt32]

    private var listedPlace = 0
    private var freePlace = 0
    private let known: ReachedPages
    private var knownPlace = 0
    private let mostUnlisted: Int

    /// Scans the file. Throws what reading throws, and `.interrupted` once it is not wanted any more.
    ///
    /// - Parameters:
    ///   - known: pages that were read before, and that nobody can have changed since: they are not read again.
    ///   - mostUnlisted: how many pages outside every list are remembered.
    init(
        _ store: PageStore, _ metadata: Metadata, known: ReachedPages = ReachedPages(),
        mostUnlisted: Int = EngineLimits.unlistedPages, isWanted: () -> Bool = { true }
    ) throws(EngineError) {
        self.known = known
        self.mostUnlisted = mostUnlisted
        listed = metadata.index.pages.sortedOnce()
        free = metadata.freePages.sortedOnce()
        freeRepeats = metadata.freePages.count - free.count
        images = store.overlay.sorted { $0.key < $1.key }.map { ($0.key, Self.kind(of: $0.value)) }
        imagePages = images.map(\.page)
        kinds = [PageKind](repeating: .absent, count: listed.count)
        survey.nextPageIndex = metadata.nextPageIndex
        survey.free = UInt64(free.count)
        survey.total = store.totalPages
        survey.partialTail = store.status.size % UInt64(PageView.byteCount)
        try scanFile(store, isWanted)
        for (page, kind) in images where UInt64(page) >= store.filePages { visit(UInt64(page), kind) }
    }

    /// The kind of a listed page; `absent` for any other.
    func kind(of page: UInt32) -> PageKind {
        let place = Self.place(of: page, in: listed)
        return place < listed.count && listed[place] == page ? kinds[place] : .absent
    }

    func isListed(_ page: UInt32) -> Bool {
        let place = Self.place(of: page, in: listed)
        return place < listed.count && listed[place] == page
    }

    func isFree(_ page: UInt32) -> Bool {
        let place = Self.place(of: page, in: free)
        return place < free.count && free[place] == page
    }

    /// Notes that the file changed while it was scanned.
    mutating func markEstimate() { survey.isEstimate = true }

    /// Takes pages that chains reach off the orphans.
    mutating func claim(_ reached: Set<UInt32>) {
        let before = unlisted.count
        unlisted.removeAll { reached.contains($0) }
        survey.orphan -= UInt64(before - unlisted.count)
    }

    private mutating func scanFile(_ store: PageStore, _ isWanted: () -> Bool) throws(EngineError) {
        let buffer = PageBuffer(pages: Self.step)
        let pageBytes = UInt64(PageView.byteCount)
        let end = store.filePages
        var page: UInt64 = 0
        while page < end {
            visitKnown(&page)
            guard page < end else { break }
            guard isWanted() else { throw EngineError(.interrupted, "the check was ended", path: store.file.path) }
            let data = try onStorage(store.file.path) {
                try store.file.nextData(from: page * pageBytes).map { $0 / pageBytes } ?? end
            }
            if data > page {
                skipHole(page..<min(data, end))
                page = min(data, end)
                continue
            }
            let wanted = Int(min(UInt64(Self.step), end - page))
            let window = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(wanted * PageView.byteCount)])
            let count = try onStorage(store.file.path) { try store.file.read(into: window, at: page * pageBytes) }
            buffer.zero(from: count)
            let read = (count + PageView.byteCount - 1) / PageView.byteCount
            // The file became shorter than it was when it was opened: the rest stays absent.
            guard read > 0 else { return }
            for i in 0..<read {
                visit(page, imageKind(page) ?? buffer.page(i).kind)
                page += 1
            }
        }
    }

    /// Visits the pages from `page` on that are known already.
    private mutating func visitKnown(_ page: inout UInt64) {
        while knownPlace < known.pages.count {
            let (number, kind) = known.pages[knownPlace].page
            guard UInt64(number) <= page else { return }
            knownPlace += 1
            guard UInt64(number) == page else { continue }
            visit(page, kind)
            page += 1
        }
    }

    private static func kind(of image: WALOverlay.Image) -> PageKind {
        switch image {
        case .written(_, let kind): kind
        case .deleted: .empty
        }
    }

    /// Zero pages in bulk; those that the WAL holds are visited one by one.
    private mutating func skipHole(_ pages: Range<UInt64>) {
        var start = pages.lowerBound
        if let first = UInt32(exactly: start) {
            for (page, kind) in images[Self.place(of: first, in: imagePages)...] {
                guard UInt64(page) < pages.upperBound else { break }
                addEmpty(start..<UInt64(page))
                visit(UInt64(page), kind)
                start = UInt64(page) + 1
            }
        }
        addEmpty(start..<pages.upperBound)
    }

    private func imageKind(_ page: UInt64) -> PageKind? {
        guard !images.isEmpty, let page = UInt32(exactly: page) else { return nil }
        let place = Self.place(of: page, in: imagePages)
        return place < images.count && images[place].page == page ? images[place].kind : nil
    }

    private mutating func addEmpty(_ pages: Range<UInt64>) {
        guard !pages.isEmpty else { return }
        survey.empty += UInt64(pages.count)
        var accounted: UInt64 = 0
        while listedPlace < listed.count, UInt64(listed[listedPlace]) < pages.upperBound {
            let page = listed[listedPlace]
            if UInt64(page) >= pages.lowerBound {
                kinds[listedPlace] = .empty
                if UInt64(page) < survey.nextPageIndex, !isFree(page) { accounted += 1 }
            }
            listedPlace += 1
        }
        while freePlace < free.count, UInt64(free[freePlace]) < pages.upperBound {
            let page = UInt64(free[freePlace])
            if page >= pages.lowerBound, page < survey.nextPageIndex { accounted += 1 }
            freePlace += 1
        }
        let used = min(pages.upperBound, max(pages.lowerBound, survey.nextPageIndex)) - pages.lowerBound
        let leaked = used - min(used, accounted)
        survey.leaked += leaked
        if leaked > 0, firstLeaked == nil { firstLeaked = firstGap(pages.lowerBound) }
    }

    /// The first page from `start` on that is on neither list.
    private func firstGap(_ start: UInt64) -> UInt32? {
        var page = start
        while let number = UInt32(exactly: page) {
            let place = Self.place(of: number, in: listed)
            guard (place < listed.count && listed[place] == number) || isFree(number) else { return number }
            page += 1
        }
        return nil
    }

    private mutating func visit(_ page: UInt64, _ kind: PageKind) {
        switch kind {
        case .record: survey.record += 1
        case .plain: survey.plain += 1
        case .compressed, .unknownVersion:
            survey.compressed += 1
            if firstUnsupported == nil { firstUnsupported = UInt32(exactly: page) }
        case .overflow: survey.overflow += 1
        case .empty, .absent: survey.empty += 1
        case .unrecognized: survey.unrecognized += 1
        }
        while listedPlace < listed.count, UInt64(listed[listedPlace]) < page { listedPlace += 1 }
        while freePlace < free.count, UInt64(free[freePlace]) < page { freePlace += 1 }
        let isListed = listedPlace < listed.count && UInt64(listed[listedPlace]) == page
        let isFree = freePlace < free.count && UInt64(free[freePlace]) == page
        if isListed { kinds[listedPlace] = kind }
        guard !isListed, !isFree else { return }
        if kind == .empty {
            guard page < survey.nextPageIndex else { return }
            survey.leaked += 1
            if firstLeaked == nil { firstLeaked = UInt32(exactly: page) }
        } else {
            survey.orphan += 1
            if let page = UInt32(exactly: page), unlisted.count < mostUnlisted { unlisted.append(page) }
        }
    }

    private static func place(of page: UInt32, in sorted: [UInt32]) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < page { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
