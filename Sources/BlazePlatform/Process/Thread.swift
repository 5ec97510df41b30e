internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The system would not start another thread.
public struct ThreadError: Error, Sendable, Equatable {
    /// The error.
    public init() {}
}

/// The stack of a thread, in bytes. Reading and writing values never recurses by their depth, so this is enough for the
/// deepest record.
public let threadStackSize = 512 << 10

/// Starts a detached thread with a stack of `threadStackSize`.
///
/// Called from ordinary functions only: a closure made in top-level code or in `@main static func main()` is inferred
/// to be on the main actor and would die on another thread.
public func spawnThread(named name: String, _ body: @escaping @Sendable () -> Void) throws(ThreadError) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(_ name: String, _ body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var attributes = pthread_attr_t()
    guard pthread_attr_init(&attributes) == 0 else { throw ThreadError() }
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, threadStackSize)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let start = Unmanaged.passRetained(Start(name, body))
    #if canImport(Darwin)
        var thread: pthread_t?
        let result = pthread_create(
            &thread, &attributes,
            { raw in
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                blaze_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
    #else
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { raw in
                guard let raw else { return nil }
                let start = Unmanaged<Start>.fromOpaque(raw).takeRetainedValue()
                blaze_name_thread(start.name)
                start.body()
                return nil
            }, start.toOpaque())
    #endif
    guard result == 0 else {
        start.release()
        throw ThreadError()
    }
}
