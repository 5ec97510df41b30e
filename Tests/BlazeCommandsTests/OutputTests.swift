import BlazeClient
@testable import BlazeCommands
import BlazeModel
import Foundation
import Testing

@Suite struct OutputTests {
    static let plain = Style(aligned: false, coloured: false)
    static let aligned = Style(aligned: true, coloured: false)

    @Test(arguments: [
        (UInt64(0), "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536, "1.5 KiB"), (10_189, "10.0 KiB"),
        (102_399, "100 KiB"), (1_048_575, "1024 KiB"), (1_048_576, "1.0 MiB"), (.max, "16.0 EiB"),
    ])
    func sizes(_ bytes: UInt64, _ text: String) {
        #expect(Style.size(bytes) == text)
    }

    @Test func tablesAlignOnATerminal() {
        var table = Table([.init("NAME"), .init("SIZE", .right)])
        table.add([.init("a"), .init(shown: "1.0 KiB", plain: "1024")])
        table.add([.init("longer"), .init(shown: "2 B", plain: "2")])
        #expect(table.lines(style: Self.aligned) == ["NAME       SIZE", "a       1.0 KiB", "longer      2 B"])
        #expect(table.lines(style: Self.plain) == ["NAME\tSIZE", "a\t1024", "longer\t2"])
    }

    @Test func aCellCannotMakeMoreCells() {
        var table = Table([.init("A"), .init("B")])
        table.add([.init("x\ty"), .init("1\n2")])
        #expect(table.lines(style: Self.plain)[1] == "x y\t1 2")
    }

    @Test func coloursOnlyWhenWanted() {
        let coloured = Style(aligned: true, coloured: true)
        #expect(coloured.severity(.damage).contains("\u{1B}[31m"))
        #expect(Self.aligned.severity(.damage) == "damage")
    }

    @Test func unknownIsNullAndLargeNumbersAreText() throws {
        let value = JSONValue.object([
            "a": .optional(nil as String?), "b": .optional(nil as UInt64?), "c": .integer(1 << 53),
            "d": .integer((1 << 53) + 1), "e": .string("a/b\u{1}"), "f": .array([.bool(true), .number(0.5)]),
        ])
        let expected =
            #"{"a":null,"b":null,"c":9007199254740992,"d":"9007199254740993","#
            + #""e":"a/b\u0001","f":[true,0.5]}"# + "\n"
        #expect(String(decoding: try value.line(), as: UTF8.self) == expected)
    }

    @Test func pathsThatAreNotTextCarryTheirBytes() throws {
        var fields: [String: JSONValue] = [:]
        fields.set(path: Data([0x2F, 0xFF, 0x0A]))
        let line = String(decoding: try JSONValue.object(fields).line(), as: UTF8.self)
        #expect(line == #"{"path":"/\\xff\\x0a","path_hex":"2fff0a"}"# + "\n")
        var text: [String: JSONValue] = [:]
        text.set(path: Data("/a".utf8))
        #expect(text.count == 1)
    }

    @Test func rowsNeverTurnUnknownIntoZero() throws {
        var row = WireDatabaseRow()
        row.path = Data("/d/notes.blazedb".utf8)
        row.state = .unreadable
        #expect(row.recordsText == "unknown" && row.nameText == "notes" && row.title == "/d/notes.blazedb")
        let line = String(decoding: try row.json.line(), as: UTF8.self)
        for field in ["records", "size", "modified", "id", "alias"] { #expect(line.contains("\"\(field)\":null")) }
        row.records = 120
        row.recordsEstimated = true
        #expect(row.recordsText == "~120")
    }

    @Test func findingsAreSortedWorstFirst() {
        func finding(_ name: String, _ severity: Finding.Severity, _ page: UInt32? = nil) -> Finding {
            Finding(Finding.Name(rawValue: name), severity, page: page, "")
        }
        let sorted = [
            finding("b", .note), finding("z", .damage, 9), finding("z", .damage, 2), finding("a", .advice),
        ].worstFirst
        #expect(sorted.map(\.name.rawValue) == ["z", "z", "a", "b"])
        #expect(sorted.map(\.page) == [2, 9, nil, nil])
    }

    @Test func onlyOurOwnStylingReachesATerminal() {
        let coloured = Style(aligned: true, coloured: true)
        let line = coloured.bold("a") + "\u{1B}[2J\u{1B}]0;x\u{7}\n" + coloured.severity(.damage)
        #expect(
            coloured.printable(line)
                == "\u{1B}[1ma\u{1B}[0m\\x1b[2J\\x1b]0;x\\x07\\x0a\u{1B}[31mdamage\u{1B}[0m")
        #expect(Self.aligned.printable("a\tb\u{1B}[1m") == "a\\x09b\\x1b[1m")
        #expect(Self.plain.printable("a\tb\nc") == "a\tb\\x0ac")
        #expect(Self.plain.printable("\u{E9}\u{1F600}") == "\u{E9}\u{1F600}")
    }

    @Test func manyFindingsAlikeAreCounted() {
        let many = (0..<5).map { (i: UInt32) in
            Finding(Finding.Name(rawValue: "phantom"), .advice, page: i, "page \(i)")
        }
        let one = Finding(Finding.Name(rawValue: "leaked"), .advice, "pages")
        #expect(
            (many + [one]).worstFirst.lines(style: Self.plain) == [
                "advice [leaked] pages", "advice [phantom] page 0", "advice [phantom] page 1",
                "advice [phantom] page 2", "advice [phantom] and 2 more (-o json)",
            ])
    }

    @Test func everyFaultHasAnExitStatus() {
        for code in FaultCode.allCases { #expect(ExitStatus(code) != .success) }
        #expect(ExitStatus(.wrongPassword).rawValue == 12 && ExitStatus(.locked).rawValue == 13)
        #expect(ExitStatus(.notFound).rawValue == 10 && ExitStatus(.damaged).rawValue == 5)
    }
}
