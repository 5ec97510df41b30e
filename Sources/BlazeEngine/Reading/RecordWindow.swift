internal import BlazeModel
internal import Dispatch
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads some records at a time on all cores, in the order of the index: a window is small enough to be held in memory
/// and large enough to keep the cores at work.
struct RecordWindow {
    /// The most pages that the records of a window list together, unless it is one record alone.
    private static let pages = 4096
    /// Records that a core takes at a time.
    private static let slice = 64
    private static let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// The places of the index that come next.
    let range: Range<Int>
    private let index: RecordIndex

    /// The window that begins at a place of the index.
    init(from start: Int, in index: RecordIndex) {
        var end = start
        var count = 0
        while end < index.count {
            count += max(1, Int(index.entries[end].count))
            if end > start, count > Self.pages { break }
            end += 1
        }
        range = start..<end
        self.index = index
    }

    private struct Progress {
        var next: Int
        var slices: [Int: [RecordOutcome]] = [:]
    }

    /// What became of each record, in the index's order.
    func outcomes(_ store: PageStore) -> [RecordOutcome] {
        let workers = min(Self.cores, (range.count + Self.slice - 1) / Self.slice)
        guard workers > 1 else {
            let reader = RecordReader(store: store)
            return range.map { reader.outcome(at: $0, in: self.index) }
        }
        let (source, range) = (store.source, range)
        let index = self.index
        let progress = Mutex(Progress(next: range.lowerBound))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            let reader = RecordReader(store: PageStore(source))
            while true {
                let start = progress.withLock { progress in
                    defer { progress.next += Self.slice }
                    return progress.next
                }
                guard start < range.upperBound else { return }
                let outcomes = (start..<min(start + Self.slice, range.upperBound)).map {
                    reader.outcome(at: $0, in: index)
                }
                progress.withLock { $0.slices[start] = outcomes }
            }
        }
        return progress.withLock { progress in
            stride(from: range.lowerBound, to: range.upperBound, by: Self.slice).flatMap { progress.slices[$0] ?? [] }
        }
    }
}

extension RecordReader {
    /// What became of the record at a place of the index.
    func outcome(at place: Int, in index: RecordIndex) -> RecordOutcome {
        outcome(of: index.entries[place], in: index)
    }

    /// What became of an entry's record.
    func outcome(of entry: RecordIndex.Entry, in index: RecordIndex) -> RecordOutcome {
        let list = index.pages(of: entry)
        guard !list.isEmpty else { return .noPages }
        do throws(Absence) {
            return .read(try find(entry.id, in: list))
        } catch {
            return .absent(error)
        }
    }
}
