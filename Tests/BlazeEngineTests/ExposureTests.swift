import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// What of a database lies readable: every text that holds values is found, told by names and counts, and never passed over.
@Suite struct ExposureTests {
    static let ids = (1...3).map { DatabaseBuilder.id($0) }
    static let indexes = """
        [{"name":"mail","entries":[{"key":{"components":["a\\/b@example"]},"ids":["\(ids[0])","\(ids[1])"]},\
        {"key":{"components":["c@example"]},"ids":["\(ids[2])"]}]}]
        """

    static func payload(_ secondary: String = indexes, search: String = "", ids: [RecordID] = ids) -> String {
        let entries = ids.enumerated().map { "{\"id\":\"\($1)\",\"pages\":[\($0)]}" }.joined(separator: ",")
        return """
            {"indexMap":[\(entries)],"nextPageIndex":3,"deletedPages":[],"version":1,\
            "secondaryIndexDefinitions":[{"key":"mail","value":["mail"]}],"secondaryIndexes":\(secondary)\(search)}
            """
    }

    /// The same in the form of the unsigned copy.
    static func layout(_ mail: String = "a/b@example", ids: [RecordID] = ids) -> String {
        let entries = ids.enumerated().map { "\"\($1)\",[\($0)]" }.joined(separator: ",")
        return """
            {"indexMap":[\(entries)],"secondaryIndexes":{"mail":[ {"components": ["\(mail)"]},["\(Self.ids[0])",\
            "\(Self.ids[1])"],{"components":["c@example"]},["\(Self.ids[2])"]]}}
            """
    }

    /// What is there, by the bits that a test gives to what it names; the directories are open.
    static func look(
        _ storage: MemoryStorage, modes: [FilePath: UInt16] = [:], names: [FilePath: UInt64] = [:],
        facts more: [FilePath: PermissionFacts] = [:]
    ) throws -> Exposure {
        try Exposure.read(DatabaseBuilder.files, in: storage) { path throws(StorageError) in
            if let given = more[path] { return given }
            let isDirectory = path == "/" || path == "/db"
            guard let status = isDirectory ? nil : try storage.status(of: path) else {
                return isDirectory ? facts(path, .directory, modes[path] ?? 0o755) : nil
            }
            return facts(path, .regular, modes[path] ?? 0o600, names: names[path] ?? 1, size: status.size)
        }
    }

    static func facts(
        _ path: FilePath, _ kind: PermissionFacts.Kind, _ mode: UInt16, owner: UInt32 = geteuid(), group: UInt32 = 40,
        names: UInt64 = 1, size: UInt64 = 10
    ) -> PermissionFacts {
        PermissionFacts(
            path: path, kind: kind, mode: mode, owner: owner, group: group, names: names, size: size,
            identity: FileIdentity(device: 1, inode: UInt64(path.string.utf8.count)))
    }

    static func storage(_ metadata: [UInt8]) -> MemoryStorage { DatabaseBuilder().storage(metadata: metadata) }
    static func storage(payload: String, layout: String = "{}") -> MemoryStorage {
        storage(DatabaseBuilder().metadata(payload: payload, layout: layout))
    }

    static func severities(_ exposure: Exposure, _ name: Finding.Name) -> [Finding.Severity] {
        exposure.findings.filter { $0.name == name }.map(\.severity)
    }

    // MARK: Metadata that is refused

    @Test(
        arguments: [
            ("", .badMeta), ("{", .badMeta), ("[1,2]", .badMeta), ("not JSON", .badMeta),
            ("{\"signature\":\"\",\"layout\":[]}", .badMeta),
            ("{\"signature\":\"\",\"layout\":{},\"secureLayoutVersion\":2,\"signedPayload\":\"!\"}", .badMeta),
            ("{\"signature\":\"\",\"layout\":{},\"secureLayoutVersion\":2,\"signedPayload\":\"W10=\"}", .badMeta),
            ("{\"some\":\"object\"}", .unsignedMeta),
        ] as [(String, Finding.Name)])
    func metadataThatCannotBeReadMakesTheExposureUnknown(_ text: String, _ name: Finding.Name) throws {
        let exposure = try Self.look(Self.storage(Array(text.utf8)))
        #expect(exposure.recordIDs == nil && exposure.indexes.isEmpty)
        #expect(exposure.sources.contains { $0.problem != nil })
        #expect(Self.severities(exposure, .exposureUnknown).first == .advice)
        // Metadata of another shape than any that is known is unsigned before it is anything else.
        let refused = exposure.findings.contains { $0.name == name || $0.name == .badMeta }
        #expect(refused && exposure.findings.first?.severity == .damage)
    }

