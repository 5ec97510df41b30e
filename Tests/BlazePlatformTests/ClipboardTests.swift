import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazePlatform

/// The clipboard, by programs that keep it in a file.
@Suite struct ClipboardTests {
    private let directory: TemporaryDirectory
    private var content: FilePath { directory.path.appending("content") }

    init() throws {
        directory = try TemporaryDirectory()
    }

    private func program(_ name: String, _ text: String) throws { try directory.program(name, text) }

    private var environment: [String: String] {
        ["PATH": "\(directory.path.string):/usr/bin:/bin", "WAYLAND_DISPLAY": "w", "DISPLAY": ":0", "HIDDEN": "x"]
    }

    private func addWayland() throws {
        try program(
            "wl-copy",
            """
            [ -z "$HIDDEN" ] || exit 9
            if [ "$1" = --clear ]; then : > '\(content.string)'; else cat > '\(content.string)'; fi
            """)
        try program("wl-paste", "[ \"$*\" = --no-newline ] && [ -s '\(content.string)' ] && cat '\(content.string)'")
    }

    private func addXclip() throws {
        try program(
            "xclip",
            """
            case "$*" in
            "-selection clipboard -in") cat > '\(content.string)' ;;
            "-selection clipboard -out") cat '\(content.string)' ;;
            *) exit 2 ;;
            esac
            """)
    }

    private func addXsel() throws {
        try program(
            "xsel",
            """
            case "$*" in
            "--clipboard --input") cat > '\(content.string)' ;;
            "--clipboard --output") cat '\(content.string)' ;;
            "--clipboard --clear") : > '\(content.string)' ;;
            *) exit 2 ;;
            esac
            """)
    }

    private func pasted(_ clipboard: Clipboard) throws -> [UInt8]? {
        guard var content = try clipboard.paste() else { return nil }
        return content.withBytes { Array($0) }
    }

    private func kept() throws -> String { try String(contentsOfFile: content.string, encoding: .utf8) }

    @Test func withoutAProgramOrADisplayThereIsNone() throws {
        let bare = ["PATH": directory.path.string]
        #expect(throws: ClipboardError(.none)) { _ = try Clipboard(environment: environment.merging(bare) { $1 }) }
        try addWayland()
        try addXclip()
        #expect(throws: ClipboardError(.none)) { _ = try Clipboard(environment: bare) }
        #expect(throws: ClipboardError(.none)) { _ = try Clipboard(environment: bare.merging(["DISPLAY": ""]) { $1 }) }
    }

    @Test func theFirstThatIsThereIsTaken() throws {
        try addXsel()
        #expect(try Clipboard(environment: environment).tool == .xsel)
        try addXclip()
        #expect(try Clipboard(environment: environment).tool == .xclip)
        try addWayland()
        #expect(try Clipboard(environment: environment).tool == .wayland)
        var withoutWayland = environment
        withoutWayland["WAYLAND_DISPLAY"] = nil
        #expect(try Clipboard(environment: withoutWayland).tool == .xclip)
    }

    @Test(arguments: [0, 1, 2]) func copiesComeBackAndGo(_ which: Int) throws {
        try [addWayland, addXclip, addXsel][which]()
        let clipboard = try Clipboard(environment: environment)
        for text in ["s3cret", " line\nend\n", String(repeating: "x", count: Clipboard.limit)] {
            var secret = try SecretBytes(utf8: text)
            try clipboard.copy(&secret)
            #expect(try kept() == text)
            #expect(try pasted(clipboard) == Array(text.utf8))
        }
        try clipboard.clear()
        #expect(try kept().isEmpty)
    }

    @Test func whatGoesWrong() throws {
        try program("wl-copy", "exit 1")
        try program("wl-paste", "exit 1")
        let clipboard = try Clipboard(environment: environment)
        var secret = try SecretBytes(utf8: "s3cret")
        #expect(throws: ClipboardError(.failed)) { try clipboard.copy(&secret) }
        #expect(try pasted(clipboard) == nil)
        var long = try SecretBytes(utf8: String(repeating: "x", count: Clipboard.limit + 1))
        #expect(throws: ClipboardError(.tooLong)) { try clipboard.copy(&long) }
        #expect(throws: ClipboardError(.notCleared)) {
            try clipboard.clearLater(&secret, after: .seconds(1), executable: "/no/such/program")
        }
    }

    @Test func whatIsLongerThanASecretIsNone() throws {
        try addXsel()
        try directory.write([UInt8](repeating: 1, count: Clipboard.limit + 1), to: "content")
        #expect(try pasted(Clipboard(environment: environment)) == nil)
    }

    @Test func theJobKnowsTheSecretAndDoesNotHoldIt() throws {
        var secret = try SecretBytes(utf8: "correct horse battery")
        var other = try SecretBytes(utf8: "correct horse batterz")
        let job = ClipboardClearing.Job(.xsel, delay: .seconds(20), secret: &secret)
        let bytes = job.bytes
        #expect(bytes.count == ClipboardClearing.Job.byteCount)
        #expect(!String(decoding: bytes, as: UTF8.self).contains("horse"))
        let read = try #require(ClipboardClearing.Job(bytes))
        #expect(read.tool == .xsel && read.milliseconds == 20_000)
        #expect(read.isAbout(&secret) && !read.isAbout(&other))
        // Another key each time.
        #expect(ClipboardClearing.Job(.xsel, delay: .seconds(20), secret: &secret).bytes != bytes)
        for broken in [[], Array(bytes.dropLast()), bytes + [0], [9] + bytes.dropFirst()] {
            #expect(ClipboardClearing.Job(broken) == nil)
        }
        var late = bytes
        late[8] = 1
        #expect(ClipboardClearing.Job(late) == nil)
    }

    /// What starts in the background gets the job and the one argument, and is not waited for.
    @Test func theClearerIsStarted() throws {
        try addXsel()
        let note = directory.path.appending("note")
        try program(
            "clearer",
            "cat <&3 > '\(note.string).part'; echo \"$*\" >> '\(note.string).part'\nmv '\(note.string).part' '\(note.string)'"
        )
        var secret = try SecretBytes(utf8: "s3cret")
        try Clipboard(environment: environment).clearLater(
            &secret, after: .milliseconds(1500), executable: directory.path.appending("clearer"))
        let deadline = ContinuousClock.now + .seconds(20)
        while ContinuousClock.now < deadline, !FileManager.default.fileExists(atPath: note.string) {
            waitMilliseconds(5)
        }
        let told = [UInt8](try Data(contentsOf: URL(fileURLWithPath: note.string)))
        #expect(
            told.suffix(from: ClipboardClearing.Job.byteCount).elementsEqual("\(ClipboardClearing.argument)\n".utf8))
        let job = try #require(ClipboardClearing.Job(Array(told.prefix(ClipboardClearing.Job.byteCount))))
        #expect(job.milliseconds == 1500 && job.isAbout(&secret))
    }
}
