internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

extension WireRepairItem {
    var json: JSONValue {
        .object([
            "id": .optional(id.isEmpty ? nil : id), "page": hasPage ? .integer(Int64(page)) : .null,
            "reason": .string(reason),
        ])
    }

    /// One line for people.
    func line(_ style: Style) -> String { "  \(id.isEmpty ? "a record whose id nothing tells" : id): \(reason)" }
}

extension WireRepairFacts {
    var json: JSONValue {
        func list(_ items: [WireRepairItem], _ count: UInt64) -> JSONValue {
            .object(["count": .count(count), "records": .array(items.map(\.json))])
        }
        return .object([
            "needed": .bool(needed), "records": .count(records),
            "findings": findings.map(\.finding).worstFirst.json,
            "steps": .array(steps.map { .object(["kind": .string($0.kind), "message": .string($0.message)]) }),
            "recovered": list(recovered, recoveredCount), "lost": list(lost, lostCount),
            "duplicates": list(duplicates, duplicatesCount), "rolled_back": list(rolledBack, rolledBackCount),
            "deleted_entries": .count(deletedCount), "size_before": .count(bytesBefore),
            "size_after": .count(bytesAfter),
            "disk": .object([
                "needed": .count(diskNeeded), "available": .optional(hasDiskAvailable ? diskAvailable : nil),
            ]),
        ])
    }

    /// That the disk has too little room; nil where it has enough.
    func shortage(title: String) -> CommandFailure? {
        guard hasDiskAvailable, diskAvailable < diskNeeded else { return nil }
        return CommandFailure(
            .insufficient, "insufficient",
            "repairing \(title) takes \(Style.size(diskNeeded)) of disk, and \(Style.size(diskAvailable)) are left",
            hint: "make room on its file system")
    }

    /// The plan, for people.
    func lines(title: String, style: Style) -> [String] {
        var facts = FactList()
        facts.add("database", title)
        add(to: &facts)
        facts.add("size now", Style.size(bytesBefore))
        facts.add("size then", Style.size(bytesAfter))
        if diskNeeded > 0 {
            facts.add(
                "disk needed",
                Style.size(diskNeeded) + (hasDiskAvailable ? " of \(Style.size(diskAvailable)) that are free" : ""))
        }
        return findings.map(\.finding).worstFirst.lines(style: style) + facts.lines(style: style)
            + steps.map { "- \($0.message)" } + itemLines(style)
    }

    /// How many records there are of what kind.
    func add(to facts: inout FactList) {
        facts.add("records", "\(records)")
        if recoveredCount > 0 { facts.add("recovered", "\(recoveredCount)") }
        if lostCount > 0 { facts.add("lost", "\(lostCount)") }
        if duplicatesCount > 0 { facts.add("copies", "\(duplicatesCount)") }
        if rolledBackCount > 0 { facts.add("rolled back", "\(rolledBackCount)") }
        if deletedCount > 0 { facts.add("left out", "\(deletedCount) entries of deleted records") }
    }

    /// Every record that something is told of.
    func itemLines(_ style: Style) -> [String] {
        func lines(_ title: String, _ items: [WireRepairItem], _ count: UInt64) -> [String] {
            guard count > 0 else { return [] }
            let more = count - UInt64(items.count)
            return ["\(title):"] + items.map { $0.line(style) }
                + (more > 0
                    ? ["  and \(more) more: repair.json in the directory that keeps the old files has all"] : [])
        }
        return lines("recovered", recovered, recoveredCount) + lines("lost", lost, lostCount)
            + lines("more than one copy", duplicates, duplicatesCount)
            + lines("rolled back with the transaction", rolledBack, rolledBackCount)
    }
}
