internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireBackupFacts {
    init(_ entry: BackupRepository.Entry, _ state: AgentState) {
        self.init()
        id = entry.id.text
        directory = Data(entry.directory.path.bytes)
        problem = entry.problem ?? ""
        if let verified = entry.verified { self.verified = verified }
        guard let manifest = entry.manifest else { return }
        databaseID = manifest.database.description
        source = manifest.source
        taken = manifest.taken
        method = WireBackupMethod(manifest.method)
        tag = manifest.tag
        bytes = manifest.bytes
        formatVersion = manifest.formatVersion ?? ""
        steps = manifest.steps
        if let contents = manifest.contents {
            records = contents.records
            unreadable = contents.unreadable
            schema = contents.schema
        }
        files = manifest.files.map { file in
            var wire = WireBackupFile()
            wire.name = Data(FilePath(root: nil, [file.name]).bytes)
            wire.bytes = file.bytes
            wire.blake2B = file.digest
            return wire
        }
        if let alias = state.catalog.entries().first(where: { $0.id == manifest.database })?.alias {
            self.alias = alias
        }
    }
}

extension WireBackupProblem {
    init(_ file: String, _ message: String) {
        self.init()
        self.file = file
        self.message = message
    }
}

extension WireBackupPart {
    init(_ progress: MaintenanceProgress) {
        self.init()
        phase = progress.phase.rawValue
        done = UInt64(clamping: progress.done)
        total = UInt64(clamping: progress.total)
    }
}

extension WireBackupDecision {
    init(_ entry: BackupRepository.Entry, _ reasons: [String], _ state: AgentState) {
        self.init()
        facts = WireBackupFacts(entry, state)
        kept = !reasons.isEmpty
        self.reasons = reasons
    }
}

extension WireBackupOutcome {
    init(_ outcome: BackupOutcome) {
        self.init()
        facts.id = outcome.id
        facts.directory = Data(outcome.directory.path?.bytes ?? [])
        facts.databaseID = outcome.database
        facts.source = outcome.source
        facts.taken = outcome.taken
        facts.method = BackupManifest.Method(rawValue: outcome.method).map(WireBackupMethod.init) ?? .unspecified
        facts.tag = outcome.tag
        if let records = outcome.records { facts.records = records }
        if let unreadable = outcome.unreadable { facts.unreadable = unreadable }
        facts.bytes = outcome.bytes
        facts.steps = outcome.steps
        if outcome.isVerified { facts.verified = outcome.taken }
        problems = outcome.problems.map { WireBackupProblem($0.file, $0.message) }
    }
}

extension WireRestoreOutcome {
    init(_ outcome: RestoreOutcome) {
        self.init()
        id = outcome.id
        records = outcome.records
        unreadable = outcome.unreadable
        reencrypted = outcome.isReencrypted
        kept = Data(outcome.kept.path?.bytes ?? [])
    }
}

extension WireBackupMethod {
    init(_ method: BackupManifest.Method) {
        self =
            switch method {
            case .exact: .exact
            case .live: .live
            case .raw: .raw
            }
    }
}
