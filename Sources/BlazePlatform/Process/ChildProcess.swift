internal import CPlatform
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A program that could not be given a secret. Compared by code.
public struct ChildProcessError: Error, Sendable, Equatable {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// No program has that name.
        case notFound
        /// There is a file of that name, but this user cannot run it.
        case notExecutable
        /// The secret is longer than a pipe holds for certain.
        case tooLong
        /// The secret has a zero byte, which no variable can hold, or the variable's name is none.
        case notAVariable
        /// Guarded memory could not be had.
        case noSecretMemory
        /// The system would not start it.
        case failed
    }

    /// What kind of failure it was.
    public let code: Code
    /// The system's error number, where there was one.
    public let errorNumber: Int32

    init(_ code: Code, _ errorNumber: Int32 = 0) {
        self.code = code
        self.errorNumber = errorNumber
    }

    /// An error, to compare with.
    public init(_ code: Code) { self.init(code, 0) }

    /// Errors are equal when their codes are.
    public static func == (a: ChildProcessError, b: ChildProcessError) -> Bool { a.code == b.code }
}

/// Running a program with a secret that no other process can see.
public enum ChildProcess {
    /// The longest secret, in bytes: as much as every pipe takes before anybody reads (PIPE_BUF, pipe(7)).
    public static let secretLimit = 4096

    /// How the program gets the secret.
    public enum Way: Sendable, Equatable {
        /// It reads it from descriptor 3.
        case descriptor
        /// It finds it in this variable. Its own descendants get it too, and on some systems other programs of the same
        /// user can read it.
        case environment(String)
    }

    /// How the program ended.
    public enum Ending: Sendable, Equatable {
        /// With this exit status.
        case exited(Int32)
        /// By this signal.
        case signaled(Int32)
    }

    /// Starts `arguments[0]` (a path, or a name to look for in `PATH`), waits for it to end, and hands on to it what signals
    /// come meanwhile (SIGINT, SIGTERM, SIGHUP, SIGQUIT). It has this process's standard streams and working directory.
    ///
    /// - Throws: `ChildProcessError` when it could not be started.
    public static func run(
        _ arguments: [String], environment: [String: String], secret: inout SecretBytes, by way: Way
    ) throws(ChildProcessError) -> Ending {
        guard let name = arguments.first, !name.isEmpty else { throw ChildProcessError(.notFound) }
        let argv = ArgumentVector(arguments)
        blaze_begin_forwarding()
        defer { blaze_end_forwarding() }
        let child =
            switch way {
            case .descriptor: try spawn(name, argv, ArgumentVector(environment: environment), &secret)
            case .environment(let variable):
                try spawn(name, argv, environment, &secret, variable: variable)
            }
        blaze_forward_to(child)
        var status: Int32 = 0
        guard blaze_wait_for_child(child, -1, &status) == 0 else { throw ChildProcessError(.failed, errno) }
        return status & 0x7F == 0 ? .exited(status >> 8 & 0xFF) : .signaled(status & 0x7F)
    }

    private static func spawn(
        _ name: String, _ argv: borrowing ArgumentVector, _ envp: borrowing ArgumentVector, _ secret: inout SecretBytes
    ) throws(ChildProcessError) -> pid_t {
        guard secret.count <= secretLimit else { throw ChildProcessError(.tooLong) }
        guard let pipe = FilledPipe({ (end) throws(StorageError) in try SecretSink.write(&secret, to: end) }) else {
            throw ChildProcessError(.failed, errno)
        }
        return try started(blaze_spawn(name, argv.pointers, envp.pointers, [-1, -1, -1, pipe.descriptor]))
    }

    /// `NAME=secret` exists in guarded memory and in the new process only.
    private static func spawn(
        _ name: String, _ argv: borrowing ArgumentVector, _ environment: [String: String], _ secret: inout SecretBytes,
        variable: String
    ) throws(ChildProcessError) -> pid_t {
        guard isVariable(variable) else { throw ChildProcessError(.notAVariable) }
        guard secret.withBytes({ !$0.contains(0) }) else { throw ChildProcessError(.notAVariable) }
        let others = ArgumentVector(environment: environment.filter { $0.key != variable })
        let prefix = Array("\(variable)=".utf8)
        var entry: SecretBytes
        do {
            entry = try SecretBytes(count: prefix.count + secret.count + 1) { (out) throws(Never) in
                out.copyBytes(from: prefix)
                secret.withBytes { UnsafeMutableRawBufferPointer(rebasing: out[prefix.count...]).copyBytes(from: $0) }
                out[out.count - 1] = 0
            }
        } catch {
            throw ChildProcessError(.noSecretMemory)
        }
        return try entry.withBytes { (bytes: UnsafeRawBufferPointer) throws(ChildProcessError) -> pid_t in
            // posix_spawn takes its lists as mutable for historical reasons and does not write to them.
            let text = UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: CChar.self))
            return try started(blaze_spawn(name, argv.pointers, [text] + others.pointers, [-1, -1, -1, -1]))
        }
    }

    private static func started(_ child: pid_t) throws(ChildProcessError) -> pid_t {
        guard child > 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw ChildProcessError(.notFound, errno)
            case EACCES, ENOEXEC: throw ChildProcessError(.notExecutable, errno)
            default: throw ChildProcessError(.failed, errno)
            }
        }
        return child
    }

    private static func isVariable(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return name.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
    }
}
