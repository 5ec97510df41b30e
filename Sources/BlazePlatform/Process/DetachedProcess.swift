internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Starting a program that outlives this process, and waiting for its word that it is ready.
public enum DetachedProcess {
    /// What a program started here said.
    public enum Answer: Sendable, Equatable {
        /// It is ready.
        case ready
        /// It ended with these words instead.
        case failed(String)
        /// It said nothing in time.
        case silent
    }

    /// The descriptor on which the started program gives its answer.
    public static let readyDescriptor: Int32 = 3
    /// The byte that means ready.
    public static let readyByte: UInt8 = 0x52

    /// Starts `executable` in a session of its own and waits for its answer. Its first argument is its path.
    public static func start(
        _ executable: FilePath, arguments: [String], environment: [String: String], deadline: Deadline
    ) throws(StorageError) -> Answer {
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "make a pipe for", path: executable)
        }
        defer { close(pipe[0]) }
        var argv: [UnsafeMutablePointer<CChar>?] = [executable.withPlatformString { strdup($0) }]
        argv += arguments.map { strdup($0) }
        argv.append(nil)
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        envp.append(nil)
        defer { for pointer in argv + envp { free(pointer) } }
        let result = executable.withPlatformString { blaze_spawn_detached($0, argv, envp, pipe[1]) }
        let failure = Errno(rawValue: errno)
        close(pipe[1])
        guard result == 0 else { throw StorageError(failure, operation: "start", path: executable) }
        return answer(on: pipe[0], deadline: deadline)
    }

    /// Tells whoever started this process that it is ready, or why it is not, and closes the descriptor.
    public static func report(_ answer: Answer, on descriptor: Int32) {
        switch answer {
        case .ready:
            var byte = readyByte
            _ = write(descriptor, &byte, 1)
        case .failed(let words):
            let bytes = Array(words.utf8.prefix(4096))
            _ = write(descriptor, bytes, bytes.count)
        case .silent: break
        }
        close(descriptor)
    }

    private static func answer(on descriptor: Int32, deadline: Deadline) -> Answer {
        var words: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 512)
        while words.count < 4096 {
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let n = poll(&entry, 1, deadline.millisecondsLeft)
            if n < 0, errno == EINTR { continue }
            if n <= 0 { return .silent }
            let got = read(descriptor, &chunk, chunk.count)
            if got < 0, errno == EINTR { continue }
            if got <= 0 { break }
            if words.isEmpty, chunk[0] == readyByte, got == 1 { return .ready }
            words += chunk[0..<got]
        }
        return words.isEmpty ? .silent : .failed(String(decoding: words, as: UTF8.self))
    }
}

/// Where programs lie.
public enum Executables {
    /// The running program's own path; nil when the system does not tell.
    public static func own() -> FilePath? { of(processID: getpid()) }

    /// A process's program; nil when the system does not tell.
    public static func of(processID: Int32) -> FilePath? {
        var buffer = [CChar](repeating: 0, count: 4097)
        let n = blaze_executable_path(processID, &buffer, buffer.count - 1)
        guard n > 0 else { return nil }
        return FilePath(bytes: buffer[0..<n].map { UInt8(bitPattern: $0) })
    }

    /// A program beside this one, else the first of that name in `PATH`; nil when there is none.
    public static func find(_ name: String, environment: [String: String]) -> FilePath? {
        var candidates: [FilePath] = []
        if let own = own() { candidates.append(own.removingLastComponent().appending(name)) }
        for directory in (environment["PATH"] ?? "").split(separator: ":") where directory.hasPrefix("/") {
            candidates.append(FilePath(String(directory)).appending(name))
        }
        return candidates.first { $0.withPlatformString { access($0, X_OK) } == 0 }
    }

    /// Becomes another program, which keeps the standard streams. Returns only when that failed.
    public static func replaceProcess(
        by executable: FilePath, arguments: [String], environment: [String: String]
    ) -> StorageError {
        var argv: [UnsafeMutablePointer<CChar>?] = [executable.withPlatformString { strdup($0) }]
        argv += arguments.map { strdup($0) }
        argv.append(nil)
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
        envp.append(nil)
        defer { for pointer in argv + envp { free(pointer) } }
        _ = executable.withPlatformString { execve($0, argv, envp) }
        return StorageError(Errno(rawValue: errno), operation: "start", path: executable)
    }
}
