#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The clocks that deadlines of a session need, as durations since moments of their own.
public protocol MachineClock: Sendable {
    /// Time since the machine was started, time asleep included; nobody can set it.
    func sinceBoot() -> Duration
    /// The same without time asleep: by how much `sinceBoot` runs ahead of it, the machine has slept.
    func awake() -> Duration
    /// Time since 1970, as far as the machine knows; it can be set in both directions.
    func sinceEpoch() -> Duration
    /// Which start of the machine this is; nil where the system does not tell.
    var bootID: String? { get }
}

/// The machine's own clocks: CLOCK_BOOTTIME, CLOCK_MONOTONIC and CLOCK_REALTIME (clock_gettime(2)), on macOS
/// CLOCK_MONOTONIC_RAW and CLOCK_UPTIME_RAW for the first two.
public struct SystemMachineClock: MachineClock {
    /// Which start of the machine this is: `/proc/sys/kernel/random/boot_id` (random(4)), or `kern.bootsessionuuid`.
    public let bootID: String?

    /// The machine's clocks.
    public init() {
        bootID = Self.readBootID()
    }

    /// Time since the machine was started, time asleep included.
    public func sinceBoot() -> Duration {
        #if canImport(Darwin)
            Self.time(CLOCK_MONOTONIC_RAW)
        #else
            Self.time(CLOCK_BOOTTIME)
        #endif
    }

    /// Time since the machine was started, without time asleep.
    public func awake() -> Duration {
        #if canImport(Darwin)
            Self.time(CLOCK_UPTIME_RAW)
        #else
            Self.time(CLOCK_MONOTONIC)
        #endif
    }

    /// Time since 1970.
    public func sinceEpoch() -> Duration { Self.time(CLOCK_REALTIME) }

    private static func time(_ clock: clockid_t) -> Duration {
        var time = timespec()
        // Fails for unknown clocks only, which these are not.
        _ = clock_gettime(clock, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    private static func readBootID() -> String? {
        var bytes = [UInt8](repeating: 0, count: 64)
        #if canImport(Darwin)
            var size = bytes.count - 1
            guard sysctlbyname("kern.bootsessionuuid", &bytes, &size, nil, 0) == 0 else { return nil }
        #else
            let fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else { return nil }
            defer { close(fd) }
            guard read(fd, &bytes, bytes.count - 1) > 0 else { return nil }
        #endif
        let id = bytes.prefix {
            Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 || $0 == UInt8(ascii: "-")
        }
        return id.isEmpty ? nil : String(decoding: id, as: UTF8.self)
    }
}
