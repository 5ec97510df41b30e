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
        let child = blaze_spawn_shell(command, pipe[1])
        let failure = Errno(rawValue: errno)
        close(pipe[1])
        guard child > 0 else {
            close(pipe[0])
            throw SecretInputError(.unreadable, errno: failure)
        }
        let secret: SecretBytes
        do {
            secret = try from(descriptor: pipe[0], limit: limit)
        } catch {
            // Nobody reads any more, and a command that goes on all the same is ended.
            close(pipe[0])
            kill(child, SIGTERM)
            _ = wait(for: child)
            throw error
        }
        close(pipe[0])
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
