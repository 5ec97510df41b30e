internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A secret that could not be read. Compared by code.
public struct SecretInputError: Error, Sendable, Equatable {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// There is no terminal to ask on.
        case noTerminal
        /// The user, or the system, broke the question off by this signal.
        case interrupted(Int32)
        /// The input ended before anything came.
        case empty
        /// It is longer than the limit.
        case tooLong
        /// The descriptor or file cannot be read.
        case unreadable
        /// Other users may read the file.
        case exposed
        /// Guarded memory could not be had.
        case noSecretMemory
    }

    /// What kind of failure it was.
    public let code: Code
    /// The system's error number, where there was one.
    public let errno: Errno?

    /// An error.
    public init(_ code: Code, errno: Errno? = nil) {
        self.code = code
        self.errno = errno
    }

    /// Errors are equal when their codes are.
    public static func == (a: SecretInputError, b: SecretInputError) -> Bool { a.code == b.code }
}

/// Reading a secret from outside straight into guarded memory.
public enum SecretInput {
    /// One line from the controlling terminal, without echo.
    public static func fromTerminal(prompt: String, limit: Int) throws -> SecretBytes {
        let fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard fd >= 0 else { throw SecretInputError(.noTerminal, errno: Errno(rawValue: errno)) }
        defer { close(fd) }
        return try gather(limit: limit) { buffer throws(SecretInputError) in
            var signal: Int32 = 0
            var n = -1
            repeat {
                n = blaze_read_secret_line(
                    fd, prompt, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count, &signal)
                // Suspended with the terminal in order; when the user comes back, the question is asked again.
                if n < 0, errno == EINTR, signal == SIGTSTP { raise(SIGSTOP) }
            } while n < 0 && errno == EINTR && signal == SIGTSTP
            guard n < 0 else { return n }
            switch errno {
            case EINTR: throw SecretInputError(.interrupted(signal))
            case EMSGSIZE: throw SecretInputError(.tooLong)
            case ENODATA: throw SecretInputError(.empty)
            default: throw SecretInputError(.noTerminal, errno: Errno(rawValue: errno))
            }
        }
    }

    /// Everything that a descriptor gives, less one line end at the end.
    public static func from(descriptor: Int32, limit: Int) throws -> SecretBytes {
        // Two bytes more than the limit, for a line end.
        try gather(limit: limit + 2) { buffer throws(SecretInputError) in
            var used = 0
            while used < buffer.count {
                let n = read(descriptor, buffer.baseAddress! + used, buffer.count - used)
                if n == 0 { break }
                if n < 0 {
                    if errno == EINTR { continue }
                    throw SecretInputError(.unreadable, errno: Errno(rawValue: errno))
                }
                used += n
            }
            if used > 0, buffer[used - 1] == UInt8(ascii: "\n") {
                used -= 1
                if used > 0, buffer[used - 1] == UInt8(ascii: "\r") { used -= 1 }
            }
            guard used <= limit else { throw SecretInputError(.tooLong) }
            return used
        }
    }

    /// Everything in a file that only this user may read, less one line end at the end.
    public static func from(file path: FilePath, limit: Int) throws -> SecretBytes {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY) }
        guard fd >= 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        defer { close(fd) }
        var raw = stat()
        guard fstat(fd, &raw) == 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        // Pipes and devices have no readers besides us; a file's mode says who else there is.
        guard raw.st_mode & S_IFMT != S_IFREG || raw.st_mode & 0o077 == 0 else { throw SecretInputError(.exposed) }
        return try from(descriptor: fd, limit: limit)
    }

    /// Lets `fill` write into a guarded buffer of `limit` bytes and keeps as many as it says.
    private static func gather(
        limit: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(SecretInputError) -> Int
    ) throws -> SecretBytes {
        var used = 0
        var whole = try SecretBytes(count: limit) { buffer throws(SecretInputError) in
            used = try fill(buffer)
        }
        guard used > 0 else { throw SecretInputError(.empty) }
        return try whole.withBytes { try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0.prefix(used))) }
    }
}
