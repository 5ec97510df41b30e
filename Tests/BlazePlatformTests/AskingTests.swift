import CPlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazePlatform

/// Programs and files that give a secret.
@Suite struct AskingTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func script(_ text: String) throws -> String { try directory.program("ask", text).string }

    private func ask(_ text: String, limit: Int = 100, timeout: Duration? = .seconds(30)) throws -> String {
        var secret = try SecretInput.from(
            program: try script(text), prompt: "Password of $x: ", environment: ["PATH": "/usr/bin:/bin"], limit: limit,
            timeout: timeout)
        return secret.withBytes { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aProgramGetsThePromptAndGivesTheAnswer() throws {
        #expect(try ask("printf '%s\\n' \"$#:$1\"") == "1:Password of $x: ")
        #expect(try ask("printf '  two words '", timeout: nil) == "  two words ")
    }

    @Test func aProgramThatGivesNone() throws {
        #expect(throws: SecretInputError(.declined)) { try ask("exit 1") }
        #expect(throws: SecretInputError(.declined)) { try ask("echo half; exit 1") }
        #expect(throws: SecretInputError(.empty)) { try ask("exit 0") }
        #expect(throws: SecretInputError(.empty)) { try ask("echo") }
        #expect(throws: SecretInputError(.tooLong)) { try ask("echo 12345", limit: 4) }
        #expect(throws: SecretInputError(.tooLong)) { try ask("yes", limit: 4) }
        #expect(throws: SecretInputError(.unreadable)) {
            _ = try SecretInput.from(
                program: "/no/such", prompt: "", environment: [:], limit: 4, timeout: nil)
        }
    }

    @Test func aProgramThatTakesTooLongIsEnded() throws {
        let note = directory.path.appending("pid").string
        #expect(throws: SecretInputError(.timedOut)) {
            try ask("echo $$ > \(note); exec 3>&1; while :; do :; done", timeout: .milliseconds(300))
        }
        let pid = try #require(
            Int32(try String(contentsOfFile: note, encoding: .utf8).trimmingCharacters(in: .newlines)))
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
        // One that has answered, closed its output and does not end.
        #expect(throws: SecretInputError(.timedOut)) {
            try ask("echo x; exec >&-; while :; do :; done", timeout: .milliseconds(300))
        }
    }

    @Test func credentials() throws {
        let environment = ["CREDENTIALS_DIRECTORY": directory.path.string]
        for mode in [0o400, 0o440, 0o600, 0o640] {
            let file = try directory.write(Array("pw\n".utf8), to: "vault")
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
            #expect(SecretInput.credential("vault", environment: environment) == file)
            var secret = try SecretInput.from(credential: file, limit: 10)
            #expect(secret.withBytes { Array($0) } == Array("pw".utf8))
            try FileManager.default.removeItem(atPath: file.string)
        }
        for mode in [0o444, 0o604, 0o601] {
            let file = try directory.write(Array("pw\n".utf8), to: "open-\(mode)")
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file.string)
            #expect(throws: SecretInputError(.exposed)) { _ = try SecretInput.from(credential: file, limit: 10) }
        }
        for name in ["", "..", ".", "a/b", "/etc/passwd"] {
            #expect(SecretInput.credential(name, environment: environment) == nil)
        }
        #expect(SecretInput.credential("vault", environment: [:]) == nil)
        #expect(SecretInput.credential("vault", environment: ["CREDENTIALS_DIRECTORY": "here"]) == nil)
    }

    @Test func credentialsAreFiles() throws {
        let fifo = directory.path.appending("fifo")
        #expect(mkfifo(fifo.string, 0o600) == 0)
        #expect(throws: SecretInputError(.unreadable)) { _ = try SecretInput.from(credential: fifo, limit: 10) }
        let link = directory.path.appending("link")
        #expect(symlink("/etc/hostname", link.string) == 0)
        #expect(throws: SecretInputError(.unreadable)) { _ = try SecretInput.from(credential: link, limit: 10) }
        #expect(throws: SecretInputError(.unreadable)) {
            _ = try SecretInput.from(credential: directory.path, limit: 10)
        }
    }
}

/// Lines from a terminal that is the test's own. One at a time: signals and the terminal's settings are the process's.
@Suite(.serialized) struct TerminalLineTests {
    /// A pair of ends; the one that a person would sit at, and the program's.
    private final class PseudoTerminal {
        let person: Int32
        let program: Int32

        init() throws {
            #if os(Linux)
                // Glibc's module has none of the functions for it: ioctl_tty(2), TIOCSPTLCK and TIOCGPTN.
                person = open("/dev/ptmx", O_RDWR | O_NOCTTY)
                var locked: Int32 = 0
                var number: Int32 = -1
                try #require(ioctl(person, 0x4004_5431, &locked) == 0 && ioctl(person, 0x8004_5430, &number) == 0)
                let name = "/dev/pts/\(number)"
            #else
                person = posix_openpt(O_RDWR | O_NOCTTY)
                try #require(person >= 0 && grantpt(person) == 0 && unlockpt(person) == 0)
                let name = String(cString: ptsname(person))
            #endif
            program = open(name, O_RDWR | O_NOCTTY)
            try #require(program >= 0)
        }

