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
        /// There is a terminal, but another job has it: asking would stop this process.
        case background
        /// No answer came in time.
        case timedOut
        /// The program that asks ended without an answer: the user declined, or it cannot ask.
        case declined
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
    ///
    /// - Parameter timeout: how long to wait for a whole line; nil for ever.
    /// - Throws: `.noTerminal`, `.background`, `.timedOut`, `.interrupted`, `.empty`, `.tooLong`, `.noSecretMemory`.
    public static func fromTerminal(prompt: String, limit: Int, timeout: Duration? = nil) throws -> SecretBytes {
        let terminal = try ControllingTerminal()
        return try gather(limit: limit) { buffer throws(SecretInputError) in
            try terminal.line(prompt: prompt, echo: false, timeout: timeout, into: buffer)
        }
    }

    /// Everything that a descriptor gives, less one line end at the end.
    public static func from(descriptor: Int32, limit: Int) throws -> SecretBytes {
        try from(descriptor: descriptor, limit: limit, deadline: nil)
    }

    /// The same until a moment: `.timedOut` when the descriptor has not ended by then.
    static func from(descriptor: Int32, limit: Int, deadline: Deadline?) throws -> SecretBytes {
        // Two bytes more than the limit, for a line end.
        try gather(limit: limit + 2) { buffer throws(SecretInputError) in
            var used = try fill(buffer, from: descriptor, deadline: deadline)
            if used > 0, buffer[used - 1] == UInt8(ascii: "\n") {
                used -= 1
                if used > 0, buffer[used - 1] == UInt8(ascii: "\r") { used -= 1 }
            }
            guard used <= limit else { throw SecretInputError(.tooLong) }
            return used
        }
    }

    /// Everything that a descriptor gives until a moment, line ends as well.
    static func exactly(
        descriptor: Int32, limit: Int, deadline: Deadline
    ) throws(SecretInputError) -> SecretBytes {
        do {
            return try gather(limit: limit + 1) { buffer throws(SecretInputError) in
                let used = try fill(buffer, from: descriptor, deadline: deadline)
                guard used <= limit else { throw SecretInputError(.tooLong) }
                return used
            }
        } catch let error as SecretInputError {
            throw error
        } catch {
            throw SecretInputError(.noSecretMemory)
        }
    }

    /// Reads until the end or until the buffer is full; how many bytes came.
    private static func fill(
        _ buffer: UnsafeMutableRawBufferPointer, from descriptor: Int32, deadline: Deadline?
    ) throws(SecretInputError) -> Int {
        var used = 0
        while used < buffer.count {
            if let deadline {
                var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let ready = poll(&entry, 1, deadline.millisecondsLeft)
                guard ready != 0 else { throw SecretInputError(.timedOut) }
                if ready < 0, errno == EINTR { continue }
            }
            let n = read(descriptor, buffer.baseAddress! + used, buffer.count - used)
            if n == 0 { break }
            if n < 0 {
                if errno == EINTR { continue }
                throw SecretInputError(.unreadable, errno: Errno(rawValue: errno))
            }
            used += n
        }
        return used
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

    /// Everything in a file of `$CREDENTIALS_DIRECTORY` (systemd.exec(5)), less one line end at the end. The service
    /// manager makes such files, readable by the service's user through an access control list, whose mask shows in the
    /// group's bits: only the others' bits are held against it.
    ///
    /// - Throws: `.unreadable` also when it is no regular file, `.exposed` when everybody may read it or it belongs to
    ///   another user than root or this one.
    public static func from(credential path: FilePath, limit: Int) throws -> SecretBytes {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW) }
        guard fd >= 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        defer { close(fd) }
        var raw = stat()
        guard fstat(fd, &raw) == 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        guard raw.st_mode & S_IFMT == S_IFREG else { throw SecretInputError(.unreadable) }
        guard raw.st_mode & 0o007 == 0, raw.st_uid == 0 || raw.st_uid == getuid() else {
            throw SecretInputError(.exposed)
        }
        return try from(descriptor: fd, limit: limit)
    }

    /// Where `$CREDENTIALS_DIRECTORY` has a credential of this name; nil without that variable, or when the name is none.
    public static func credential(_ name: String, environment: [String: String]) -> FilePath? {
        guard let directory = environment["CREDENTIALS_DIRECTORY"], directory.hasPrefix("/"),
            let component = FilePath.Component(name), component.kind == .regular
        else { return nil }
        return FilePath(directory).appending(component)
    }

    /// Lets `fill` write into a guarded buffer of `limit` bytes and keeps as many as it says.
    static func gather(
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
