internal import BlazeModel
internal import Dispatch
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads some records at a time on all cores, in the order of the index: a window is small enough to be held in memory
/// and large enough to keep the cores at work. What a core reads of it is used and freed while its cache still has it.
struct RecordWindow {
    /// The most pages that the records of a window list together, unless it is one record alone.
    private static let pages = max(512, 256 * cores)
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
    private let keepsValues: Bool

    /// The window that begins at a place of the index.
    init(from start: Int, in index: RecordIndex, keepsBytes: Bool = false, keepsValues: Bool = true) {
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
        self.keepsValues = keepsValues
    }

    /// What became of records, in the index's order.
    struct Outcomes {
        /// One array behind the other, as they were read: putting them into one would take hold of every value once more.
        fileprivate(set) var slices: [[RecordOutcome]] = []
        /// Whether every record was read, from where its list begins.
        fileprivate(set) var areSound = true

        var count: Int { slices.reduce(0) { $0 + $1.count } }
    }

    private struct Slice {
        var outcomes: [RecordOutcome] = []
        var areSound = true
    }

    /// What became of each record: of the first at least, and of fewer than the window has when they are long.
    func outcomes(_ store: PageStore) -> Outcomes {
        let count = (range.count + Self.slice - 1) / Self.slice
        let (source, index, range) = (store.source, index, range)
        let (keepsBytes, keepsValues) = (keepsBytes, keepsValues)
        let next = Atomic(0)
        let bytes = Atomic(0)
        let slices = Mutex([Slice](repeating: Slice(), count: count))
        DispatchQueue.concurrentPerform(iterations: min(Self.cores, count)) { _ in
            let reader = RecordReader(
                store: PageStore(source, readingAhead: true), keepsBytes: keepsBytes, keepsValues: keepsValues)
            while true {
                let number = next.add(1, ordering: .relaxed).oldValue
                guard number < count, bytes.load(ordering: .relaxed) < Self.bytes else { return }
                let start = range.lowerBound + number * Self.slice
                let entries = index.entries[start..<min(start + Self.slice, range.upperBound)]
                reader.store.expect(entries.lazy.map(index.pages(of:)))
                var slice = Slice()
                slice.outcomes.reserveCapacity(entries.count)
                for entry in entries {
                    let outcome = reader.outcome(of: entry, in: index)
                    if !outcome.isSound(entry.id) { slice.areSound = false }
                    let size = outcome.storedBytes
                    slice.outcomes.append(outcome)
                    if bytes.add(size, ordering: .relaxed).newValue >= Self.bytes { break }
                }
                slices.withLock { $0[number] = slice }
            }
        }
        // A slice that ended early ends the window: what stands behind it is read again with the next one.
        return slices.withLock { slices in
            var out = Outcomes()
            for (number, slice) in slices.enumerated() {
                out.slices.append(slice.outcomes)
                out.areSound = out.areSound && slice.areSound
                if slice.outcomes.count < min(Self.slice, range.count - number * Self.slice) { break }
            }
            return out
        }
    }
}

extension RecordReader {
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