    @Test func metadataThatMayNotBeReadIsTold() throws {
        let storage = Self.storage(payload: Self.payload())
        let refusing = RefusingStorage(storage, DatabaseBuilder.files.meta)
        let exposure = try Exposure.read(DatabaseBuilder.files, in: refusing) { path in
            Self.facts(path, path == "/db" || path == "/" ? .directory : .regular, 0o600)
        }
        #expect(exposure.sources.first?.problem?.contains("permission denied") == true)
        #expect(Self.severities(exposure, .badMeta) == [.damage])
        #expect(exposure.findings.contains { $0.name == .exposureUnknown && $0.message.contains("permission denied") })
    }

    @Test func metadataWithoutAWrapperIsToldAsItStands() throws {
        let exposure = try Self.look(Self.storage(Array(Self.layout().utf8)))
        #expect(Self.severities(exposure, .unsignedMeta) == [.damage])
        #expect(Self.severities(exposure, .exposureUnknown).isEmpty)
        #expect(exposure.indexes == [Exposure.Index(name: "mail", fields: ["mail"], keys: 2, entries: 3)])
        #expect(exposure.recordIDs == 3)
    }

    @Test func anUnsignedLayoutIsToldAsItStands() throws {
        let exposure = try Self.look(Self.storage(Array("{\"layout\":\(Self.layout())}".utf8)))
        #expect(Self.severities(exposure, .unsignedMeta) == [.damage])
        #expect(exposure.sources.map(\.part) == [.layout] && exposure.sources.first?.differs == false)
        #expect(exposure.indexes.map(\.keys) == [2] && exposure.recordIDs == 3)
    }

    @Test func aLayoutBesideABrokenPayloadIsToldAllTheSame() throws {
        let exposure = try Self.look(Self.storage(payload: "{\"indexMap\":7}", layout: Self.layout()))
        #expect(exposure.sources.map(\.part) == [.payload, .layout])
        #expect(exposure.sources[0].problem != nil && exposure.sources[1].indexes.map(\.keys) == [2])
        #expect(Self.severities(exposure, .badMeta) == [.damage])
        #expect(Self.severities(exposure, .exposureUnknown) == [.advice])
    }

    @Test func metadataThatIsNotThereHoldsNothing() throws {
        let storage = Self.storage(payload: Self.payload())
        storage[DatabaseBuilder.files.meta] = nil
        let exposure = try Self.look(storage)
        #expect(exposure.sources.isEmpty && exposure.findings.allSatisfy { $0.name != .exposureUnknown })
    }

    // MARK: The unsigned copy

    @Test func aCopyThatSaysTheSameIsNoFinding() throws {
        let exposure = try Self.look(Self.storage(payload: Self.payload(), layout: Self.layout()))
        #expect(exposure.sources.map(\.part) == [.payload, .layout] && !exposure.sources[1].differs)
        #expect(exposure.sources[0].indexes == exposure.sources[1].indexes)
        #expect(exposure.hasMirror && Self.severities(exposure, .mirrorDiffers).isEmpty)
        #expect(exposure.findings.first { $0.name == .indexedValuesReadable }?.count == 1)
    }

    @Test func anEmptyCopyIsNoFinding() throws {
        let exposure = try Self.look(Self.storage(payload: Self.payload()))
        #expect(!exposure.hasMirror && Self.severities(exposure, .mirrorDiffers).isEmpty)
    }

