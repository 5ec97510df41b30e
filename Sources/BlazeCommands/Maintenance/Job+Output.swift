internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireJob {
    var kindText: String {
        switch kind {
        case .vacuum: "vacuum"
        case .gc: "gc"
        case .repair: "repair"
        case .repairUndo: "repair-undo"
        case .backup: "backup"
        case .restore: "restore"
        case .restoreRollback: "restore-rollback"
        default: "unknown"
        }
    }

    var stateText: String {
        switch state {
        case .waiting: "waiting"
        case .running: "running"
        case .cancelling: "cancelling"
        case .done: "done"
        case .failed: "failed"
        case .cancelled: "cancelled"
        case .rolledBack: "rolled-back"
        case .finishedAfterRestart: "finished-after-restart"
        case .interrupted: "interrupted"
        default: "unknown"
        }
    }

    /// Whether it is waiting or working.
    var isActive: Bool { state == .waiting || state == .running || state == .cancelling }

    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "id": .count(id), "kind": .string(kindText), "state": .string(stateText), "title": .string(title),
            "client_pid": .integer(Int64(clientPid)), "started": .string(Style.time(nanoseconds: started)),
            "ended": .optional(hasEnded ? Style.time(nanoseconds: ended) : nil),
            "phase": .optional(phase.isEmpty ? nil : phase),
            "done": phase.isEmpty ? .null : .count(done), "total": phase.isEmpty ? .null : .count(total),
            "rate": hasRate ? .number(rate) : .null, "seconds_left": hasSecondsLeft ? .number(secondsLeft) : .null,
            "outcome": outcomeJSON, "failure": .null,
            "recovery": .array(
                recovery.map { .object(["kind": .string($0.kind), "message": .string($0.message)]) }),
            "waits_for": hasWaitsFor ? LockHolder(waitsFor).json : .null,
        ]
        if hasFailure {
            let fault = Fault(failure)
            fields["failure"] = .object([
                "name": .string(fault.code.name), "message": .string(fault.message),
                "hint": .optional(fault.hint.isEmpty ? nil : fault.hint),
            ])
        }
        fields.set(path: path)
        return .object(fields)
    }

    private var outcomeJSON: JSONValue {
        if hasVacuum {
            return .object([
                "records": .count(vacuum.records), "entries_removed": .count(vacuum.entriesRemoved),
                "unindexed_dropped": .count(vacuum.unindexedDropped), "size_before": .count(vacuum.bytesBefore),
                "size_after": .count(vacuum.bytesAfter), "rewritten": .bool(vacuum.rewritten),
                "backup": .optional(vacuum.backup.isEmpty ? nil : vacuum.backup),
            ])
        }
        if hasRepair {
            var fields: [String: JSONValue] = [
                "plan": repair.facts.json, "repaired": .bool(repair.repaired),
                "backup": .optional(repair.backup.isEmpty ? nil : repair.backup),
            ]
            if repair.kept.isEmpty { fields["kept"] = .null } else { fields.set(path: repair.kept, as: "kept") }
            return .object(fields)
        }
        if hasRepairUndo {
            var fields: [String: JSONValue] = [:]
            fields.set(path: repairUndo.kept, as: "kept")
            return .object(fields)
        }
        if hasBackup { return backup.json }
        if hasRestore {
            var fields: [String: JSONValue] = [
                "backup": .string(restore.id), "records": .count(restore.records),
                "unreadable": .count(restore.unreadable), "reencrypted": .bool(restore.reencrypted),
            ]
            fields.set(path: restore.kept, as: "kept")
            return .object(fields)
        }
        if hasRestoreRollback {
            var fields: [String: JSONValue] = [:]
            fields.set(path: restoreRollback.kept, as: "kept")
            return .object(fields)
        }
        guard hasGc else { return .null }
        return .object([
            "pages_freed": .count(gc.pagesFreed), "pages_cut": .count(gc.pagesCut),
            "entries_removed": .count(gc.entriesRemoved), "size_before": .count(gc.bytesBefore),
            "size_after": .count(gc.bytesAfter),
        ])
    }

    /// How far it is, for people.
    var progressText: String {
        if state == .waiting {
            return hasWaitsFor ? "waits for \(LockHolder(waitsFor).title)" : "waits for the lock"
        }
        guard !phase.isEmpty else { return isActive ? "begins" : "-" }
        guard total > 0 else { return phase }
        var text = "\(phase) \(done) of \(total)"
        if hasRate, isActive { text += ", \(Int(rate.rounded())) a second" }
        if hasSecondsLeft, isActive { text += ", \(Style.duration(seconds: secondsLeft)) left" }
        return text
    }

    /// What it has done, or why not, in one line.
    var outcomeText: String {
        if hasVacuum {
            guard vacuum.rewritten else { return "nothing to gain" }
            return "\(Style.size(vacuum.bytesBefore)) -> \(Style.size(vacuum.bytesAfter)), \(vacuum.records) records"
        }
        if hasGc {
            return "\(gc.pagesFreed) pages freed, \(gc.pagesCut) cut off, \(Style.size(gc.bytesBefore)) -> "
                + Style.size(gc.bytesAfter)
        }
        if hasRepair {
            guard repair.repaired else { return "nothing to repair" }
            let facts = repair.facts
            return "\(facts.records) records, \(facts.recoveredCount) recovered, \(facts.lostCount) lost"
        }
        if hasRepairUndo { return "the files from before the repair are back" }
        if hasBackup {
            let sound = backup.facts.hasVerified ? "verified" : backup.facts.stateText
            return "\(backup.facts.id), \(Style.size(backup.facts.bytes)), \(sound)"
        }
        if hasRestore { return "\(restore.records) records of \(restore.id)" }
        if hasRestoreRollback { return "the files from before the restore are back" }
        return hasFailure ? failure.message : isActive ? progressText : "-"
    }

    /// What was put right when the database was opened, for people.
    var recoveryLines: [String] { recovery.map { "put right: \($0.message)" } }

    /// What is said when the verb that began it ends.
    func resultLines(isDetached: Bool, style: Style) -> [String] {
        if isActive {
            return isDetached
                ? ["job \(id) has begun: blazectl jobs show \(id) --follow"] : ["job \(id): \(progressText)"]
        }
        // What was put right is among the warnings.
        return lines(style: style, withRecovery: false) + (hasRepair ? repair.facts.itemLines(style) : [])
    }

    /// Everything about it, for people.
    func lines(style: Style, withRecovery: Bool = true) -> [String] {
        var facts = FactList()
        facts.add("job", "\(id): \(kindText) of \(title)")
        facts.add("state", stateText)
        facts.add("path", FilePath.displayString([UInt8](path)))
        facts.add("begun", "\(Style.time(nanoseconds: started)) by process \(clientPid)")
        if hasEnded { facts.add("ended", Style.time(nanoseconds: ended)) }
        if isActive { facts.add("progress", progressText) }
        addOutcome(to: &facts)
        for step in recovery where withRecovery { facts.add("put right", step.message) }
        if hasFailure {
            facts.add("why", failure.message)
            if !failure.hint.isEmpty { facts.add("hint", failure.hint) }
        }
        return facts.lines(style: style)
    }

    private func addOutcome(to facts: inout FactList) {
        if hasVacuum {
            facts.add("records", "\(vacuum.records)")
            facts.add("size before", Style.size(vacuum.bytesBefore))
            facts.add("size now", Style.size(vacuum.bytesAfter))
            if !vacuum.rewritten { facts.add("gain", "nothing: the database was left as it is") }
            if vacuum.entriesRemoved > 0 {
                facts.add("left out", "\(vacuum.entriesRemoved) entries of deleted records")
            }
            if vacuum.unindexedDropped > 0 {
                facts.add("lost", "\(vacuum.unindexedDropped) records that the index did not have")
            }
        }
        if hasRepair {
            repair.facts.add(to: &facts)
            for step in repair.facts.steps { facts.add("done", step.message) }
            if repair.repaired {
                facts.add("size before", Style.size(repair.bytesBefore))
                facts.add("size now", Style.size(repair.bytesAfter))
                facts.add("old files", FilePath.displayString([UInt8](repair.kept)))
            } else {
                facts.add("repaired", "nothing: the database was left as it is")
            }
        }
        if hasRepairUndo {
            facts.add("back", "the files that \(FilePath.displayString([UInt8](repairUndo.kept))) kept")
        }
        if hasVacuum, !vacuum.backup.isEmpty { facts.add("backup", vacuum.backup) }
        if hasRepair, !repair.backup.isEmpty { facts.add("backup", repair.backup) }
        if hasBackup {
            backup.facts.add(to: &facts)
            for problem in backup.problems { facts.add("damage", problem.line) }
        }
        if hasRestore {
            facts.add("restored", restore.id)
            facts.add("records", "\(restore.records)")
            if restore.unreadable > 0 { facts.add("damaged", "\(restore.unreadable) records, as they were then") }
            if restore.reencrypted { facts.add("encrypted anew", "with the database's present key") }
            facts.add("old files", FilePath.displayString([UInt8](restore.kept)))
        }
        if hasRestoreRollback {
            facts.add("back", "the files that \(FilePath.displayString([UInt8](restoreRollback.kept))) kept")
        }
        if hasGc {
            facts.add("freed", "\(gc.pagesFreed) pages")
            facts.add("cut off", "\(gc.pagesCut) pages")
            if gc.entriesRemoved > 0 { facts.add("left out", "\(gc.entriesRemoved) entries of deleted records") }
            facts.add("size before", Style.size(gc.bytesBefore))
            facts.add("size now", Style.size(gc.bytesAfter))
        }
    }
}