        deinit {
            close(person)
            close(program)
        }
    }

    private func read(
        _ terminal: PseudoTerminal, size: Int = 100, timeout: Int32 = 20_000
    ) -> (count: Int, error: Int32, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: size)
        var signal: Int32 = 0
        let count = blaze_read_terminal_line(terminal.program, "? ", 0, timeout, &bytes, size, &signal)
        return (count, errno, Array(bytes[..<max(0, count)]))
    }

    /// Types as soon as the prompt is there: what comes before is thrown away.
    private func type(_ text: String, at terminal: PseudoTerminal) -> DispatchSemaphore {
        let person = terminal.person
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            var seen = [UInt8](repeating: 0, count: 2)
            var used = 0
            while used < 2 {
                let n = seen.withUnsafeMutableBytes { Foundation.read(person, $0.baseAddress! + used, 2 - used) }
                guard n > 0 else { break }
                used += n
            }
            _ = text.withCString { write(person, $0, text.utf8.count) }
            done.signal()
        }
        return done
    }

    @Test(arguments: [("pass word\n", "pass word"), ("\n", ""), ("a\rb\n", "a"), ("fault\u{7F}y\n", "fauly")])
    func aLine(_ typed: String, _ expected: String) throws {
        let terminal = try PseudoTerminal()
        let done = type(typed, at: terminal)
        let line = read(terminal)
        done.wait()
        #expect(line.bytes == Array(expected.utf8) && line.count == expected.utf8.count)
        // Nothing of it is shown.
        var shown = [UInt8](repeating: 0, count: 64)
        #expect(fcntl(terminal.person, F_SETFL, O_NONBLOCK) == 0)
        let n = Foundation.read(terminal.person, &shown, shown.count)
        #expect(Array(shown[..<max(0, n)]) == [0x0D, 0x0A])
    }

    @Test func aLineThatIsTooLong() throws {
        let terminal = try PseudoTerminal()
        let done = type("12345\n", at: terminal)
        let line = read(terminal, size: 4)
        done.wait()
        #expect(line.count == -1 && line.error == EMSGSIZE)
    }

    @Test(arguments: ["", "half"]) func noWholeLineInTime(_ typed: String) throws {
        let terminal = try PseudoTerminal()
        var before = termios()
        tcgetattr(terminal.program, &before)
        let done = type(typed, at: terminal)
        let start = ContinuousClock.now
        let line = read(terminal, timeout: 300)
        done.wait()
        #expect(line.count == -1 && line.error == ETIMEDOUT)
        #expect(ContinuousClock.now - start >= .milliseconds(300))
        var after = termios()
        tcgetattr(terminal.program, &after)
        #expect(after.c_lflag == before.c_lflag && after.c_lflag & tcflag_t(ECHO) != 0)
    }

    @Test func theEndOfTheTerminal() throws {
        let terminal = try PseudoTerminal()
        let done = type("\u{4}", at: terminal)
        let line = read(terminal)
        done.wait()
        #expect(line.count == -1 && line.error == ENODATA)
    }

    @Test(arguments: [
        ("y\n", false, true), ("YES\n", false, true), (" n \n", true, false), ("no\n", true, false), ("\n", true, true),
        ("\n", false, false),
    ]) func yesOrNo(_ typed: String, _ usual: Bool, _ expected: Bool) throws {
        let terminal = try PseudoTerminal()
        let done = type(typed, at: terminal)
        let answer = try Terminal.confirm(
            "? ", on: ControllingTerminal(descriptor: dup(terminal.program)), default: usual, timeout: .seconds(20))
        done.wait()
        #expect(answer == expected)
    }

    @Test func otherAnswersAreAskedAgain() throws {
        let terminal = try PseudoTerminal()
        let ask = { (_: Void) throws in
            try Terminal.confirm(
                "? ", on: ControllingTerminal(descriptor: dup(terminal.program)), default: false, timeout: .seconds(20))
        }
        // The answers come one by one, each behind its own question; what was typed is shown in between.
        let person = terminal.person
        let typeAll = { (answers: [String]) in
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                var seen: [UInt8] = []
                for answer in answers {
                    var byte: UInt8 = 0
                    while !seen.elementsEqual("? ".utf8) {
                        guard Foundation.read(person, &byte, 1) == 1 else { break }
                        seen = seen.suffix(1) + [byte]
                    }
                    seen = []
                    _ = answer.withCString { write(person, $0, answer.utf8.count) }
                }
                done.signal()
            }
            return done
        }
        var done = typeAll(["perhaps\n", String(repeating: "y", count: 100) + "\n", "y\n"])
        #expect(try ask(()) == true)
        done.wait()
        done = typeAll(["a\n", "b\n", "c\n"])
        #expect(try ask(()) == false)
        done.wait()
    }
}
