public import BlazePlatform
internal import CSystemd
internal import Synchronization
internal import SystemPackage

/// Watches what logind tells of one user's sessions and of the machine's sleep (org.freedesktop.login1(5)).
///
/// Holds a "delay" sleep lock, so that keys can go before the machine sleeps. Where there is no bus, and whenever it goes
/// away, it is tried again with growing pauses; nobody has to wait for it.
public final class LoginWatch: Sendable {
    /// How long one answer of the bus may take.
    static let answerLimit: Duration = .seconds(2)
    /// How often it is looked whether the last session has been left: logind says so only when the last process in it
    /// has ended, which may be the one that asks.
    static let recountPause: Duration = .seconds(20)
    private static let pauses: [Duration] = [.seconds(1), .seconds(2), .seconds(5), .seconds(15), .seconds(60)]

    private let userID: UInt32
    private let recountPause: Duration
    private let interruption: WakePipe
    private let current = Mutex(LoginWatchState.connecting)
    private let isStopped = Mutex(false)

    /// A watch for a user's sessions. Nothing is asked before `run`.
    ///
    /// - Throws: `ThreadError` when the system gives no descriptors.
    public convenience init(userID: UInt32) throws(ThreadError) {
        try self.init(userID: userID, recountPause: Self.recountPause)
    }

    init(userID: UInt32, recountPause: Duration) throws(ThreadError) {
        self.userID = userID
        self.recountPause = recountPause
        interruption = try WakePipe()
    }

    /// Whether events are told now. Any thread may ask.
    public var state: LoginWatchState { current.withLock { $0 } }

    /// Ends `run`, from any thread.
    public func stop() {
        isStopped.withLock { $0 = true }
        interruption.wake()
    }

    /// Tells what happens until `stop`, on a thread of its own. The machine sleeps only when `handler` has returned from
    /// `.sleep`, or logind's patience is over (5 s, where it is not set otherwise).
    public func run(_ handler: (LoginEvent) -> Void) {
        var sessions: Int32 = 0
        var failures = 0
        while !isStopped.withLock({ $0 }) {
            let error = watch(&sessions, connected: { failures = 0 }, handler)
            guard error != .notSupported else {
                current.withLock { $0 = .unsupported }
                return
            }
            guard error != .canceled else { continue }
            current.withLock { $0 = .unavailable(reason: "the system bus or logind does not answer: \(error)") }
            let pause = Self.pauses[min(failures, Self.pauses.count - 1)]
            failures += 1
            _ = waitForInput([interruption.descriptor], within: pause)
        }
    }

    /// One connection, until it ends; the reason.
    private func watch(_ sessions: inout Int32, connected: () -> Void, _ handler: (LoginEvent) -> Void) -> Errno {
        var opened: OpaquePointer?
        let result = blaze_logind_open(
            userID, sessions, Self.milliseconds(Self.answerLimit), interruption.descriptor, &opened)
        guard result >= 0, let logind = opened else { return Errno(rawValue: -result) }
        defer {
            sessions = blaze_logind_sessions(logind)
            blaze_logind_close(logind)
        }
        connected()
        while !isStopped.withLock({ $0 }) {
            current.withLock { $0 = .watching(delaysSleep: blaze_logind_delays_sleep(logind) == 1) }
            let event = blaze_logind_wait(logind, Self.milliseconds(recountPause), interruption.descriptor)
            guard event >= 0 else { return Errno(rawValue: -event) }
            switch blaze_logind_event(rawValue: UInt32(event)) {
            case BLAZE_LOGIND_SLEEP:
                handler(.sleep)
                blaze_logind_let_sleep(logind)
            case BLAZE_LOGIND_WAKE: handler(.wake)
            case BLAZE_LOGIND_LOCK: handler(.screenLock)
            case BLAZE_LOGIND_LOGOUT: handler(.logout)
            case BLAZE_LOGIND_SHUTDOWN: handler(.shutdown)
            case BLAZE_LOGIND_NOTHING:
                let counted = blaze_logind_recount(logind)
                guard counted >= 0 else { return Errno(rawValue: -counted) }
            default: break
            }
        }
        return .canceled
    }

    private static func milliseconds(_ duration: Duration) -> Int32 { Int32(duration / .milliseconds(1)) }
}
