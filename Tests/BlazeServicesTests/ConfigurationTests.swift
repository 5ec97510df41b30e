import BlazePlatform
import BlazeServices
import Foundation
import SystemPackage
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    static func parse(_ text: String) throws(ConfigurationError) -> Configuration {
        try Configuration(parsing: text, home: "/h/u")
    }

    @Test func anEmptyTextIsDefaults() throws {
        let configuration = try Self.parse("")
        for key in ConfigurationKey.allCases {
            #expect(configuration[key] == key.defaultValue && !configuration.isGiven(key))
        }
    }

    @Test func rootsAreTheUsualOnesAndTheConfiguredOnes() throws {
        let paths = AgentPaths(environment: [:], home: "/h/u", userID: 1, platform: .xdg)
        let configuration = try Self.parse("[scan]\nroots = [\"~/db\", \"/srv\", \"~\", \"rel\", \"/srv\"]")
        let usual: [FilePath] = [
            "/h/u/.local/share/blazedb", "/h/u/Documents", "/h/u/Developer", "/h/u/.local/share", "/tmp",
        ]
        let configured: [FilePath] = ["/h/u/db", "/srv", "/h/u", "/h/u/rel"]
        #expect(configuration.scanRoots(paths: paths) == usual + configured)
        #expect(configuration.scanRoots(paths: paths, workingDirectory: "/w") == usual + ["/w"] + configured)
        #expect(
            configuration.scanRoots(paths: paths, workingDirectory: "/srv")
                == usual + ["/srv", "/h/u/db", "/h/u", "/h/u/rel"])
        let mac = AgentPaths(environment: ["TMPDIR": "/t"], home: "/h/u", userID: 1, platform: .macOS)
        #expect(
            try Self.parse("").scanRoots(paths: mac) == [
                "/h/u/Library/Application Support/BlazeDB", "/h/u/Documents", "/h/u/Developer",
                "/h/u/Library/Application Support", "/t",
            ])
    }

    @Test(arguments: [
        ("[scan]\nrots = []", ConfigurationError.Code.unknownKey, 2),
        ("# a comment\n\n[scna]\nroots = []", .unknownKey, 3),
        ("top = 1\n[scan]", .unknownKey, 1),
        ("[scan]\nexclude = [\n  \"a\",\n]\nroots = \"x\"", .wrongType, 5),
        ("[scan]\nroots = [1]", .wrongType, 2),
        ("[session]\n\nidle-timeout = 5", .wrongType, 3),
        ("[session]\nidle-timeout = \"5\"", .wrongType, 2),
        ("[session]\nmax-lifetime = \"-5m\"", .wrongType, 2),
        ("[session]\nmax-lifetime = \"11000000d\"", .wrongType, 2),
        ("[session]\nmax-lifetime = true", .wrongType, 2),
        ("[session]\nlock-on-suspend = \"yes\"", .wrongType, 2),
        ("[session]\nlock-on-suspend = 1", .wrongType, 2),
        ("[session]\nlock-on = []", .unknownKey, 2),
        ("scan = 3", .wrongType, 1),
        ("scan.roots = 3", .wrongType, 1),
        ("[scan]\nroots = [\"a\"", .invalidSyntax, 2),
        ("[scan]\nroots = []\nroots = []", .invalidSyntax, 3),
        ("[,]", .invalidSyntax, 1), ("\n [=]", .invalidSyntax, 2), ("[[scan]]", .invalidSyntax, 1),
        ("[scan.]", .invalidSyntax, 1), ("[", .invalidSyntax, 1), ("[]", .invalidSyntax, 1),
        ("[scan] x", .invalidSyntax, 1), ("a = {,}", .invalidSyntax, 1), ("a. = 1", .invalidSyntax, 1),
    ])
    func errorsTellTheirLine(_ text: String, _ code: ConfigurationError.Code, _ line: Int) {
        do {
            _ = try Self.parse(text)
            Issue.record("accepted")
        } catch {
            #expect(error.code == code)
            #expect(error.line == line)
        }
    }
}

@Suite struct SessionSettingsTests {
    @Test func withoutAFile() throws {
        let session = try ConfigurationTests.parse("").session
        #expect(session.idleTimeout == nil && session.maxLifetime == nil)
        #expect(session.locksOnSuspend && session.locksOnLogout && !session.locksOnScreenLock)
        #expect(session.limits == SessionLimits(endsWithSleep: true))
    }

