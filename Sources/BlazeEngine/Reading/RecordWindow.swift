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
    /// Once its records have so many stored bytes, a window ends: chains may be longer than the lists say, and values take
    /// many times the memory of their bytes.
    private static let bytes = 8 << 20
    /// Records that a core takes at a time.
    private static let slice = 64
    private static let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// The places of the index that come next.
    let range: Range<Int>
    private let index: RecordIndex
    private let keepsBytes: Bool

    /// The window that begins at a place of the index.
    init(from start: Int, in index: RecordIndex, keepsBytes: Bool = false) {
        var end = start
        var count = 0
        while end < index.count {
            count += max(1, Int(index.entries[end].count))
            if end > start, count > Self.pages { break }
            end += 1
        }
        range = start..<end
        self.index = index
        self.keepsBytes = keepsBytes
    }

    private struct Progress {
        var next: Int
        var bytes = 0
        var slices: [Int: [RecordOutcome]] = [:]
    }

    /// What became of each record, in the index's order: of the first at least, and of fewer than the window has when they
    /// are long.
    func outcomes(_ store: PageStore) -> [RecordOutcome] {
        let workers = min(Self.cores, (range.count + Self.slice - 1) / Self.slice)
        guard workers > 1 else {
            let reader = RecordReader(store: store, keepsBytes: keepsBytes)
            var out: [RecordOutcome] = []
            var bytes = 0
            for place in range where out.isEmpty || bytes < Self.bytes {
                out.append(reader.outcome(at: place, in: self.index))
                bytes += out.last?.storedBytes ?? 0
            }
            return out
        }
        let (source, range, keepsBytes) = (store.source, range, keepsBytes)
        let index = self.index
        let progress = Mutex(Progress(next: range.lowerBound))
        DispatchQueue.concurrentPerform(iterations: workers) { _ in
            let reader = RecordReader(store: PageStore(source), keepsBytes: keepsBytes)
            while true {
                let (start, isOver) = progress.withLock { progress in
                    defer { progress.next += Self.slice }
                    return (progress.next, progress.bytes >= Self.bytes)
                }
                guard start < range.upperBound, !isOver else { return }
                var outcomes: [RecordOutcome] = []
                for place in start..<min(start + Self.slice, range.upperBound) {
                    let outcome = reader.outcome(at: place, in: index)
                    outcomes.append(outcome)
                    let isOver = progress.withLock { progress in
                        progress.bytes += outcome.storedBytes
                        return progress.bytes >= Self.bytes
                    }
                    if isOver { break }
                }
                progress.withLock { $0.slices[start] = outcomes }
            }
        }
        // A slice that ended early ends the window: what stands behind it is read again with the next one.
        return progress.withLock { progress in
            var out: [RecordOutcome] = []
            out.reserveCapacity(range.count)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.slice) {
                let slice = progress.slices[start] ?? []
                out += slice
                if slice.count < min(Self.slice, range.upperBound - start) { break }
            }
            return out
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
