internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A listening Unix socket that another thread can stop.
public final class SocketListener: Sendable {
    /// Where it listens.
    public let path: FilePath
    private let descriptor: Int32
    private let wakeReader: Int32
    private let wakeWriter: Int32
    private let identity: FileIdentity?

    /// Binds and listens, mode 0600. A socket file left behind is removed first: the caller holds the lock that says
    /// that no agent lives.
    public init(path: FilePath, backlog: Int32) throws(SocketError) {
        guard path.bytes.count <= blaze_unix_path_limit() else { throw SocketError(.pathTooLong, operation: "listen") }
        var old = stat()
        if path.withPlatformString({ lstat($0, &old) }) == 0 {
            guard old.st_mode & S_IFMT == S_IFSOCK else { throw SocketError(.inUse, operation: "listen") }
            guard path.withPlatformString({ unlink($0) }) == 0 else {
                throw SocketError(Errno(rawValue: errno), operation: "remove the old socket")
            }
        }
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else { throw SocketError(Errno(rawValue: errno), operation: "make a pipe") }
        let fd = path.withPlatformString { blaze_unix_listen($0, backlog) }
        guard fd >= 0 else {
            let errno = Errno(rawValue: errno)
            close(pipe[0])
            close(pipe[1])
            throw SocketError(errno, operation: "listen")
        }
        self.path = path
        descriptor = fd
        wakeReader = pipe[0]
        wakeWriter = pipe[1]
        var bound = stat()
        identity =
            path.withPlatformString { lstat($0, &bound) } == 0
            ? FileIdentity(
                device: UInt64(truncatingIfNeeded: bound.st_dev), inode: UInt64(truncatingIfNeeded: bound.st_ino))
            : nil
    }

    /// Waits for the next connection; nil once stopped.
    public func accept() throws(SocketError) -> SocketStream? {
        while true {
            var entries = [
                pollfd(fd: wakeReader, events: Int16(POLLIN), revents: 0),
                pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&entries, 2, -1) < 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                throw SocketError(errno, operation: "accept")
            }
            if entries[0].revents != 0 { return nil }
            let fd = blaze_accept(descriptor)
            if fd >= 0 { return SocketStream(adopting: fd) }
            let errno = Errno(rawValue: errno)
            // The client has gone again, or we were interrupted: neither is an error of the listener.
            if errno == .interrupted || errno == .connectionAbort || errno == .wouldBlock { continue }
            throw SocketError(errno, operation: "accept")
        }
    }

    /// Makes `accept` return nil, now and from then on.
    public func stop() {
        var byte: UInt8 = 1
        _ = write(wakeWriter, &byte, 1)
    }

    /// Removes the socket file when it still is the one that was bound.
    public func unlinkSocket() {
        var named = stat()
        guard path.withPlatformString({ lstat($0, &named) }) == 0 else { return }
        let now = FileIdentity(
            device: UInt64(truncatingIfNeeded: named.st_dev), inode: UInt64(truncatingIfNeeded: named.st_ino))
        if now == identity { _ = path.withPlatformString { unlink($0) } }
    }

    deinit {
        close(descriptor)
        close(wakeReader)
        close(wakeWriter)
    }
}