    @Test(arguments: [
        layout("other@example"), layout(ids: Array(ids.dropLast())),
        layout(ids: [DatabaseBuilder.id(9)] + ids.dropLast()),
    ])
    func aCopyThatSaysSomethingElseIsTold(_ layout: String) throws {
        let exposure = try Self.look(Self.storage(payload: Self.payload(), layout: layout))
        #expect(exposure.sources.map(\.differs) == [false, true])
        #expect(Self.severities(exposure, .mirrorDiffers) == [.advice])
        #expect(exposure.sources[1].indexes.map(\.entries) == [3])
        #expect(exposure.findings.first { $0.name == .indexedValuesReadable }?.count == 2)
    }

    // MARK: Search index

    @Test func searchWordsAreCountedOnceAndTheirFieldsNamed() throws {
        let search = """
            ,"searchIndexedFields":["title"],"searchIndex":{"globalIndex":{"secret":[],"w\\u006Frd":[]},\
            "fieldIndexes":{"body":{"word":[],"third":[]}},"indexedFields":["body"],"stats":{}}
            """
        let exposure = try Self.look(Self.storage(payload: Self.payload("[]", search: search)))
        #expect(exposure.searchWords == 3)
        #expect(exposure.sources.first?.searchFields == ["body", "title"])
        #expect(Self.severities(exposure, .searchWordsReadable) == [.note])
        #expect(exposure.findings.allSatisfy { !$0.message.contains("secret") })
    }

    @Test func aSearchIndexOfAnotherShapeIsUnknown() throws {
        let search = ",\"searchIndex\":{\"globalIndex\":[1]}"
        let exposure = try Self.look(Self.storage(payload: Self.payload(search: search)))
        #expect(Self.severities(exposure, .exposureUnknown) == [.advice])
    }

    // MARK: Copies

    @Test(arguments: [
        ("txn_in_progress-made-\(String(repeating: "a", count: 64)).meta", "transaction-copy"),
        ("made.vacuum.meta", "vacuum-new"), ("made.vacuum_backup.meta", "vacuum-backup"),
        ("backup_v0_0000.meta", "open-backup"), ("made.agent_meta", "agent-temporary"),
        ("made.agent_back", "agent-temporary"), ("made.agent_new.meta", "agent-temporary"),
    ])
    func metadataOfLeftoversIsLookedInto(_ name: String, _ role: String) throws {
        let storage = Self.storage(payload: Self.payload("[]"))
        storage[FilePath("/db").appending(name)] = DatabaseBuilder().metadata(payload: Self.payload())
        let exposure = try Self.look(storage)
        let copy = try #require(exposure.sources.first { $0.role == role })
        #expect(copy.indexes.map(\.keys) == [2] && copy.recordIDs == 3)
        #expect(exposure.indexes.isEmpty)
        let told = exposure.findings.filter { $0.name == .indexedValuesReadable }
        #expect(told.count == 1 && told.first?.message.contains(name) == true)
        #expect(Self.severities(exposure, .leftoverHoldsData) == [.advice])
    }

    @Test func aCopyThatCannotBeReadIsUnknown() throws {
        let storage = Self.storage(payload: Self.payload())
        storage["/db/made.vacuum_backup.meta"] = Array("{\"layout".utf8)
        let exposure = try Self.look(storage)
        #expect(Self.severities(exposure, .exposureUnknown) == [.advice])
        #expect(Self.severities(exposure, .badMeta).isEmpty)
        #expect(exposure.recordIDs == 3)
    }

    @Test(arguments: [indexes, "{\"secondaryIndexes\":\(indexes)}"])
    func theSeparateIndexFileIsLookedInto(_ text: String) throws {
        let storage = Self.storage(payload: Self.payload("[]"))
        storage[DatabaseBuilder.files.indexes] = Array(text.utf8)
        let exposure = try Self.look(storage)
        #expect(exposure.sources.first { $0.role == "indexes" }?.indexes.map(\.entries) == [3])
    }

    @Test func moreCopiesThanAreLookedIntoAreUnknown() throws {
        let storage = Self.storage(payload: Self.payload())
        for number in 0...EngineLimits.exposedCopies {
            storage[FilePath("/db/backup_v0_\(number).meta")] = DatabaseBuilder().metadata(payload: Self.payload())
        }
        let exposure = try Self.look(storage)
        #expect(exposure.findings.first { $0.name == .exposureUnknown }?.count == 1)
        #expect(exposure.sources.count { $0.role == "open-backup" } == EngineLimits.exposedCopies)
    }