    @Test func asTheFileSays() throws {
        let session = try ConfigurationTests.parse(
            """
            [session]
            idle-timeout = "1.5h"
            max-lifetime = '2d'
            lock-on-suspend = false
            lock-on-screen-lock = true
            lock-on-logout = false
            """
        ).session
        #expect(session.idleTimeout == .seconds(5400) && session.maxLifetime == .seconds(172_800))
        #expect(!session.locksOnSuspend && !session.locksOnLogout && session.locksOnScreenLock)
        #expect(
            session.limits
                == SessionLimits(idle: .seconds(5400), absolute: .seconds(172_800), endsWithSleep: false))
    }

    @Test(arguments: ["0", "\"0s\"", "\"0m\""]) func zeroIsOff(_ value: String) throws {
        let session = try ConfigurationTests.parse("session.idle-timeout = \(value)").session
        #expect(session.idleTimeout == nil)
    }

    @Test(arguments: [
        ("session.idle-timeout", "\"900s\"", "\"15m\""), ("session.idle-timeout", "\"48h\"", "\"2d\""),
        ("session.idle-timeout", "'90m'", "\"90m\""), ("session.max-lifetime", "\"59s\"", "\"59s\""),
        ("session.max-lifetime", "\"0h\"", "0"), ("session.lock-on-suspend", "false", "false"),
        ("session.lock-on-screen-lock", "true", "true"),
    ]) func settingShowsTheUsualForm(_ key: String, _ value: String, _ shown: String) throws {
        let directory = try TemporaryDirectory()
        let file = ConfigurationFile(path: directory.path.appending("config.toml"), home: "/h/u")
        #expect(try file.set(key, to: value).value == shown)
        #expect(try file.get(key).value == shown && file.check().isEmpty)
    }

    @Test(arguments: ["15m", "\"15\"", "15", "true", "[]", "\"\"", "\"1e3s\"", "-1"])
    func wrongDurationsChangeNothing(_ value: String) throws {
        let directory = try TemporaryDirectory()
        let file = ConfigurationFile(path: directory.path.appending("config.toml"), home: "/h/u")
        #expect(throws: ConfigurationError(.wrongType, "")) { try file.set("session.idle-timeout", to: value) }
        #expect(try PosixStorage().status(of: file.path) == nil)
    }
}

@Suite struct ConfigurationNoiseTests {
    /// The TOML library must refuse what is no TOML, and never end the process over it.
    @Test func survivesAnything() {
        let pieces = [
            "[", "]", "{", "}", ",", ".", "=", "\"", "'", "#", "\n", "\r\n", " ", "scan", "roots", "a", "1", "-", "+",
            "_",
            "\\", "\\u12", "\"\"\"", "'''", "0x", "1e", "inf", "nan", "true", "1979-05-27", "07:32", "T", "Z", ":",
            "[scan]\n", "roots = [", "\"x\"", "\u{E9}", "\0", "\u{FEFF}", "\t",
        ]
        var generator = SeededGenerator.printed()
        for _ in 0..<testRounds(20_000) {
            let text = (0..<Int.random(in: 1...14, using: &generator))
                .map { _ in pieces[Int.random(in: pieces.indices, using: &generator)] }.joined()
            _ = try? Configuration(parsing: text, home: "/h")
        }
    }
}

@Suite struct ConfigurationFileTests {
    let directory: TemporaryDirectory
    let file: ConfigurationFile

    init() throws {
        directory = try TemporaryDirectory()
        file = ConfigurationFile(path: directory.path.appending("c").appending("config.toml"), home: "/h/u")
    }

    func text() throws -> String { try String(contentsOfFile: file.path.string, encoding: .utf8) }
    func write(_ text: String) throws {
        try PrivateDirectory.ensure(file.path.removingLastComponent())
        try Data(text.utf8).write(to: URL(fileURLWithPath: file.path.string))
    }

    @Test func aMissingFileIsDefaults() throws {
        #expect(file.check().isEmpty)
        #expect(try file.show().allSatisfy(\.isDefault))
        #expect(try PosixStorage().status(of: file.path) == nil)
    }

