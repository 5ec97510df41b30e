internal import BlazePlatform

/// Neighbouring pages that are about to be asked for, read several at a time: a call to the system for each page costs as
/// much as copying it.
///
/// It only ever saves a read. A page that did not come whole, because the file ends or the disk fails, is left to a read of
/// its own.
final class ReadAhead {
    /// The most pages that are read at a time: few enough to stay in a core's cache until they are decrypted.
    static let longest = 16

    private let buffer = PageBuffer(pages: longest)
    /// The pages of the buffer.
    private var held: Range<UInt64> = 0..<0
    /// Runs of at least two pages, in the order in which they will be asked for.
    private var expected: ArraySlice<Range<UInt64>> = []

    /// Forgets what it holds, and expects pages in this order.
    func expect(_ lists: some Sequence<ArraySlice<UInt32>>) {
        held = 0..<0
        var runs: [Range<UInt64>] = []
        var run: Range<UInt64> = 0..<0
        for list in lists {
            for page in list {
                let page = UInt64(page)
                if page == run.upperBound, !run.isEmpty {
                    run = run.lowerBound..<page + 1
                    continue
                }
                if run.count > 1 { runs.append(run) }
                run = page..<page + 1
            }
        }
        if run.count > 1 { runs.append(run) }
        expected = runs[...]
    }

    /// A page as the file had it when its run was read; nil when it was not expected, or did not come whole.
    func page(_ number: UInt32, of file: any StorageFile) -> PageView? {
        let number = UInt64(number)
        if !held.contains(number) {
            guard let place = expected.firstIndex(where: { $0.contains(number) }) else { return nil }
            let rest = number..<expected[place].upperBound
            load(rest.prefix(Self.longest), of: file)
            // What was expected before will not come any more.
            expected = expected[place...]
            guard held.contains(number) else { return nil }
        }
        return buffer.page(Int(number - held.lowerBound))
    }

    private func load(_ pages: Range<UInt64>, of file: any StorageFile) {
        let size = UInt64(PageView.byteCount)
        let place = UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<(pages.count * PageView.byteCount)])
        // A failure is told when the page itself is read.
        let count = (try? file.read(into: place, at: pages.lowerBound * size)) ?? 0
        held = pages.lowerBound..<pages.lowerBound + UInt64(count) / size
    }
}
