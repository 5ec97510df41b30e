import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// Imports of text: what becomes of it, what is told, and what is refused.
@Suite struct ImportTests {
    private static let id = "00000000-0000-4000-8000-000000000001"
    private static let other = "00000000-0000-4000-8000-000000000002"

    // MARK: Typed

    @Test(arguments: Fixture.all.filter { $0.manifest.expect?.records != nil })
    func typedJSONOfAFixtureComesBack(_ fixture: Fixture) throws {
        let copy = try fixture.copy()
        let files = FileSet(data: copy.data)
        var password = try fixture.password()
        var key = try DatabaseKey.derive(
            for: files, in: PosixStorage(), password: &password, iterations: fixture.manifest.pbkdf2Iterations)
        var text = TypedJSON.opening
        var lines: [UInt8] = []
        var wanted = FixtureHash()
        var ids: Set<RecordID> = []
        var isSound = true
        try key.withKey { key in
            _ = try DatabaseReader(files, in: PosixStorage(), key: key).forEachRecord { id, record in
                // A record that stands under another id than its own may be there twice.
                isSound = isSound && record.id == id && ids.insert(id).inserted
                if ids.count > 1 { text += TypedJSON.separator }
                TypedJSON.append(record, to: &text)
                TypedJSON.append(record, to: &lines)
                lines.append(0x0A)
                wanted.add(record)
            }
        }
        guard isSound else { return }
        let hash = wanted.finish()
        #expect(hash == fixture.manifest.expect?.sha256)
        for (bytes, form) in [(text + TypedJSON.closing, Import.Form.typed), (lines, .typedNDJSON)] where !bytes.isEmpty
        {
            let (storage, report) = try DumpBench.importing(bytes)
            #expect(report.form == form && report.guesses.total == 0 && report.idsGiven == 0)
            var found = FixtureHash()
            _ = try DumpBench.reader(storage).forEachRecord { _, record in found.add(record) }
            #expect(found.finish() == hash)
        }
    }

    @Test func valuesNestAsDeepAsRecordsDo() throws {
        var value = Value.int(1)
        for depth in 0..<EngineLimits.nesting - 1 {
            value = depth % 2 == 0 ? .array([value]) : .dictionary([Field("t", value), Field("v", .null)])
        }
        let record = Record(fields: [Field("deep", value), Field("id", .uuid(DatabaseBuilder.id(1)))])
        let storage = try DumpBench.database([record])
        let found = try #require(try DumpBench.records(storage).first)
        #expect(try RecordCodec.encode(found) == RecordCodec.encode(record))
    }

