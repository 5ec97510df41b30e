@testable import BlazeCommands
import Testing

@Suite struct RawArgumentsTests {
    @Test func everyByteComesBack() {
        let samples: [[UInt8]] = [
            [], Array("plain".utf8), [0xFF], [0x61, 0xC3], [0xC3, 0xA9, 0xC3], [0xED, 0xA0, 0x80],
            Array("\u{E9}\u{1F600}e\u{301}".utf8), Array(1...255),
        ]
        for bytes in samples {
            #expect(RawArguments.bytes(of: RawArguments.text(of: bytes)) == bytes)
        }
    }

    @Test func textStaysAsItIs() {
        #expect(RawArguments.text(of: Array("e\u{301}".utf8)).unicodeScalars.count == 2)
        #expect(RawArguments.text(of: Array("notes".utf8)) == "notes")
    }
}

@Suite struct GlobalOptionOrderTests {
    @Test(arguments: [
        (["-o", "json", "ls"], ["ls", "-o", "json"]),
        (["--output=json", "-q", "db", "add", "x"], ["db", "add", "x", "--output=json", "-q"]),
        (["-ojson", "info", "--", "-x"], ["info", "-ojson", "--", "-x"]),
        (["--socket", "/s", "status"], ["status", "--socket", "/s"]),
        (["ls", "-o", "json"], ["ls", "-o", "json"]),
        (["-o"], ["-o"]), (["-o", "json"], ["-o", "json"]), (["--help"], ["--help"]), ([], []),
        (["-o", "json", "--version"], ["-o", "json", "--version"]),
    ])
    func moved(_ given: [String], _ expected: [String]) {
        #expect(GlobalOptions.movedBehindVerb(given) == expected)
    }
}
