internal import CPlatform
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension SecretInput {
    /// Everything that `sh -c command` prints, less one line end at the end. Its other streams are this process's.
    ///
    /// - Throws: `unreadable` when it cannot be started or fails.
    public static func from(command: String, limit: Int) throws -> SecretBytes {
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        defer { close(pipe[0]) }
        let child = blaze_spawn_shell(command, pipe[1])
        let failure = Errno(rawValue: errno)
        close(pipe[1])
        guard child > 0 else { throw SecretInputError(.unreadable, errno: failure) }
        let secret: SecretBytes
        do {
            secret = try from(descriptor: pipe[0], limit: limit)
        } catch {
            _ = wait(for: child)
            throw error
        }
        guard wait(for: child) == 0 else { throw SecretInputError(.unreadable) }
        return secret
    }

    private static func wait(for child: pid_t) -> Int32 {
        var status: Int32 = -1
        while waitpid(child, &status, 0) < 0 {
            if errno != EINTR { return -1 }
        }
        return status
    }
}
