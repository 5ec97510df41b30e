import BlazeModel
import Testing

@testable import BlazeEngine

/// The checks of FORMAT.md 3.1, one broken chain each.
@Suite struct ChainTests {
    private let id = DatabaseBuilder.id(1)

    @Test(arguments: [1, 4010, 4052, 20_000]) func readsLongRecords(_ size: Int) throws {
        var builder = DatabaseBuilder()
        if size < 4000 { try builder.add(id) } else { try builder.addLong(id, size: size) }
        let reading = try Reading(builder.reader())
        #expect(reading.records.count == 1)
        #expect(reading.findings == [])
    }

    enum Break: String, CaseIterable, CustomTestStringConvertible {
        case uncommitted, startsAtZero, tooFew, tooMany, overLimit, wrongLength, impossibleLength, wrongChecksum
        case loop, loopToMain, endsEarly, leavesChain

        var testDescription: String { rawValue }

        /// What the finding says.
        var reason: String {
            switch self {
            case .uncommitted: "never committed"
            case .startsAtZero: "starts at page 0"
            case .tooFew: "longer than its reference"
            case .tooMany, .endsEarly: "shorter than its reference"
            case .overLimit: "more than 10000 overflow pages"
            case .wrongLength: "another length"
            case .impossibleLength: "impossible length"
            case .wrongChecksum: "wrong checksum"
            case .loop, .loopToMain: "loops"
            case .leavesChain: "no overflow page"
            }
        }

        func build(_ id: RecordID) throws -> DatabaseBuilder {
            var builder = DatabaseBuilder()
            try builder.add(DatabaseBuilder.id(9))
            var next: (Int, Int) -> Int = { $1 }
            switch self {
            case .loop: next = { i, following in i == 2 ? 3 : following }
            case .loopToMain: next = { i, following in i == 2 ? 1 : following }
            case .endsEarly: next = { i, following in i == 1 ? 0 : following }
            case .leavesChain: next = { i, following in i == 1 ? 100 : following }
            default: break
            }
            try builder.addLong(
                id, size: 20_000,
                reference: { fields in
                    switch self {
                    case .uncommitted: fields.flags = 0
                    case .startsAtZero: fields.first = 0
                    case .tooFew: fields.count -= 1
                    case .tooMany: fields.count += 1
                    case .overLimit: fields.count = 10_001
                    case .wrongLength: fields.total += 1
                    case .impossibleLength: fields.total = 1 << 50
                    case .wrongChecksum: fields.checksum ^= 1
                    default: break
                    }
                }, next: next)
            return builder
        }
    }

    @Test(arguments: Break.allCases) func refuses(_ broken: Break) throws {
        let reader = try broken.build(id).reader()
        let reading = try Reading(reader)
        #expect(reading.records.keys.sorted() == [DatabaseBuilder.id(9)])
        let finding = try #require(reading.report.findings.first { $0.record == id })
        #expect(finding.name == .unreadable && finding.severity == .damage)
        #expect(finding.message.contains(broken.reason))
        #expect(reading.report.unreadable == 1)
        let error = #expect(throws: EngineError.self) { try reader.record(id) }
        #expect(error?.code == .unreadableRecord)
    }

    @Test func followsTheChainAndNotTheList() throws {
        var builder = DatabaseBuilder()
        try builder.addLong(id, size: 20_000)
        builder.index[0].pages = [0]
        let reading = try Reading(builder.reader())
        #expect(reading.records.count == 1)
        #expect(reading.names == ["stale-page-list"])
        #expect(try builder.reader().survey().orphan == 0)
    }

    @Test func prefersThePageThatCarriesTheID() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(2))
        try builder.add(id, n: 5)
        builder.index = [(id, [0, 1])]
        let reading = try Reading(builder.reader())
        #expect(reading.records[id] == typedJSON(try RecordCodec.decode(DatabaseBuilder.record(id, n: 5))))
        #expect(reading.names == ["chain-order", "stale-page-list"])
    }

    @Test func tellsAnotherRecordsPage() throws {
        var builder = DatabaseBuilder()
        try builder.add(DatabaseBuilder.id(2))
        builder.index = [(id, [0])]
        let reading = try Reading(builder.reader())
        #expect(reading.records.keys.sorted() == [id])
        #expect(reading.names == ["id-mismatch"])
    }

    @Test func tellsSharedAndUnsupportedAndPlainPages() throws {
        var builder = DatabaseBuilder()
        try builder.add(id)
        builder.index.append((DatabaseBuilder.id(2), [0]))
        try builder.add(DatabaseBuilder.id(3))
        builder.pages[1][4] = 3
        let plain = DatabaseBuilder.record(DatabaseBuilder.id(4))
        builder.pages.append(
            DatabaseBuilder.padded(Array("BZDB".utf8) + [1] + DatabaseBuilder.big(UInt32(plain.count)) + plain))
        builder.index.append((DatabaseBuilder.id(4), [2]))
        builder.index.append((DatabaseBuilder.id(5), []))
        let reading = try Reading(builder.reader())
        #expect(reading.names == ["shared-page", "id-mismatch", "unsupported-page", "unencrypted-page", "no-pages"])
        #expect(reading.findings.contains { $0.name == .unsupportedPage && $0.page == 1 })
        #expect(reading.records.count == 3)
        #expect(reading.report.unreadable == 2)
    }

    @Test func manyFindingsBecomeOne() throws {
        var builder = DatabaseBuilder()
        for n in 0..<100 { builder.index.append((DatabaseBuilder.id(n), [n + 5])) }
        builder.nextPageIndex = 200
        let report = try builder.reader().forEachRecord { _, _ in }
        #expect(report.findings.count == EngineLimits.findingsPerName + 1)
        #expect(report.findings.reduce(0) { $0 + $1.count } == 100)
        #expect(report.unreadable == 100)
    }
}
