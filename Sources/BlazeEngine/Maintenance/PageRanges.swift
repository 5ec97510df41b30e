/// Page numbers in ascending order, those side by side as one range: a hole of any size costs the same.
struct PageRanges {
    private(set) var ranges: [Range<UInt64>] = []
    private(set) var count: UInt64 = 0

    /// Appends pages behind all others.
    mutating func append(_ pages: Range<UInt64>) {
        guard !pages.isEmpty else { return }
        count += UInt64(pages.count)
        if let last = ranges.last, last.upperBound == pages.lowerBound {
            ranges[ranges.count - 1] = last.lowerBound..<pages.upperBound
        } else {
            ranges.append(pages)
        }
    }

    /// How many pages stand before a page.
    func count(before end: UInt64) -> UInt64 {
        ranges.reduce(0) { $0 + UInt64(max($1.lowerBound, min($1.upperBound, end)) - $1.lowerBound) }
    }

    /// The pages before a page.
    func pages(before end: UInt64) -> some Sequence<UInt32> {
        ranges.lazy.flatMap { $0.lowerBound..<max($0.lowerBound, min($0.upperBound, end)) }.map { UInt32($0) }
    }
}
