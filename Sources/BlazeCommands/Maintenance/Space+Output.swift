internal import BlazeClient
internal import BlazeModel

extension WireSpaceFacts {
    /// Bytes that a vacuum gives back.
    var gain: UInt64 { now > afterwards ? now - afterwards : 0 }
    private var now: UInt64 { dataBytes &+ metadataBytes }
    private var afterwards: UInt64 { vacuumedDataBytes &+ vacuumedMetadataBytes }
    /// Pages that a garbage collection puts on the free list or cuts off.
    var isCollectable: Bool { garbagePages > 0 || deletedEntries > 0 || tailPages > 0 }
    private var garbagePages: UInt64 { leakedPages &+ (orphanPages > keptPages ? orphanPages - keptPages : 0) }
    private var findings: [Finding] { obstacles.map(\.finding).worstFirst }

    var json: JSONValue {
        .object([
            "records": .count(records),
            "pages": .object([
                "total": .count(totalPages), "live": .count(livePages), "free": .count(freePages),
                "leaked": .count(leakedPages), "orphan": .count(orphanPages), "kept": .count(keptPages),
                "tail": .count(tailPages),
            ]),
            "unindexed_records": .count(unindexedRecords), "deleted_entries": .count(deletedEntries),
            "size": .count(now), "data_size": .count(dataBytes), "metadata_size": .count(metadataBytes),
            "vacuumed_size": .count(afterwards), "gain": .count(gain),
            "disk": .object([
                "needed": .count(diskNeeded), "available": .optional(hasDiskAvailable ? diskAvailable : nil),
            ]),
            "memory": .object([
                "needed": .count(memoryNeeded), "available": .optional(hasMemoryAvailable ? memoryAvailable : nil),
            ]),
            "obstacles": findings.json,
        ])
    }

    /// What a vacuum would do, for people.
    func vacuumLines(title: String, style: Style) -> [String] {
        var facts = FactList()
        facts.add("database", title)
        facts.add("records", "\(records)")
        facts.add("size now", Style.size(now))
        facts.add("size then", Style.size(afterwards))
        facts.add("gain", gain == 0 ? "nothing" : "\(Style.size(gain)) (\(percent(gain, of: now)))")
        if deletedEntries > 0 { facts.add("left out", "\(deletedEntries) entries of deleted records") }
        if unindexedRecords > 0 {
            facts.add("would be lost", "\(unindexedRecords) records that the index does not have (--drop-unindexed)")
        }
        facts.add("disk needed", amount(diskNeeded, of: hasDiskAvailable ? diskAvailable : nil))
        facts.add("memory needed", amount(memoryNeeded, of: hasMemoryAvailable ? memoryAvailable : nil))
        return facts.lines(style: style) + obstacleLines(style)
    }

    /// What a garbage collection would do, for people.
    func collectionLines(title: String, style: Style) -> [String] {
        var facts = FactList()
        facts.add("database", title)
        facts.add("records", "\(records)")
        facts.add("pages", "\(totalPages): \(livePages) in use, \(freePages) free")
        facts.add("garbage", "\(garbagePages) pages (\(percent(garbagePages, of: totalPages)))")
        if keptPages > 0 {
            facts.add("kept", "\(keptPages) pages with \(unindexedRecords) records that the index does not have")
        }
        if deletedEntries > 0 { facts.add("left out", "\(deletedEntries) entries of deleted records") }
        facts.add("cut off", "\(tailPages) pages at the end")
        facts.add("vacuum gains", gain == 0 ? "nothing" : Style.size(gain))
        return facts.lines(style: style) + obstacleLines(style)
    }

    private func obstacleLines(_ style: Style) -> [String] {
        obstacles.isEmpty ? [] : ["gc and vacuum leave this database alone because of:"] + findings.lines(style: style)
    }

    private func percent(_ part: UInt64, of whole: UInt64) -> String {
        whole == 0 ? "0 %" : "\(Int((Double(part) / Double(whole) * 100).rounded())) %"
    }

    private func amount(_ needed: UInt64, of available: UInt64?) -> String {
        "\(Style.size(needed)), \(available.map { "\(Style.size($0)) available" } ?? "what is available is unknown")"
    }

    /// Why the database is left alone; nil when nothing stands in the way.
    func refusal(title: String, dropsUnindexed: Bool) -> CommandFailure? {
        if let first = findings.first {
            let more = findings.count > 1 ? ", and \(findings.count - 1) more" : ""
            return CommandFailure(
                .damage, "damaged", "\(title) is left as it is: [\(first.name)] \(first.message)\(more)",
                hint: "blazectl check --quick tells more", target: title)
        }
        guard unindexedRecords > 0, !dropsUnindexed else { return nil }
        return CommandFailure(
            .damage, "unindexed-records",
            "\(unindexedRecords) records of \(title) stand in pages that its index does not have: a vacuum would lose them",
            hint: "blazectl check --quick tells more; --drop-unindexed does without them", target: title)
    }

    /// That disk or memory do not suffice for a vacuum; nil when they do.
    func shortage(title: String) -> CommandFailure? {
        for (what, needed, available) in [
            ("disk space", diskNeeded, hasDiskAvailable ? diskAvailable : nil),
            ("memory", memoryNeeded, hasMemoryAvailable ? memoryAvailable : nil),
        ] {
            guard let available, available < needed else { continue }
            return CommandFailure(
                .insufficient, "insufficient",
                "a vacuum of \(title) needs \(needed) bytes of \(what), and there are \(available)",
                hint: "make room and run it again; blazectl gc run needs much less", target: title)
        }
        return nil
    }
}
