#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A moment by which something must have happened.
public struct Deadline: Sendable {
    private let instant: ContinuousClock.Instant

    /// This long from now.
    public static func after(_ duration: Duration) -> Deadline {
        Deadline(instant: ContinuousClock.now.advanced(by: duration))
    }

    /// What is left, in whole milliseconds rounded up; 0 when it has passed.
    public var millisecondsLeft: Int32 {
        let left = ContinuousClock.now.duration(to: instant)
        guard left > .zero else { return 0 }
        let (seconds, attoseconds) = left.components
        let milliseconds = seconds.multipliedReportingOverflow(by: 1000)
        guard !milliseconds.overflow, milliseconds.partialValue < Int64(Int32.max) - 1000 else { return Int32.max }
        return Int32(milliseconds.partialValue + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

/// Lets this thread rest between two looks at something that cannot be waited for.
public func waitMilliseconds(_ count: Int32) {
    _ = poll(nil, 0, count)
}
