internal import CPlatform
internal import CSodium
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The user's clipboard, by the first program for it that is there: wl-copy, xclip, xsel or pbcopy.
///
/// The terminal's own way (OSC 52) is not used: it passes through every multiplexer and log, and cannot be read back to
/// see whether the secret is still there.
public struct Clipboard: Sendable {
    /// The longest secret, in bytes.
    public static let limit = ChildProcess.secretLimit
    /// How long one program may take.
    private static let patience: Duration = .seconds(5)
    /// What programs for the clipboard need to know.
    static let variables = [
        "PATH", "HOME", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR", "DISPLAY", "XAUTHORITY", "LANG", "LC_ALL", "LC_CTYPE",
    ]

    let tool: ClipboardTool
    private let environment: [String: String]

    /// The clipboard of the display that the environment names.
    ///
    /// - Throws: `.none`.
    public init(environment: [String: String]) throws(ClipboardError) {
        let found = ClipboardTool.allCases.first { tool in
            if let display = tool.display, environment[display]?.isEmpty ?? true { return false }
            return [tool.copy, tool.paste].allSatisfy { Self.program($0[0], environment) != nil }
        }
        guard let found else { throw ClipboardError(.none) }
        self.init(found, environment: environment)
    }

    init(_ tool: ClipboardTool, environment: [String: String]) {
        self.tool = tool
        self.environment = environment.filter { Self.variables.contains($0.key) }
    }

    /// Puts the secret into the clipboard, as it is.
    ///
    /// - Throws: `.failed`, `.tooLong`.
    public func copy(_ secret: inout SecretBytes) throws(ClipboardError) {
        guard secret.count <= Self.limit else { throw ClipboardError(.tooLong) }
        guard let pipe = FilledPipe({ (end) throws(StorageError) in try SecretSink.write(&secret, to: end) }) else {
            throw ClipboardError(.failed)
        }
        try run(tool.copy, input: pipe.descriptor)
    }

    /// Lets the clipboard be emptied after a time unless something else is in it then. A process of its own does it, which
    /// outlives this one and knows no more of the secret than a keyed hash.
    ///
    /// - Parameter executable: a program that calls `ClipboardClearing.run()` when its one argument is
    ///   `ClipboardClearing.argument`.
    /// - Throws: `.notCleared`.
    public func clearLater(
        _ secret: inout SecretBytes, after delay: Duration, executable: FilePath
    ) throws(ClipboardError) {
        let job = ClipboardClearing.Job(tool, delay: delay, secret: &secret)
        guard let pipe = FilledPipe({ (end) throws(StorageError) in try Terminal.write(job.bytes, to: end) }) else {
            throw ClipboardError(.notCleared)
        }
        let argv = ArgumentVector([executable.string, ClipboardClearing.argument])
        let envp = ArgumentVector(environment: environment)
        let result = executable.withPlatformString {
            blaze_spawn_detached($0, argv.pointers, envp.pointers, pipe.descriptor)
        }
        guard result == 0 else { throw ClipboardError(.notCleared) }
    }

    /// What is in the clipboard now; nil when it is nothing, or more than a secret can be.
    ///
    /// - Throws: `.noSecretMemory`.
    func paste() throws(ClipboardError) -> SecretBytes? {
        guard let program = Self.program(tool.paste[0], environment) else { return nil }
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else { return nil }
        defer { close(pipe[0]) }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let argv = ArgumentVector(tool.paste)
        let envp = ArgumentVector(environment: environment)
        let child = program.withPlatformString {
            blaze_spawn($0, argv.pointers, envp.pointers, [null, pipe[1], null, -1])
        }
        close(pipe[1])
        guard child > 0 else { return nil }
        let deadline = Deadline.after(Self.patience)
        let content: SecretBytes?
        do {
            content = try SecretInput.exactly(descriptor: pipe[0], limit: Self.limit, deadline: deadline)
        } catch {
            _ = Self.end(child, deadline: .after(.zero))
            guard error.code == .noSecretMemory else { return nil }
            throw ClipboardError(.noSecretMemory)
        }
        return Self.end(child, deadline: deadline) == 0 ? content : nil
    }

    /// - Throws: `.failed`.
    func clear() throws(ClipboardError) {
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        try run(tool.clear, input: null)
    }

    /// The program's other streams lead nowhere: such programs stay, to serve the clipboard, and would hold them open.
    private func run(_ words: [String], input: Int32) throws(ClipboardError) {
        guard let program = Self.program(words[0], environment) else {
            throw ClipboardError(.failed, program: words[0])
        }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let argv = ArgumentVector(words)
        let envp = ArgumentVector(environment: environment)
        let child = program.withPlatformString {
            blaze_spawn($0, argv.pointers, envp.pointers, [input, null, null, -1])
        }
        guard child > 0, Self.end(child, deadline: .after(Self.patience)) == 0 else {
            throw ClipboardError(.failed, program: words[0])
        }
    }

    /// Waits for a program; one that runs on is killed. Its status as waitpid gives it.
    private static func end(_ child: pid_t, deadline: Deadline) -> Int32 {
        var status: Int32 = -1
        if blaze_wait_for_child(child, deadline.millisecondsLeft, &status) != 0 {
            kill(child, SIGKILL)
            _ = blaze_wait_for_child(child, -1, &status)
        }
        return status
    }

    private static func program(_ name: String, _ environment: [String: String]) -> FilePath? {
        (environment["PATH"] ?? "").split(separator: ":").filter { $0.hasPrefix("/") }
            .map { FilePath(String($0)).appending(name) }
            .first { $0.withPlatformString { access($0, X_OK) } == 0 }
    }
}