    @Test func whatIsNoCopyOfDataIsNotCalledOne() throws {
        let storage = Self.storage(payload: Self.payload())
        let hash = String(repeating: "a", count: 64)
        for name in ["txn_in_progress-made-\(hash).state", "made.agent_grow", "made.vacuum_success"] {
            storage[FilePath("/db").appending(name)] = [1]
        }
        #expect(Self.severities(try Self.look(storage), .leftoverHoldsData).isEmpty)
        storage["/db/txn_log.json"] = [1]
        #expect(Self.severities(try Self.look(storage), .exposureUnknown) == [.advice])
    }

    @Test func keptSetsHoldDataAndAreLookedInto() throws {
        let directory = try TemporaryDirectory()
        let builder = DatabaseBuilder()
        try directory.write(builder.metadata(payload: Self.payload("[]")), to: "made.meta")
        let kept = directory.path.appending("made.before-repair-20260101T000000Z")
        try FileManager.default.createDirectory(atPath: kept.string, withIntermediateDirectories: false)
        try directory.write(builder.metadata(payload: Self.payload()), to: "\(kept.lastComponent!)/made.meta")
        try directory.write([1], to: "\(kept.lastComponent!)/made.blazedb")
        #expect(chmod(kept.string, 0o750) == 0)
        let files = FileSet(data: directory.path.appending("made.blazedb"))
        let exposure = try Exposure.read(files, in: PosixStorage())
        #expect(exposure.files.map(\.role) == ["meta", "kept-set", "kept", "kept"])
        #expect(exposure.files[1].facts.mode == 0o750)
        #expect(exposure.sources.first { $0.role == "kept" }?.indexes.map(\.keys) == [2])
        let told = exposure.findings.first { $0.name == .keptBeforeRepair }
        #expect(told?.message.contains("mode 0750") == true)
        #expect(exposure.findings.contains { $0.name == .directoryModeOpen && $0.message.contains("before a repair") })
    }

    @Test func aKeptSetThatIsALinkIsNotEntered() throws {
        let directory = try TemporaryDirectory()
        let builder = DatabaseBuilder()
        try directory.write(builder.metadata(payload: Self.payload("[]")), to: "made.meta")
        let elsewhere = try TemporaryDirectory()
        try elsewhere.write(builder.metadata(payload: Self.payload()), to: "made.meta")
        let link = directory.path.appending("made.before-repair-20260101T000000Z")
        try FileManager.default.createSymbolicLink(atPath: link.string, withDestinationPath: elsewhere.path.string)
        let exposure = try Exposure.read(FileSet(data: directory.path.appending("made.blazedb")), in: PosixStorage())
        #expect(exposure.files.map(\.role) == ["meta", "kept-set"])
        #expect(Self.severities(exposure, .symbolicLink) == [.note])
    }

    @Test func noFindingHoldsAValue() throws {
        let storage = Self.storage(payload: Self.payload(), layout: Self.layout("other@example"))
        storage["/db/made.vacuum.meta"] = DatabaseBuilder().metadata(payload: Self.payload())
        for finding in try Self.look(storage).findings { #expect(!finding.message.contains("@example")) }
    }
}

/// A storage of which one file may not be read.
private struct RefusingStorage: Storage {
    private let base: MemoryStorage
    private let refused: FilePath

    init(_ base: MemoryStorage, _ refused: FilePath) { (self.base, self.refused) = (base, refused) }

    func open(_ path: FilePath) throws(StorageError) -> any StorageFile {
        guard path != refused else { throw StorageError(.permissionDenied, operation: "open", path: path) }
        return try base.open(path)
    }
    func status(of path: FilePath) throws(StorageError) -> FileStatus? { try base.status(of: path) }
    func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] { try base.names(in: directory) }
    func ownership(of file: FileIdentity, at path: FilePath) -> Ownership { base.ownership(of: file, at: path) }
    func available(at path: FilePath) -> UInt64? { nil }
}
