internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Lets any thread end another one's waiting for descriptors.
///
/// Sendable because the descriptors never change and live as long as the value.
public final class WakePipe: Sendable {
    /// Readable when somebody has called `wake` since the last `clear`.
    public let descriptor: Int32
    private let writer: Int32

    /// - Throws: `ThreadError` when the system gives no descriptors.
    public init() throws(ThreadError) {
        var ends: [Int32] = [-1, -1]
        guard blaze_pipe(&ends) == 0 else { throw ThreadError() }
        descriptor = ends[0]
        writer = ends[1]
        for end in ends { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
    }

    deinit {
        close(descriptor)
        close(writer)
    }

    /// Wakes the waiting thread, or the next one that waits.
    public func wake() {
        var byte: UInt8 = 1
        // A full pipe is readable, which is all that is wanted of it.
        _ = write(writer, &byte, 1)
    }

    /// Takes back what `wake` did.
    public func clear() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(descriptor, &bytes, bytes.count) > 0 {}
    }
}

/// Waits until one of the descriptors can be read or has ended, at most so long (nil: without end).
///
/// - Returns: which of them; none when the time is over.
public func waitForInput(_ descriptors: [Int32], within limit: Duration?) -> Set<Int32> {
    var entries = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    let deadline = limit.map(Deadline.after)
    while true {
        let n = poll(&entries, nfds_t(entries.count), deadline?.millisecondsLeft ?? -1)
        if n < 0, errno == EINTR { continue }
        return Set(entries.filter { $0.revents != 0 }.map(\.fd))
    }
}
