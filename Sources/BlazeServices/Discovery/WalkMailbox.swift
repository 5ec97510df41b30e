internal import BlazePlatform
internal import Dispatch
internal import Synchronization

/// Takes what the threads of a walk find to the one that tells it. Holds so many letters and lets a thread with another
/// one wait, so that a slow reader slows the walk instead of filling the memory.
final class WalkMailbox: Sendable {
    enum Letter: Sendable {
        case events([DirectoryScan.Event])
        /// A thread is done.
        case end
    }

    private static let capacity = 256
    private let letters = Mutex<[Letter]>([])
    private let used = DispatchSemaphore(value: 0)
    // It may be released with fewer free places than it began with, which Dispatch allows only from 0.
    private let free = DispatchSemaphore(value: 0)

    init() {
        for _ in 0..<Self.capacity { free.signal() }
    }

    func put(_ events: [DirectoryScan.Event]) {
        if !events.isEmpty { put(.events(events)) }
    }

    func putEnd() { put(.end) }

    private func put(_ letter: Letter) {
        free.wait()
        letters.withLock { $0.append(letter) }
        used.signal()
    }

    /// The next letter; nil when none has come within the time.
    func take(within limit: Duration) -> Letter? {
        let (seconds, attoseconds) = limit.components
        let nanoseconds = Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
        guard used.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return nil }
        let letter = letters.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        free.signal()
        return letter
    }
}
