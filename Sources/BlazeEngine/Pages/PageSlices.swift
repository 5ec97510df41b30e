internal import Dispatch
internal import Synchronization

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Reads many pages on all cores: each takes some at a time, through a store of its own.
enum PageSlices {
    private static let slice = 64
    private static let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)

    /// What `body` makes of each slice of the places from 0 to `count`, in their order.
    static func map<Part: Sendable>(
        _ count: Int, of store: PageStore, _ body: @Sendable (Range<Int>, PageStore) -> Part
    ) -> [Part] {
        let source = store.source
        let slices = (count + slice - 1) / slice
        let next = Mutex(0)
        let parts = Mutex([Part?](repeating: nil, count: slices))
        DispatchQueue.concurrentPerform(iterations: min(cores, slices)) { _ in
            let store = PageStore(source)
            while true {
                let number = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard number < slices else { return }
                let part = body(number * slice..<min((number + 1) * slice, count), store)
                parts.withLock { $0[number] = part }
            }
        }
        return parts.withLock { $0.compactMap(\.self) }
    }
}
