internal import BlazeModel

/// The pages that records were read from, and what reading them told: kept while a full check reads all records, four bytes
/// and a flag for each page.
struct ReachedPages {
    /// A page and what it is, in one number that sorts by the page.
    struct Known: Comparable {
        private let bits: UInt64

        init(_ page: UInt32, _ kind: PageKind) { bits = UInt64(page) << 8 | UInt64(kind.rawValue) }

        var page: (number: UInt32, kind: PageKind) {
            (
                UInt32(truncatingIfNeeded: bits >> 8),
                PageKind(rawValue: UInt8(truncatingIfNeeded: bits)) ?? .unrecognized
            )
        }

        static func < (a: Known, b: Known) -> Bool { a.bits < b.bits }
    }

    /// The pages of records that were read. In ascending order, each once, after `sort`.
    private(set) var pages: [Known] = []
    /// The pages that the lists of records name which could not be read: what is wrong there was told with the record.
    private(set) var unread: Set<UInt32> = []
    /// The ids of index entries that do not lead to their record.
    private(set) var lost: Set<RecordID> = []
    /// Bytes of the records that were read, as they are stored.
    private(set) var bytes: UInt64 = 0

    /// Notes what became of a record.
    mutating func note(_ outcome: RecordOutcome, _ id: RecordID, list: ArraySlice<UInt32>) {
        switch outcome {
        case .read(let found):
            bytes += UInt64(found.storedBytes)
            pages.append(Known(found.main, found.isPlain ? .plain : .record))
            for page in found.overflow { pages.append(Known(page, .overflow)) }
            if found.id != id { lost.insert(id) }
        case .absent, .noPages:
            lost.insert(id)
            unread.formUnion(list)
        case .gone: break
        case .unstable: unread.formUnion(list)
        }
    }

    /// Puts the pages in order. A page that two records have is told as such elsewhere.
    mutating func sort() {
        pages.sort()
        var kept = 0
        for page in pages where kept == 0 || pages[kept - 1].page.number != page.page.number {
            pages[kept] = page
            kept += 1
        }
        pages.removeLast(pages.count - kept)
    }

    /// Whether a record was read from the page. Only after `sort`.
    func contains(_ page: UInt32) -> Bool {
        var low = 0
        var high = pages.count
        while low < high {
            let middle = (low + high) / 2
            if pages[middle].page.number < page { low = middle + 1 } else { high = middle }
        }
        return low < pages.count && pages[low].page.number == page
    }

    /// The same without the pages, for a look at files that may have changed.
    var forgettingKinds: ReachedPages {
        var out = self
        out.pages = []
        return out
    }
}
