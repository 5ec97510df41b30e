internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The process at the other end of a connection, as the system tells it.
public struct Peer: Sendable, Hashable {
    /// Its process id.
    public let processID: Int32
    /// Its effective user.
    public let userID: UInt32
}

/// A connected Unix stream socket.
///
/// Sendable because the descriptor never changes and lives as long as the value: one thread reads, one writes, and any
/// may call `shutDown`.
public final class SocketStream: Sendable {
    private let descriptor: Int32

    /// Takes a connected descriptor over.
    init(adopting descriptor: Int32) {
        self.descriptor = descriptor
    }

    /// Connects within the time.
    public convenience init(connectingTo path: FilePath, within duration: Duration) throws(SocketError) {
        let fd = path.withPlatformString { blaze_unix_connect($0, Deadline.after(duration).millisecondsLeft) }
        guard fd >= 0 else { throw SocketError(Errno(rawValue: errno), operation: "connect") }
        self.init(adopting: fd)
    }

    deinit { close(descriptor) }

    /// Who is at the other end.
    public func peer() throws(SocketError) -> Peer {
        var raw = blaze_peer()
        guard blaze_peer_credentials(descriptor, &raw) == 0 else {
            throw SocketError(Errno(rawValue: errno), operation: "ask for the peer")
        }
        return Peer(processID: raw.pid, userID: raw.uid)
    }

    /// Ends sending: the other side sees the end of the stream, and may still answer.
    public func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Ends reading, or both directions; a thread that waits in `receive` sees the end of the stream.
    public func shutDown(readingOnly: Bool = false) {
        shutdown(descriptor, Int32(readingOnly ? SHUT_RD : SHUT_RDWR))
    }

    /// Whether nobody is there to be answered: the other side has closed the stream, or its end of it with nothing left to be
    /// received, or `shutDown` has closed ours. Does not wait.
    public var hasEnded: Bool {
        // Both ends closed, whatever is left to be received (poll(2)).
        var look = pollfd(fd: descriptor, events: 0, revents: 0)
        if poll(&look, 1, 0) > 0, look.revents & Int16(POLLHUP) != 0 { return true }
        var byte: UInt8 = 0
        while true {
            let n = recv(descriptor, &byte, 1, Int32(MSG_PEEK) | blaze_dont_wait())
            if n >= 0 { return n == 0 }
            if errno != EINTR { return errno != EAGAIN && errno != EWOULDBLOCK }
        }
    }

    /// Waits until the other end has sent something or has ended the stream, until `pipe` is woken, or until the time is
    /// over (nil: without end).
    ///
    /// - Returns: whether there is something to receive, if only the end.
    public func waitForInput(or pipe: WakePipe, within limit: Duration?) -> Bool {
        BlazePlatform.waitForInput([descriptor, pipe.descriptor], within: limit).contains(descriptor)
    }

    /// How long `receive` waits when it is given no deadline.
    public func setIdleLimit(_ duration: Duration) throws(SocketError) {
        var time = timeval()
        time.tv_sec = time_t(duration.components.seconds)
        let size = socklen_t(MemoryLayout<timeval>.size)
        guard setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size) == 0 else {
            throw SocketError(Errno(rawValue: errno), operation: "set the idle limit")
        }
    }

    /// Fills the buffer.
    ///
    /// Without a deadline the first bytes may take as long as the idle limit, which costs one system call; with one,
    /// all of them must have come by then.
    ///
    /// - Returns: the count of bytes: all, or 0 when the stream ended before the first, or fewer when `firstBytes`.
    /// - Throws: `cutShort` when the stream ended inside, `timedOut`.
    @discardableResult
    public func receive(
        into buffer: UnsafeMutableRawBufferPointer, deadline: Deadline?, stoppingAfterFirst: Bool = false
    ) throws(SocketError) -> Int {
        var done = 0
        while done < buffer.count {
            let flags = deadline == nil ? 0 : blaze_dont_wait()
            let n = recv(descriptor, buffer.baseAddress! + done, buffer.count - done, flags)
            if n > 0 {
                done += n
                if stoppingAfterFirst { return done }
                continue
            }
            if n == 0 {
                if done == 0 { return 0 }
                throw SocketError(.cutShort, operation: "receive")
            }
            let errno = Errno(rawValue: errno)
            if errno == .interrupted { continue }
            guard errno == .wouldBlock, let deadline else { throw SocketError(errno, operation: "receive") }
            try wait(for: Int16(POLLIN), until: deadline, operation: "receive")
        }
        return done
    }

    /// Exactly `count` bytes. The caller has checked `count` against a limit.
    public func receive(count: Int, deadline: Deadline) throws(SocketError) -> [UInt8] {
        guard count > 0 else { return [] }
        var failure: SocketError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SocketError) {
                filled = try receive(into: UnsafeMutableRawBufferPointer(buffer), deadline: deadline)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        guard bytes.count == count else { throw SocketError(.cutShort, operation: "receive") }
        return bytes
    }

    /// Exactly `count` bytes, straight into guarded memory. The caller has checked `count` against a limit.
    public func receiveSecret(count: Int, deadline: Deadline) throws(SocketError) -> SecretBytes {
        do {
            return try SecretBytes(count: count) { buffer throws(SocketError) in
                guard try receive(into: buffer, deadline: deadline) == count else {
                    throw SocketError(.cutShort, operation: "receive")
                }
            }
        } catch let error as SocketError {
            throw error
        } catch {
            throw SocketError(.noSecretMemory, operation: "receive")
        }
    }

    /// Sends everything by the deadline.
    public func send(_ bytes: UnsafeRawBufferPointer, deadline: Deadline) throws(SocketError) {
        var done = 0
        while done < bytes.count {
            let n = blaze_send(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if n >= 0 {
                done += n
                continue
            }
            let errno = Errno(rawValue: errno)
            if errno == .interrupted { continue }
            guard errno == .wouldBlock else { throw SocketError(errno, operation: "send") }
            try wait(for: Int16(POLLOUT), until: deadline, operation: "send")
        }
    }

    /// Sends everything within a time that counts from when the other side takes nothing: asking for the time is spared
    /// where the whole fits into the socket's buffer.
    public func send(_ bytes: UnsafeRawBufferPointer, within limit: Duration) throws(SocketError) {
        let n = blaze_send(descriptor, bytes.baseAddress, bytes.count)
        if n == bytes.count { return }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[max(0, n)...])
        if n < 0 {
            let errno = Errno(rawValue: errno)
            guard errno == .interrupted || errno == .wouldBlock else { throw SocketError(errno, operation: "send") }
        }
        try send(rest, deadline: .after(limit))
    }

    /// Sends everything by the deadline.
    public func send(_ bytes: [UInt8], deadline: Deadline) throws(SocketError) {
        let failure = bytes.withUnsafeBytes { raw -> SocketError? in
            do throws(SocketError) {
                try send(raw, deadline: deadline)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    private func wait(for events: Int16, until deadline: Deadline, operation: String) throws(SocketError) {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        while true {
            let n = poll(&entry, 1, deadline.millisecondsLeft)
            if n > 0 { return }
            if n == 0 { throw SocketError(.timedOut, operation: operation) }
            let errno = Errno(rawValue: errno)
            if errno != .interrupted { throw SocketError(errno, operation: operation) }
        }
    }
}
