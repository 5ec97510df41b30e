import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Programs that are given a secret. One at a time: signals go to whichever runs.
@Suite(.serialized) struct ChildProcessTests {
    private let directory: TemporaryDirectory
    private let environment = ["PATH": "/usr/bin:/bin", "OTHER": "kept", "SECRET": "old"]

    init() throws {
        directory = try TemporaryDirectory()
    }

    /// Runs a shell script that writes to `$1`; how it ended and what it wrote.
    private func run(
        _ script: String, secret text: String = "s3cret", by way: ChildProcess.Way = .descriptor
    ) throws -> (ending: ChildProcess.Ending, out: String) {
        var secret = try SecretBytes(utf8: text)
        let out = directory.path.appending("out")
        let ending = try ChildProcess.run(
            ["sh", "-c", script, "sh", out.string], environment: environment, secret: &secret, by: way)
        return (ending, (try? String(contentsOfFile: out.string, encoding: .utf8)) ?? "")
    }

    @Test func aDescriptor() throws {
        let done = try run("cat <&3 > $1; echo \"|$SECRET|$OTHER\" >> $1")
        #expect(done.ending == .exited(0) && done.out == "s3cret|old|kept\n")
    }

    @Test func theLongestSecretFitsWithoutAReader() throws {
        let text = String(repeating: "x", count: ChildProcess.secretLimit)
        #expect(try run("true", secret: text).ending == .exited(0))
        #expect(try run("wc -c <&3 | tr -d ' ' > $1", secret: text).out == "\(ChildProcess.secretLimit)\n")
        #expect(throws: ChildProcessError(.tooLong)) { try run("true", secret: text + "x") }
    }

    @Test func aVariable() throws {
        let done = try run("echo \"$SECRET|$OTHER\" > $1; env | grep -c ^SECRET= >> $1", by: .environment("SECRET"))
        #expect(done.ending == .exited(0) && done.out == "s3cret|kept\n1\n")
    }

    @Test(arguments: ["", "1A", "A=B", "A B", "A-B", "\u{E9}", "A\0"]) func namesOfNoVariable(_ name: String) throws {
        #expect(throws: ChildProcessError(.notAVariable)) { try run("true", by: .environment(name)) }
    }

    @Test func aZeroByteFitsNoVariable() throws {
        #expect(throws: ChildProcessError(.notAVariable)) {
            try run("true", secret: "a\0b", by: .environment("SECRET"))
        }
    }

    #if os(Linux)
        @Test func nothingElseIsHandedOn() throws {
            let own = try run("ls /proc/self/fd > $1")
            // Standard streams, the secret, and what ls itself has open; a test runner may hand on more of its own.
            let inherited = try run("ls /proc/self/fd > $1", by: .environment("X"))
            let extra = Set(own.out.split(separator: "\n")).subtracting(inherited.out.split(separator: "\n"))
            #expect(extra.count <= 1, "\(own.out) \(inherited.out)")
        }
    #endif

    @Test func howItEnds() throws {
        #expect(try run("exit 42").ending == .exited(42))
        #expect(try run("kill -9 $$").ending == .signaled(SIGKILL))
        var secret = try SecretBytes(utf8: "x")
        #expect(throws: ChildProcessError(.notFound)) {
            try ChildProcess.run(["/no/such/program"], environment: [:], secret: &secret, by: .descriptor)
        }
        #expect(throws: ChildProcessError(.notFound)) {
            try ChildProcess.run([], environment: [:], secret: &secret, by: .descriptor)
        }
        let file = try directory.write([], to: "plain")
        #expect(throws: ChildProcessError(.notExecutable)) {
            try ChildProcess.run([file.string], environment: [:], secret: &secret, by: .descriptor)
        }
    }

    @Test(arguments: [("TERM", SIGTERM), ("HUP", SIGHUP)])
    func signalsAreHandedOn(_ name: String, _ number: Int32) throws {
        // The child itself sends it to us, so that it is there for certain.
        #expect(try run("kill -\(name) $PPID; while :; do :; done").ending == .signaled(number))
        #expect(try run("trap 'exit 9' \(name); kill -\(name) $PPID; while :; do :; done").ending == .exited(9))
    }
}

@Suite struct SecretSinkTests {
    @Test func writesEverything() throws {
        let pipe = Pipe()
        var secret = try SecretBytes(utf8: "a\0b")
        let end = pipe.fileHandleForWriting.fileDescriptor
        try SecretSink.write(&secret, to: end)
        try SecretSink.write(&secret, to: end, lineEnd: true)
        try pipe.fileHandleForWriting.close()
        #expect(pipe.fileHandleForReading.readDataToEndOfFile() == Data("a\0ba\0b\n".utf8))
    }

    @Test func waitsForADescriptorThatDoesNot() throws {
        let pipe = Pipe()
        let count = 1 << 20
        var secret = try SecretBytes(count: count) { (out) throws(Never) in
            for at in out.indices { out[at] = UInt8(truncatingIfNeeded: at) }
        }
        let end = pipe.fileHandleForWriting
        #expect(fcntl(end.fileDescriptor, F_SETFL, O_NONBLOCK) == 0)
        let reader = pipe.fileHandleForReading
        let done = DispatchSemaphore(value: 0)
        nonisolated(unsafe) var got = Data()
        Thread.detachNewThread {
            got = reader.readDataToEndOfFile()
            done.signal()
        }
        try SecretSink.write(&secret, to: end.fileDescriptor)
        try end.close()
        done.wait()
        #expect(got.count == count && got[count - 1] == UInt8(truncatingIfNeeded: count - 1))
    }

    @Test func aClosedDescriptorIsAnError() throws {
        var secret = try SecretBytes(utf8: "x")
        #expect(throws: StorageError.self) { try SecretSink.write(&secret, to: -1) }
    }
}
