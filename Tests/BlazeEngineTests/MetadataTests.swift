import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Metadata in every shape that is read, and the ones that are refused.
@Suite struct MetadataTests {
    private let a = DatabaseBuilder.id(1)
    private let b = DatabaseBuilder.id(2)

    private func read(payload: String) throws -> MetadataPayload {
        try MetadataPayload(JSONScanner(Array(payload.utf8)))
    }

    private func lists(_ payload: MetadataPayload) -> [RecordID: [UInt32]] {
        Dictionary(uniqueKeysWithValues: payload.index.entries.map { ($0.id, Array(payload.index.pages(of: $0))) })
    }

    @Test(arguments: [
        #"[{"id":"A","pages":[0]},{"id":"B","pages":[1,2]}]"#,
        #"[{"pages":[1,2],"id":"B","x":[{}]},{"pages":[0],"id":"A"}]"#,
        #"["A",[0],"B",[1,2]]"#, #"["B",[[1],[2]],"A",0]"#, #"[["A",[0]],["B",[1,[2]]]]"#, #"{"B":[1,2],"A":[0]}"#,
        #"{"A":"0","B":{"pages":[1,2]}}"#, #"[{"key":"A","value":[0]},{"key":"B","value":[1.0,2e0]}]"#,
    ])
    func readsEveryShapeOfTheIndex(_ map: String) throws {
        let map = map.replacing("\"A\"", with: "\"\(a)\"").replacing("\"B\"", with: "\"\(b)\"")
        let payload = try read(payload: "{\"indexMap\":\(map)}")
        #expect(lists(payload) == [a: [0], b: [1, 2]])
        #expect(payload.index.entries.map(\.id) == [a, b])
        #expect(payload.index.contains(a) && !payload.index.contains(DatabaseBuilder.id(3)))
    }

