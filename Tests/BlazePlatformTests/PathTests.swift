import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct PathTests {
    @Test(arguments: [
        ("plain", "plain"), ("a\nb", "a\\x0ab"), ("\u{1B}[31m", "\\x1b[31m"), ("\u{E9}\u{1F600}", "\u{E9}\u{1F600}"),
        ("a\u{202E}b", "a\\xe2\\x80\\xaeb"),
    ])
    func displayedText(_ name: String, _ shown: String) {
        #expect(FilePath.displayString(Array(name.utf8)) == shown)
    }

    @Test func displayedBytesThatAreNotUTF8() {
        #expect(FilePath.displayString([0x61, 0xFF, 0x62, 0xC3]) == "a\\xffb\\xc3")
        #expect(FilePath.displayString([0xED, 0xA0, 0x80]) == "\\xed\\xa0\\x80")
    }

    @Test func bytesComeBack() throws {
        let bytes: [UInt8] = [0x2F, 0x61, 0xFF, 0x0A, 0x62]
        #expect(try #require(FilePath(bytes: bytes)).bytes == bytes)
        #expect(FilePath(bytes: []) == nil)
        #expect(FilePath(bytes: [0x61, 0, 0x62]) == nil)
    }

    @Test(arguments: [
        ("/d/notes.blazedb", "/d/notes"), ("/d/notes", "/d/notes"), ("/d/a.b.blazedb", "/d/a.b"),
        ("/d/.hidden", "/d/.hidden"),
    ])
    func withoutExtension(_ path: String, _ expected: String) {
        #expect(FilePath(path).withoutExtension == FilePath(expected))
    }

    @Test func canonicalFollowsDirectoriesAndKeepsTheName() throws {
        let directory = try TemporaryDirectory()
        let root = try #require(directory.path.resolved)
        let manager = FileManager.default
        try manager.createDirectory(atPath: root.appending("real").string, withIntermediateDirectories: false)
        try manager.createSymbolicLink(atPath: root.appending("link").string, withDestinationPath: "real")
        try manager.createSymbolicLink(
            atPath: root.appending("real").appending("x.blazedb").string, withDestinationPath: "y")
        let expected = root.appending("real").appending("x.blazedb")
        #expect(root.appending("link").appending("x.blazedb").canonical(from: "/") == expected)
        #expect(FilePath("link/x.blazedb").canonical(from: root) == expected)
        #expect(FilePath("real/../link/./x.blazedb").canonical(from: root) == expected)
        #expect(FilePath("absent/../x").canonical(from: root) == root.appending("x"))
    }
}

@Suite struct AgentPathsTests {
    static func paths(_ environment: [String: String], _ platform: AgentPaths.Platform = .xdg) -> AgentPaths {
        AgentPaths(environment: environment, home: "/h/u", userID: 42, platform: platform)
    }

    @Test func socketByPrecedence() {
        let all = [
            "BLAZEDB_AGENT_SOCK": "/s/a.sock", "XDG_RUNTIME_DIR": "/run/u", "TMPDIR": "/t",
        ]
        #expect(Self.paths(all).socket == "/s/a.sock")
        #expect(Self.paths(all).lock == "/s/a.sock.lock")
        #expect(Self.paths([:]).lock == "/tmp/blazedb-agent-42/agent.lock")
        #expect(!Self.paths(all).ownsSocketDirectory)
        #expect(Self.paths(["XDG_RUNTIME_DIR": "/run/u"]).socket == "/run/u/blazedb-agent/agent.sock")
        #expect(Self.paths(["TMPDIR": "/t"]).socket == "/t/blazedb-agent-42/agent.sock")
        #expect(Self.paths([:]).socket == "/tmp/blazedb-agent-42/agent.sock")
    }

    @Test func relativeValuesCountAsUnset() {
        #expect(
            Self.paths(["BLAZEDB_AGENT_SOCK": "a.sock", "XDG_RUNTIME_DIR": ""]).socket
                == "/tmp/blazedb-agent-42/agent.sock")
        #expect(Self.paths(["XDG_CONFIG_HOME": "c"]).configuration == "/h/u/.config/blazedb-agent")
    }

    @Test func directories() {
        let paths = Self.paths(["XDG_DATA_HOME": "/d", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"])
        #expect(paths.catalog == "/d/blazedb-agent/catalog.json")
        #expect(paths.databases == "/d/blazedb")
        #expect(paths.log == "/s/blazedb-agent/agent.log")
        #expect(paths.configurationFile == "/c/blazedb-agent/config.toml")
        #expect(Self.paths([:]).databases == "/h/u/.local/share/blazedb")
        #expect(Self.paths([:], .macOS).databases == "/h/u/Library/Application Support/BlazeDB")
        #expect(Self.paths([:], .macOS).data == "/h/u/Library/Application Support/blazedb-agent")
    }
}