    @Test func settingMakesTheFile() throws {
        let entry = try file.set("scan.roots", to: "[\"/a\", '/b']")
        #expect(entry.value == "[\"/a\", \"/b\"]" && !entry.isDefault)
        #expect(try text() == "[scan]\nroots = [\"/a\", \"/b\"]\n")
        #expect(try PosixStorage().status(of: file.path)?.mode == 0o600)
        #expect(try file.get("scan.roots") == entry)
    }

    @Test(arguments: [
        (
            "# top\n[scan] # here\nroots = [ # old\n  \"x\", # one\n] # end\nexclude = []\n",
            "# top\n[scan] # here\nroots = [\"/new\"] # end\nexclude = []\n"
        ),
        ("[scan]\nexclude = [\"roots = 1\"]\n", "[scan]\nroots = [\"/new\"]\nexclude = [\"roots = 1\"]\n"),
        ("scan.exclude = []", "scan.exclude = []\n\n[scan]\nroots = [\"/new\"]\n"),
        ("# only words", "# only words\n\n[scan]\nroots = [\"/new\"]\n"),
        ("[scan]", "[scan]\nroots = [\"/new\"]\n"),
        ("scan.roots = [\"]#\"]  # c\n", "scan.roots = [\"/new\"]  # c\n"),
        ("[scan]\n\"roots\" = ['a#b']\n", "[scan]\n\"roots\" = [\"/new\"]\n"),
    ])
    func settingKeepsTheRest(_ before: String, _ after: String) throws {
        try write(before)
        do {
            _ = try file.set("scan.roots", to: "[\"/new\"]")
            #expect(try text() == after)
        } catch let error as ConfigurationError {
            // TOML forbids to open a table again that dotted keys made: then an editor must do it, and nothing changed.
            #expect(error.code == .notEditable && before.hasPrefix("scan.exclude"))
            #expect(try text() == before)
        }
    }

    @Test func anInlineTableIsRefused() throws {
        try write("scan = { roots = [] }\n")
        #expect(throws: ConfigurationError(.invalidSyntax, "")) { try file.set("scan.roots", to: "[\"/a\"]") }
        #expect(try text() == "scan = { roots = [] }\n")
    }

    @Test(arguments: ["", "3", "\"a\"", "[1]", "[\"a\"", "[]\nx = 1", "[] # c\n[y]", "[[\"a\"]]"])
    func wrongValuesChangeNothing(_ value: String) throws {
        try write("[scan]\nroots = [\"/old\"]\n")
        #expect(throws: ConfigurationError(.wrongType, "")) { try file.set("scan.roots", to: value) }
        #expect(try text() == "[scan]\nroots = [\"/old\"]\n")
    }

    @Test func unknownSettings() throws {
        #expect(throws: ConfigurationError(.unknownKey, "")) { try file.get("scan.rots") }
        #expect(throws: ConfigurationError(.unknownKey, "")) { try file.set("x", to: "[]") }
        #expect(try PosixStorage().status(of: file.path) == nil)
    }

    @Test func aBrokenFileIsToldAndNotOverwritten() throws {
        try write("[scan\n")
        #expect(file.check().map(\.code) == [.invalidSyntax])
        #expect(throws: ConfigurationError(.invalidSyntax, "")) { try file.set("scan.roots", to: "[]") }
        #expect(try text() == "[scan\n")
    }

    @Test func whatIsNoTextOrTooLong() throws {
        try write("")
        try Data([0xFF, 0xFE]).write(to: URL(fileURLWithPath: file.path.string))
        #expect(file.check().map(\.code) == [.invalidSyntax])
        try Data(count: Int(ConfigurationFile.sizeLimit) + 1).write(to: URL(fileURLWithPath: file.path.string))
        #expect(file.check().map(\.code) == [.tooLarge])
    }

    @Test func textsWithQuotesAndControlsComeBack() throws {
        let value = #"["a\"b\\c\u0007", 'd"e']"#
        let entry = try file.set("scan.exclude", to: value)
        #expect(entry.value == #"["a\"b\\c\u0007", "d\"e"]"#)
        #expect(try file.load().scanExcludes == ["a\"b\\c\u{7}", "d\"e"])
    }
}