    @Test func lastOfEqualEntriesCounts() throws {
        let payload = try read(
            payload:
                #"{"indexMap":[{"id":"\#(b)","pages":[9]},{"id":"\#(a)","pages":[1]},{"id":"\#(b)","pages":[2,3]}]}"#)
        #expect(lists(payload) == [a: [1], b: [2, 3]])
        #expect(payload.index.irregularities.duplicates == 1 && payload.index.irregularities.firstDuplicate == b)
        #expect(payload.index.irregularities.unsorted == 1)
    }

    @Test func oddEntriesAreCounted() throws {
        let payload = try read(
            payload:
                #"{"indexMap":[{"id":"x","pages":[7]},{"id":"\#(a)","pages":[-1,4294967296,1.5,3,99999999999999999999]}],"deletedPages":[4294967296,5]}"#
        )
        #expect(lists(payload) == [a: [3]])
        #expect(payload.index.irregularities.pagesOutOfRange == 4 && payload.index.irregularities.withoutID == 1)
        #expect(payload.freePages == [5] && payload.freePagesOutOfRange == 1)
    }

    @Test(arguments: [
        #"{"indexMap":1}"#, #"{"indexMap":[1,2]}"#, #"{"indexMap":["x"]}"#, #"{"nextPageIndex":-1}"#,
        #"{"nextPageIndex":"1"}"#,
        #"{"nextPageIndex":1.5}"#, #"{"deletedPages":["1"]}"#, #"{"deletedPages":{}}"#, "[]", "{} x",
        #"{"secondaryIndexes":[{"entries":[]}]}"#, #"{"indexMap":[{"id":"a","pages":[1}]}"#,
    ])
    func refusesOtherShapes(_ payload: String) {
        #expect(throws: JSONError.self) { try read(payload: payload) }
    }

    @Test func readsTheRest() throws {
        let payload = try read(
            payload: #"""
                {"metaData":{"formatVersion":"1.2.0","schema_version_major":3,"schema_version_minor":1,"mine":[1]},
                "encodingFormat":"json","searchIndexedFields":["t"],"future":{"x":1e400},
                "secondaryIndexDefinitions":{"z+a":["z","a"],"void":["void"]},"indexMap":{"\#(a)":[0]},
                "secondaryIndexes":{"z+a":[{"components":["x",1]},["\#(a)"],{"components":[2]},["\#(b)","\#(a)"]]}}
                """#)
        #expect(payload.formatVersion == "1.2.0" && payload.encodingFormat == "json")
        #expect(payload.schemaVersion == Metadata.SchemaVersion(major: 3, minor: 1))
        #expect(payload.searchIndexedFields == ["t"])
        #expect(
            payload.indexes == [
                Metadata.IndexSummary(name: "void", fields: ["void"], keys: 0, entries: 0, dangling: 0),
                Metadata.IndexSummary(name: "z+a", fields: ["z", "a"], keys: 2, entries: 3, dangling: 1),
            ])
        let kept = payload.keptMembers.first { $0.key == "future" }
        #expect(kept?.value == Array(#"{"x":1e400}"#.utf8))
        #expect(
            payload.keptMembers.map(\.key) == [
                "future", "metaData", "searchIndexedFields", "secondaryIndexDefinitions",
            ])
    }

    @Test func keepsUnknownMembersOfTheWrapper() throws {
        let builder = DatabaseBuilder()
        let meta = builder.metadata(payload: builder.payload, members: #","later":[1, 2]"#)
        let reader = try DatabaseReader(DatabaseBuilder.files, in: builder.storage(metadata: meta), key: builder.key)
        #expect(
            reader.metadata.unknownWrapperMembers == [Metadata.RawMember(key: "later", value: Array("[1, 2]".utf8))])
    }

    // MARK: Refusals

    private func refusal(_ metadata: [UInt8]?, key: SymmetricKey? = nil) throws -> EngineError? {
        var builder = DatabaseBuilder()
        try builder.add(a)
        let storage = builder.storage()
        storage[DatabaseBuilder.files.meta] = metadata
        return #expect(throws: EngineError.self) {
            _ = try DatabaseReader(DatabaseBuilder.files, in: storage, key: key ?? builder.key)
        }
    }

    @Test func refusesWhatIsNotSigned() throws {
        var builder = DatabaseBuilder()
        try builder.add(a)
        #expect(try refusal(nil)?.code == .metadataMissing)
        #expect(try refusal([])?.code == .metadataNotJSON)
        #expect(try refusal([UInt8](repeating: 0, count: 100))?.offset == 0)
        #expect(try refusal(Array("hello".utf8))?.code == .metadataNotJSON)
        #expect(try refusal(Array(builder.payload.utf8))?.code == .metadataUnsigned)
        #expect(try refusal(Array(#"{"signature":"AAAA"}"#.utf8))?.code == .metadataUnsigned)
        #expect(try refusal(Array(#"{"signature":"AAAA","layout":[]}"#.utf8))?.code == .metadataMalformed)
        #expect(
            try refusal(Array(#"{"signature":"AAAA","layout":{},"secureLayoutVersion":2}"#.utf8))?.code
                == .metadataMalformed)
        #expect(
            try refusal(Array(#"{"signature":"AAAA","layout":{},"secureLayoutVersion":3}"#.utf8))?.code
                == .unsupportedFormat)
        #expect(
            try refusal(Array(#"{"signature":"AAAA","layout":{},"secureLayoutVersion":2,"signedPayload":"?"}"#.utf8))?
                .code
                == .metadataMalformed)
    }

    @Test func tellsForgeryFromAWrongKey() throws {
        var builder = DatabaseBuilder()
        try builder.add(a)
        let meta = builder.metadata(payload: builder.payload)
        let other = SymmetricKey(size: .bits256)
        #expect(try refusal(meta, key: other)?.code == .wrongPassword)
        let changed = builder.payload.replacing("\"nextPageIndex\":1", with: "\"nextPageIndex\":9")
        let text = String(decoding: meta, as: UTF8.self).replacing(
            Data(builder.payload.utf8).base64EncodedString(), with: Data(changed.utf8).base64EncodedString())
        let error = try refusal(Array(text.utf8))
        #expect(error?.code == .metadataUnverified)
        #expect(error?.message.contains("metadata signature does not verify") == true)
        // Stripped to version 1, as in trap T9.
        #expect(
            try refusal(Array(#"{"signature":"AAAA","layout":\#(builder.payload)}"#.utf8))?.code == .metadataUnverified)
    }

    @Test func readsVersionOneWithListsAsTheyStandOrSorted() throws {
        var builder = DatabaseBuilder()
        try builder.addLong(a, size: 20_000)
        builder.index[0].pages = [0, 2, 1, 3, 4]
        let layout = #"""
            {"deletedPages":[],"encodingFormat":"blazeBinary","fieldTypes":{},"indexMap":["\#(a)",[0,2,1,3,4]],"metaData":{"b":"x/\ty","a":1.50},
            "nextPageIndex":5,"searchIndexedFields":["q","p"],"secondaryIndexDefinitions":{"n":["n"]},
            "secondaryIndexes":{"n":[{"components":["\#u{E9}",2]},["\#(b)","\#(a)"]]},"version":1}
            """#
        for pages in ["[0,2,1,3,4]", "[0,1,2,3,4]"] {
            let signed = #"""
                {"deletedPages":[],"encodingFormat":"blazeBinary","fieldTypes":[],"indexMap":[{"id":"\#(a)","pages":\#(pages)}],"metaData":[{"key":"a","value":1.50},{"key":"b","value":"x\/\ty"}],"nextPageIndex":5,"searchIndexedFields":["p","q"],"secondaryIndexDefinitions":[{"key":"n","value":["n"]}],"secondaryIndexes":[{"entries":[{"ids":["\#(a)","\#(b)"],"key":{"components":["\#u{E9}",2]}}],"name":"n"}],"version":1}
                """#
            let signature = Data(HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: builder.key))
            let meta = Array(#"{"layout":\#(layout),"signature":"\#(signature.base64EncodedString())"}"#.utf8)
            let reader = try DatabaseReader(
                DatabaseBuilder.files, in: builder.storage(metadata: meta), key: builder.key)
            #expect(reader.metadata.wrapperVersion == 1 && reader.metadata.signedAt == nil)
            #expect(try Reading(reader).records.count == 1)
        }
    }

    @Test func refusesAnotherMajorFormat() throws {
        let builder = DatabaseBuilder()
        let payload = builder.payload.replacing("1.0.0", with: "2.0.0")
        #expect(try refusal(builder.metadata(payload: payload))?.code == .unsupportedFormat)
    }

    @Test func refusesOverlongMetadataUnread() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([], to: "x.meta")
        try FileHandle(forWritingTo: URL(fileURLWithPath: path.string)).truncate(
            atOffset: EngineLimits.metadataBytes + 1)
        try directory.write([1], to: "x.blazedb")
        let files = FileSet(data: directory.path.appending("x.blazedb"))
        let error = #expect(throws: EngineError.self) { try MetadataFile(files, in: PosixStorage()) }
        #expect(error?.code == .limitExceeded)
    }

    @Test func checksTheLists() throws {
        var builder = DatabaseBuilder()
        try builder.add(a)
        try builder.add(b)
        builder.pages.append(DatabaseBuilder.padded([]))
        builder.free = [1, 2, 2, 7]
        builder.nextPageIndex = 1
        let findings = try builder.reader().quickCheck().findings
        #expect(
            Set(findings.map(\.name.rawValue)) == [
                "free-page-in-use", "free-page-twice", "free-page-beyond", "next-page-low",
            ])
        #expect(findings.first { $0.name == .freePageInUse }?.page == 1)
        #expect(findings.first { $0.name == .nextPageLow }?.page == 1)
    }

    @Test func tellsADifferingMirror() throws {
        var builder = DatabaseBuilder()
        try builder.add(a)
        try builder.add(b)
        for (layout, count) in [(#"{"indexMap":["\#(a)",[0]]}"#, 1), (#"{"indexMap":["\#(a)",[5],"\#(b)",[1]]}"#, 1)] {
            let meta = builder.metadata(payload: builder.payload, layout: layout)
            let reader = try DatabaseReader(
                DatabaseBuilder.files, in: builder.storage(metadata: meta), key: builder.key)
            let findings = try reader.quickCheck().findings
            #expect(findings.map(\.name) == [.mirrorDiffers] && findings[0].count == count)
        }
    }
}