    @Test(
        arguments: [
            (#"[{"a":1}]"#, 1), ("[\n{\"a\":{\"t\":\"int\",\"v\":\"01\"}}]", 2),
            (#"[{"a":{"t":"nothing","v":"1"}}]"#, 1), (#"[{"a":{"t":"double","v":"3ff"}}]"#, 1),
            ("[\n\n{\"a\":{\"t\":\"null\"},\n\"a\":{\"t\":\"null\"}}]", 3), (#"[{"a":{"t":"null","v":"1"}}]"#, 1),
            ("[{}\n,\n{]", 3), ("[{}", 1), ("[{}]\n x", 2), ("{}", 1), ("[{}\n{}]", 2), ("[1]", 1),
            (#"[{"id":{"t":"string","v":"no id"}}]"#, 1), (#"[{"a":{"t":"vector","v":["3ff0000000000001"]}}]"#, 1),
            ("[{\"a\":\n\"\\x\"}]", 2),
        ] as [(String, Int)])
    func typedJSONOfAnotherFormIsRefusedByItsLine(_ text: String, _ line: Int) throws {
        let error = try #require(try DumpBench.refused(Array(text.utf8), as: .typed))
        #expect(error.code == .malformedInput)
        #expect(error.message.hasPrefix("line \(line):"), "\(error)")
        #expect(error.offset != nil)
    }

    @Test func recordsInAnyOrderAndOfAnySizeComeBack() throws {
        var generator = SeededGenerator.printed()
        for _ in 0..<testRounds(4) {
            let records = (0..<Int.random(in: 0...120, using: &generator)).map { n in
                let id = RecordID(high: generator.next(), low: generator.next())
                let size = n % 9 == 0 ? Int.random(in: 0...60_000, using: &generator) : n
                return Record(fields: [
                    Field("id", .uuid(id)), Field("n", .int(Int64(truncatingIfNeeded: generator.next()))),
                    Field("raw", .data([UInt8](repeating: UInt8(n), count: size))),
                    Field("v", .vector(StoredVector(words: [0x3FF8_0000, UInt32(n)]))),
                    Field("d", .dictionary([Field("x", .double(.nan)), Field("t", .date(Double(n) / 3))])),
                ])
            }
            let storage = try DumpBench.database(records)
            let wanted = records.sorted { ($0.id?.description ?? "") < ($1.id?.description ?? "") }
            let found = try DumpBench.records(storage)
            #expect(try found.map(RecordCodec.encode) == wanted.map(RecordCodec.encode))
            #expect(try DumpBench.reader(storage).quickCheck().findings.allSatisfy { $0.severity <= .note })
            let (dumped, _) = try DumpBench.dump(DumpBench.reader(storage))
            let (made, _) = try DumpBench.importing(dumped)
            let (again, _) = try DumpBench.dump(DumpBench.reader(made))
            #expect(try DumpBench.payload(dumped) == DumpBench.payload(again))
        }
    }

    // MARK: Lines

    @Test func plainLinesAreTakenAsJSONHasThem() throws {
        let text = """
            {"id":"\(Self.id.lowercased())","n":1,"d":1.0,"e":1e2,"s":"x","u":"\(Self.id)","w":"2026-11-23T20:35:02Z","b":true,"z":null,"l":[1,{"k":[]}],"h":99999999999999999999}

            {"n":2}\r
            """
        let (storage, report) = try DumpBench.importing(text)
        #expect(report.form == .ndjson && report.records == 2 && report.idsGiven == 1)
        let found = try #require(try DumpBench.records(storage).first { $0["s"] != nil })
        #expect(found["id"] == .uuid(DatabaseBuilder.id(1)))
        #expect(found["n"] == .int(1) && found["d"] == .double(1) && found["e"] == .double(100))
        #expect(found["u"] == .string(Self.id) && found["w"] == .string("2026-11-23T20:35:02Z"))
        #expect(found["l"] == .array([.int(1), .dictionary([Field("k", .array([]))])]))
        #expect(found["h"] == .double(1e20) && found["b"] == .bool(true) && found["z"] == .null)
        let told = report.guesses.entries.map { "\($0.field) \($0.type) \($0.instead) \($0.count)" }
        #expect(told == ["h double int 1", "u string uuid 1", "w string date 1"])
    }

    @Test(
        arguments: [
            ("{\"a\":1}\n{\"a\":}\n", 2), ("{\"a\":1}\n[1]\n", 2), ("{\"a\":1,\"a\":2}", 1),
            ("{\"a\":1}\n\n{\"a\":1e999}", 3),
            ("{\"a\":1} {\"a\":2}", 1), ("{\"id\":\"x\"}", 1), ("{\"id\":7}", 1), ("{\"a\":\"\u{1}\"}", 1),
            ("{\"a\":{\"b\":1,\"b\":2}}", 1),
        ] as [(String, Int)])
    func linesThatAreNoRecordAreRefused(_ text: String, _ line: Int) throws {
        let error = try #require(try DumpBench.refused(Array(text.utf8), as: .ndjson))
        #expect(error.code == .malformedInput)
        #expect(error.message.hasPrefix("line \(line):"), "\(error)")
    }

    @Test func twoRecordsOfOneIDAreNamedByTheirLines() throws {
        let text = "{\"id\":\"\(Self.other)\"}\n{\"id\":\"\(Self.id)\"}\n\n{\"id\":\"\(Self.other)\"}\n"
        let error = try #require(try DumpBench.refused(Array(text.utf8), as: .ndjson))
        #expect(error.code == .malformedInput && error.message.contains("lines 1 and 4"), "\(error)")
    }

    @Test func nestingIsLimited() throws {
        let deep = String(repeating: "[", count: 2000)
        let text = "{\"a\":\(deep)\(String(repeating: "]", count: 2000))}"
        #expect(try DumpBench.refused(Array(text.utf8), as: .ndjson)?.code == .malformedInput)
        #expect(try DumpBench.refused(Array("[\(text)]".utf8), as: .typed)?.code == .malformedInput)
        let most = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(try DumpBench.refused(Array("[{\"a\":\(most)}]".utf8), as: .typed)?.code == .malformedInput)
    }

    // MARK: .blazedump

    private static func values() -> [Record] {
        [
            Record(fields: [
                Field("a/b", .string("x/y\"\u{1}")), Field("when", .date(1000.5)), Field("raw", .data([0, 255])),
                Field("whole", .double(2)), Field("part", .double(2.5)), Field("id", .uuid(DatabaseBuilder.id(1))),
                Field("text", .string(id)), Field("moment", .string("2026-11-23T20:35:02Z")),
                Field("low", .string("abcdef00-0000-4000-8000-000000000001")),
                Field("offset", .string("2026-11-23T20:35:02+01:00")), Field("list", .array([.int(1)])),
                Field("empty", .array([])), Field("other", .uuid(DatabaseBuilder.id(7))),
                Field("vector", .vector(StoredVector(words: [0x3FF8_0000]))), Field("n", .int(-5)),
            ]),
            Record(fields: [
                Field("id", .uuid(DatabaseBuilder.id(2))), Field("_blazeKind", .string("_kv")),
                Field("_kvKey", .string("k")), Field("_kvValue", .data([1, 2, 3])),
            ]),
        ]
    }

    @Test func aBlazedumpStandsAsDescribedAndTellsWhatItLoses() throws {
        let storage = try DumpBench.database(Self.values())
        let (bytes, report) = try DumpBench.dump(DumpBench.reader(storage), as: .blazedump)
        let text = String(decoding: bytes, as: UTF8.self)
        let records = """
            [{"storage":{"a\\/b":"x\\/y\\"\\u0001","empty":[],"id":"\(Self.id)","list":[1],\
            "low":"abcdef00-0000-4000-8000-000000000001","moment":"2026-11-23T20:35:02Z","n":-5,\
            "offset":"2026-11-23T20:35:02+01:00","other":"00000000-0000-4000-8000-000000000007","part":2.5,\
            "raw":"AP8=","text":"\(Self.id)","vector":[1.5],"when":"2001-01-01T00:16:40Z","whole":2}},\
            {"storage":{"_blazeKind":"_kv","_kvKey":"k","_kvValue":"AQID","id":"\(Self.other)"}}]
            """
        #expect(text.hasSuffix(",\"records\":\(records)}"), "\(text)")
        func hash(_ text: some StringProtocol) -> String {
            SHA256.hash(data: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let header = try #require(text.range(of: ",\"manifest\"")).lowerBound
        let headerHash = hash(text[text.index(text.startIndex, offsetBy: 10)..<header])
        let payloadHash = hash(records)
        #expect(
            text.contains(
                "\"manifest\":{\"combinedHash\":\"\(hash(headerHash + payloadHash))\",\"headerHash\":\"\(headerHash)\","
                    + "\"payloadHash\":\"\(payloadHash)\",\"payloadSize\":\(records.utf8.count),\"recordCount\":2}"))
        let losses = Dictionary(uniqueKeysWithValues: report.losses.map { ($0.loss, $0.count) })
        #expect(
            losses == [
                .date: 1, .dateFraction: 1, .data: 2, .wholeDouble: 1, .uuidText: 1, .dateText: 1, .numberArray: 2,
                .vector: 1, .refusedText: 2,
            ])
    }

    @Test func aBlazedumpDiffersOnlyAsDocumented() throws {
        let storage = try DumpBench.database(Self.values())
        let (bytes, _) = try DumpBench.dump(DumpBench.reader(storage), as: .blazedump)
        let (made, report) = try DumpBench.importing(bytes)
        #expect(report.form == .blazedump && report.records == 2)
        let found = try DumpBench.records(made)
        let first = found[0]
        for name in ["a/b", "part", "id", "low", "offset", "list", "empty", "other", "n"] {
            #expect(first[name] == Self.values()[0][name], "\(name)")
        }
        #expect(first["when"] == .date(1000) && first["raw"] == .string("AP8=") && first["whole"] == .int(2))
        #expect(first["text"] == .uuid(DatabaseBuilder.id(1)) && first["vector"] == .array([.double(1.5)]))
        #expect(found[1]["_kvValue"] == .data([1, 2, 3]))
        let told = Set(report.guesses.entries.map { "\($0.field) \($0.type) \($0.instead)" })
        #expect(
            told.isSuperset(of: [
                "when date string", "raw string data", "whole int double", "text uuid string", "moment date string",
                "empty array vector", "list array vector", "list int double", "_kvValue data string",
                "other uuid string", "n int double",
            ]))
        #expect(!told.contains { $0.hasPrefix("low ") || $0.hasPrefix("part ") || $0.hasPrefix("id ") })
        // A second dump has the same records: what was lost is lost once.
        let (again, _) = try DumpBench.dump(DumpBench.reader(made), as: .blazedump)
        func records(_ bytes: [UInt8]) -> Substring {
            let text = String(decoding: bytes, as: UTF8.self)
            return text[(text.range(of: "\"records\":")?.upperBound ?? text.endIndex)...]
        }
        #expect(records(again) == records(bytes))
    }

    @Test(arguments: [Value.double(.nan), .double(.infinity), .date(.nan), .date(1e12), .array([.double(-.infinity)])])
    func whatJSONCannotSayIsRefusedByRecordAndField(_ value: Value) throws {
        let storage = try DumpBench.database([
            Record(fields: [Field("id", .uuid(DatabaseBuilder.id(1))), Field("odd", value)])
        ])
        do {
            _ = try DumpBench.dump(DumpBench.reader(storage), as: .blazedump)
            Issue.record("it was written")
        } catch let error as EngineError {
            #expect(error.code == .notRepresentable)
            #expect(error.message.contains("\(DatabaseBuilder.id(1))") && error.message.contains("field odd"))
        }
    }

    @Test func everyChangeOfABlazedumpsRecordsIsFound() throws {
        let storage = try DumpBench.database(Self.values())
        let (bytes, _) = try DumpBench.dump(DumpBench.reader(storage), as: .blazedump)
        for at in bytes.indices {
            var changed = bytes
            changed[at] ^= 1
            #expect(try DumpBench.refused(changed, as: .blazedump) != nil, "byte \(at)")
        }
        for count in 0..<bytes.count {
            #expect(try DumpBench.refused(Array(bytes.prefix(count)), as: .blazedump) != nil, "\(count) bytes")
        }
    }

    @Test func aBlazedumpInAnotherOrderAndWithSpacesIsTheSame() throws {
        let header = #"{ "formatVersion":1, "schemaVersion":{"major":3,"minor":1} }"#
        let records = #"[ {"storage": {"id":"\#(Self.id)"} } ]"#
        func hash(_ text: String) -> String {
            SHA256.hash(data: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        let manifest =
            #"{"headerHash":"\#(hash(header))","payloadHash":"\#(hash(records))","payloadSize":\#(records.utf8.count),"#
            + #""recordCount":1,"combinedHash":"\#(hash(hash(header) + hash(records)))"}"#
        let text = "{\"records\" : \(records), \n\"manifest\":\(manifest),\"header\":\(header) }\n"
        let (storage, report) = try DumpBench.importing(text, as: .blazedump)
        #expect(report.records == 1)
        let schema = try DumpBench.reader(storage).metadata.schemaVersion
        #expect(schema?.major == 3 && schema?.minor == 1)
    }

    // MARK: Anything

    @Test func randomBytesNeverDoMoreThanFail() throws {
        var generator = SeededGenerator.printed()
        let seeds = [
            "[{\"id\":{\"t\":\"uuid\",\"v\":\"\(Self.id)\"},\"a\":{\"t\":\"array\",\"v\":[{\"t\":\"null\"}]}}]",
            "{\"id\":\"\(Self.id)\",\"a\":[1,2.5,\"x\\u00e9\"]}\n{\"b\":{\"c\":null}}\n",
            "{\"header\":{\"formatVersion\":1},\"manifest\":{},\"records\":[{\"storage\":{\"a\":1}}]}",
        ]
        let alphabet = Array("{}[]\",:\\tv01-+.eEnulr \n".utf8)
        for _ in 0..<testRounds(300) {
            var bytes = Array(seeds[Int.random(in: 0..<seeds.count, using: &generator)].utf8)
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[at] = alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                case 2: bytes.removeSubrange(at..<min(bytes.count, at + 5))
                default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 9)], at: at)
                }
            }
            for form in Import.Form.allCases.map(Optional.some) + [nil] {
                let storage = DumpBench.storage(bytes)
                do {
                    let report = try DumpBench.run(storage, as: form)
                    #expect(try DumpBench.records(storage).count == Int(report.records))
                } catch is EngineError {
                    #expect(storage.paths == [DumpBench.source])
                }
            }
        }
    }
}
