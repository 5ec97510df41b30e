internal import CPlatform
internal import Synchronization
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A listening Unix socket that another thread can stop, and that can be bound again when its file has gone.
///
/// One thread accepts and binds again; any may stop it and remove its file.
public final class SocketListener: Sendable {
    /// Where it listens.
    public let path: FilePath
    /// Whether it was given to this process by a supervisor, to which its file belongs then.
    public let isAdopted: Bool
    private let descriptor: Int32
    private let backlog: Int32
    private let wakeReader: Int32
    private let wakeWriter: Int32

    private struct Place {
        /// The file that was bound; nil when it had gone before it could be looked at.
        var identity: FileIdentity?
        /// Its file was removed for good: it is not bound again.
        var isRetired = false
    }
    private let place: Mutex<Place>

    /// Binds and listens, mode 0600. A socket file left behind is removed first: the caller holds the lock that says
    /// that no agent lives.
    ///
    /// - Throws: `inUse` when the path names something that is no socket, or one on which somebody listens.
    public init(path: FilePath, backlog: Int32) throws(SocketError) {
        // The files of a process that was killed are closed one by one: it may listen for a moment longer than it
        // holds its lock.
        let fd = try Self.bind(path, backlog: backlog, patience: .after(.milliseconds(500)))
        (wakeReader, wakeWriter) = try Self.pipe(orClose: fd)
        self.path = path
        self.backlog = backlog
        isAdopted = false
        descriptor = fd
        place = Mutex(Place(identity: FileIdentity(named: path)))
    }

    /// Takes over a socket that listens already, from a supervisor. The descriptor is closed with the value.
    ///
    /// - Throws: `notAListener` when it is not a listening Unix stream socket with an absolute path.
    public init(adopting descriptor: Int32, backlog: Int32) throws(SocketError) {
        var name = [CChar](repeating: 0, count: blaze_unix_path_limit() + 2)
        guard blaze_unix_adopt(descriptor, backlog, &name, name.count) == 0,
            let path = FilePath(bytes: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) })
        else { throw SocketError(.notAListener, operation: "take over the socket", errno: Errno(rawValue: errno)) }
        (wakeReader, wakeWriter) = try Self.pipe(orClose: nil)
        self.path = path
        self.backlog = backlog
        isAdopted = true
        self.descriptor = descriptor
        place = Mutex(Place(identity: FileIdentity(named: path)))
    }

    /// What `next` met.
    public enum Arrival: Sendable {
        /// A client.
        case connection(SocketStream)
        /// Nobody, by the deadline.
        case nobody
        /// The listener was stopped.
        case stopped
    }

    /// Waits for the next connection. Whoever waits already is served before the deadline counts.
    public func next(until deadline: Deadline) throws(SocketError) -> Arrival {
        while true {
            var entries = [
                pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            ]
            let count = poll(&entries, 2, deadline.millisecondsLeft)
            if count == 0 { return .nobody }
            if count < 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                throw SocketError(errno, operation: "accept")
            }
            if entries[0].revents != 0 { return .stopped }
            let fd = blaze_accept(descriptor)
            if fd >= 0 { return .connection(SocketStream(adopting: fd)) }
            let errno = Errno(rawValue: errno)
            // The client has gone again, or we were interrupted: neither is an error of the listener.
            if errno == .interrupted || errno == .connectionAbort || errno == .wouldBlock { continue }
            throw SocketError(errno, operation: "accept")
        }
    }

    /// Makes `next` return `stopped`, now and from then on.
    public func stop() {
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    /// Whether the path still names the socket that was bound.
    public var isInPlace: Bool {
        let bound = place.withLock { $0.identity }
        return bound != nil && FileIdentity(named: path) == bound
    }

    /// Binds the path anew after its file was removed or replaced; connections that were accepted go on. By the thread
    /// that accepts, and never for a socket that was taken over.
    ///
    /// - Throws: `inUse` when something else has the path: it is left alone.
    public func bindAgain() throws(SocketError) {
        guard !isAdopted else { throw SocketError(.inUse, operation: "listen again") }
        let failure: SocketError? = place.withLock { place in
            guard !place.isRetired else { return nil }
            do throws(SocketError) {
                let fd = try Self.bind(path, backlog: backlog, patience: .after(.zero))
                guard blaze_replace_descriptor(descriptor, fd) == 0 else {
                    throw SocketError(Errno(rawValue: errno), operation: "listen again")
                }
                place.identity = FileIdentity(named: path)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Removes the socket file for good, when it still is the one that was bound and is ours.
    public func unlinkSocket() {
        place.withLock { place in
            place.isRetired = true
            guard !isAdopted, let bound = place.identity, FileIdentity(named: path) == bound else { return }
            _ = path.withPlatformString { unlink($0) }
        }
    }

    private static func bind(
        _ path: FilePath, backlog: Int32, patience: Deadline
    ) throws(SocketError) -> Int32 {
        guard path.bytes.count <= blaze_unix_path_limit() else { throw SocketError(.pathTooLong, operation: "listen") }
        try removeLeftover(path, patience: patience)
        let fd = path.withPlatformString { blaze_unix_listen($0, backlog) }
        guard fd >= 0 else { throw SocketError(Errno(rawValue: errno), operation: "listen") }
        return fd
    }

    /// Removes a socket file on which nobody listens, and nothing else.
    private static func removeLeftover(_ path: FilePath, patience: Deadline) throws(SocketError) {
        while true {
            var old = stat()
            guard path.withPlatformString({ lstat($0, &old) }) == 0 else { return }
            guard old.st_mode & S_IFMT == S_IFSOCK else { throw SocketError(.inUse, operation: "listen") }
            let probe = path.withPlatformString { blaze_unix_connect($0, 0) }
            let refusal = probe < 0 ? Errno(rawValue: errno) : nil
            if probe >= 0 { close(probe) }
            if refusal == .noSuchFileOrDirectory { return }
            if refusal == .connectionRefused {
                if path.withPlatformString({ unlink($0) }) == 0 || errno == ENOENT { return }
                throw SocketError(Errno(rawValue: errno), operation: "remove the old socket")
            }
            guard patience.millisecondsLeft > 0 else { throw SocketError(.inUse, operation: "listen") }
            waitMilliseconds(min(10, patience.millisecondsLeft))
        }
    }

    private static func pipe(orClose fd: Int32?) throws(SocketError) -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard blaze_pipe(&ends) == 0 else {
            let errno = Errno(rawValue: errno)
            if let fd { close(fd) }
            throw SocketError(errno, operation: "make a pipe")
        }
        return (ends[0], ends[1])
    }

    deinit {
        close(descriptor)
        close(wakeReader)
        close(wakeWriter)
    }
}

extension FileIdentity {
    /// What the path itself names, without following a symbolic link; nil when nothing.
    init?(named path: FilePath) {
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) == 0 else { return nil }
        self.init(
            device: UInt64(truncatingIfNeeded: raw.st_dev), inode: UInt64(truncatingIfNeeded: raw.st_ino))
    }
}
