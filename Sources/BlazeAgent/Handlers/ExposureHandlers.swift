internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// exposure and fix-permissions.
enum ExposureHandlers {
    static func exposure(_ request: WireExposureRequest, _ call: Call) throws -> WireExposureReply {
        let database = try LocatedDatabase(request.target, state: call.state)
        let exposure = try Exposure.read(database.files, in: call.state.storage)
        var reply = WireExposureReply()
        reply.row = DatabaseRows.row(for: database, call.state)
        reply.files = exposure.files.map(WireExposedFile.init)
        if let directory = exposure.directory { reply.directory = WireExposedFile(directory) }
        reply.indexes = exposure.indexes.map(WireExposedIndex.init)
        if let words = exposure.searchWords { reply.searchWords = UInt64(clamping: words) }
        if let ids = exposure.recordIDs { reply.recordIds = UInt64(clamping: ids) }
        reply.mirror = exposure.hasMirror
        reply.findings = exposure.findings.map(WireFinding.init)
        reply.texts = exposure.sources.map(WireExposedText.init)
        return reply
    }

    static func fixPermissions(_ request: WireFixPermissionsRequest, _ call: Call) throws -> WireFixPermissionsReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let plan = try PermissionPlan(
            database.files, in: state.storage, takesDirectory: request.directory, home: state.paths.home)
        let failures = request.dryRun ? [:] : tried(plan)
        var reply = WireFixPermissionsReply()
        reply.changes = plan.changes.map { change in
            var wire = WireModeChange()
            wire.path = Data(change.facts.path.bytes)
            wire.modeBefore = UInt32(change.facts.mode)
            wire.modeAfter = UInt32(change.mode)
            wire.reason = change.obstacle ?? failures[change.facts.path] ?? ""
            wire.changed = wire.reason.isEmpty
            return wire
        }
        reply.row = DatabaseRows.row(for: database, state)
        return reply
    }

    /// Carries the plan out; why it failed where it did.
    private static func tried(_ plan: PermissionPlan) -> [FilePath: String] {
        var failures: [FilePath: String] = [:]
        for (change, failure) in plan.apply() {
            if let failure { failures[change.facts.path] = failure }
        }
        return failures
    }
}

extension WireExposedFile {
    init(_ file: Exposure.File) {
        self.init()
        path = Data(file.facts.path.bytes)
        role = file.role
        size = file.facts.size
        mode = UInt32(file.facts.mode)
        owner = file.facts.owner
        group = file.facts.group
        link = file.facts.kind == .link
        if let file = file.readers { readers = WireFileReaders(file) }
    }
}

extension WireFileReaders {
    init(_ readers: Exposure.Readers) {
        self.init()
        everyone = readers.everyone
        exceptGroups = readers.exceptGroups
        groups = readers.groups
        users = readers.users
        certain = readers.isCertain
    }
}

extension WireExposedIndex {
    init(_ index: Exposure.Index) {
        self.init()
        name = index.name
        fields = index.fields
        keys = UInt64(clamping: index.keys)
        entries = UInt64(clamping: index.entries)
    }
}

extension WireExposedText {
    init(_ source: Exposure.Source) {
        self.init()
        path = Data(source.path.bytes)
        role = source.role
        part = source.part.rawValue
        indexes = source.indexes.map(WireExposedIndex.init)
        if let words = source.searchWords { searchWords = UInt64(clamping: words) }
        searchFields = source.searchFields
        if let ids = source.recordIDs { recordIds = UInt64(clamping: ids) }
        differs = source.differs
        problem = source.problem ?? ""
    }
}
