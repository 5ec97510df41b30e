internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireBackupFacts {
    var methodText: String {
        switch method {
        case .exact: "exact"
        case .live: "live"
        case .raw: "raw"
        default: "unknown"
        }
    }

    /// Which database it is of, as people know it.
    var databaseText: String { hasAlias ? alias : source }

    /// `verified`, `not verified`, or why there is nothing to say.
    var stateText: String {
        if !problem.isEmpty { return "damaged" }
        if hasVerified { return "verified" }
        return hasUnreadable && unreadable > 0 ? "damaged records" : "not verified"
    }

    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "id": .string(id), "problem": .optional(problem.isEmpty ? nil : problem),
            "database_id": .optional(databaseID.isEmpty ? nil : databaseID),
            "alias": .optional(hasAlias ? alias : nil), "source": .optional(source.isEmpty ? nil : source),
            "taken": .optional(taken == 0 ? nil : Style.time(nanoseconds: taken)),
            "method": .optional(problem.isEmpty ? methodText : nil), "tag": .optional(tag.isEmpty ? nil : tag),
            "records": .optional(hasRecords ? records : nil), "unreadable": .optional(hasUnreadable ? unreadable : nil),
            "size": .count(bytes), "verified": .optional(hasVerified ? Style.time(nanoseconds: verified) : nil),
            "format_version": .optional(formatVersion.isEmpty ? nil : formatVersion),
            "schema_hash": .optional(schema.isEmpty ? nil : schema), "steps": .strings(steps),
            "files": .array(
                files.map { file in
                    var fields: [String: JSONValue] = ["size": .count(file.bytes), "blake2b": .string(file.blake2B)]
                    fields.set(path: file.name, as: "name")
                    return .object(fields)
                }),
        ]
        fields.set(path: directory, as: "directory")
        return .object(fields)
    }

    func add(to facts: inout FactList) {
        facts.add("backup", id)
        if !problem.isEmpty {
            facts.add("problem", problem)
        } else {
            facts.add("of", databaseText)
            facts.add("taken", "\(Style.time(nanoseconds: taken)), \(methodText)")
            if !tag.isEmpty { facts.add("tag", tag) }
            if hasRecords { facts.add("records", "\(records)") }
            if hasUnreadable, unreadable > 0 { facts.add("damaged", "\(unreadable) records, as they were then") }
            facts.add("size", Style.size(bytes))
            facts.add("state", hasVerified ? "verified \(Style.time(nanoseconds: verified))" : stateText)
            for step in steps { facts.add("put right", step) }
        }
        facts.add("directory", FilePath.displayString([UInt8](directory)))
    }
}

extension WireBackupProblem {
    var json: JSONValue { .object(["file": .string(file), "message": .string(message)]) }
    var line: String { "\(file): \(message)" }
}

extension WireBackupOutcome {
    var json: JSONValue {
        .object(["backup": facts.json, "problems": .array(problems.map(\.json))])
    }
}
