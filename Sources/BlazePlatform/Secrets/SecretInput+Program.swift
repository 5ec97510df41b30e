internal import CPlatform
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension SecretInput {
    /// How long a program that was told to end may take before it is killed.
    private static let endLimit: Int32 = 1000

    /// What a program prints that asks the user, such as `$SSH_ASKPASS` programs do: it gets the prompt as its one argument
    /// and prints the answer. Less one line end at the end.
    ///
    /// - Parameter program: a path, or a name to look for in `PATH`.
    /// - Parameter timeout: how long to wait, nil for ever. The program is ended when the time is over.
    /// - Throws: `.unreadable` when it cannot be started, `.declined` when it fails, `.timedOut`, `.empty`, `.tooLong`,
    ///   `.noSecretMemory`.
    public static func from(
        program: String, prompt: String, environment: [String: String], limit: Int, timeout: Duration?
    ) throws -> SecretBytes {
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else { throw SecretInputError(.unreadable, errno: Errno(rawValue: errno)) }
        defer { close(pipe[0]) }
        let deadline = timeout.map(Deadline.after)
        let argv = ArgumentVector([program, prompt])
        let envp = ArgumentVector(environment: environment)
        let child = blaze_spawn(program, argv.pointers, envp.pointers, [-1, pipe[1], -1, -1])
        let failure = Errno(rawValue: errno)
        close(pipe[1])
        guard child > 0 else { throw SecretInputError(.unreadable, errno: failure) }
        var status: Int32 = 0
        let secret: SecretBytes
        do {
            secret = try from(descriptor: pipe[0], limit: limit, deadline: deadline)
        } catch let error as SecretInputError where error.code == .empty {
            // Nothing was printed: whether that is an answer, the exit status tells.
            try end(child, deadline: deadline, status: &status)
            throw status == 0 ? error : SecretInputError(.declined)
        } catch {
            kill(child, SIGTERM)
            try? end(child, deadline: .after(.milliseconds(Int(endLimit))), status: &status)
            throw error
        }
        try end(child, deadline: deadline, status: &status)
        guard status == 0 else { throw SecretInputError(.declined) }
        return secret
    }

    /// Waits for the child; one that runs on behind its time is killed.
    private static func end(_ child: pid_t, deadline: Deadline?, status: inout Int32) throws(SecretInputError) {
        guard blaze_wait_for_child(child, deadline?.millisecondsLeft ?? -1, &status) != 0 else { return }
        let isLate = errno == ETIMEDOUT
        kill(child, SIGKILL)
        _ = blaze_wait_for_child(child, -1, &status)
        throw SecretInputError(isLate ? .timedOut : .unreadable)
    }
}
