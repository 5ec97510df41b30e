internal import BlazeModel
internal import BlazePlatform

extension DatabaseReader {
    /// Everything that the bytes can tell: what `quickCheck` looks at, every record read as `forEachRecord` does, every page
    /// that no record uses authenticated and searched for records, and the secondary indexes held against the records.
    ///
    /// Uses all cores. Each page in use is decrypted once; memory is some 20 bytes for each of them, the secondary indexes' text,
    /// and a window of records. At rest no page is read twice but overflow pages that no record uses.
    ///
    /// Rethrows what `progress` throws. Throws what `forEachRecord` throws.
    public func fullCheck(progress: (CheckProgress) throws -> Void = { _ in }) throws -> CheckReport {
        var tally = ReadTally()
        var reached = ReachedPages()
        var audit = try IndexAudit(generation, key: key)
        let looked = try read(of: { $0 }, &tally, &reached, &audit, progress)
        reached.sort()
        let records = tally.report(judgedBy: .free)
        let look = try look(.none, knowing: reached, behind: records, progress)
        var findings = look.findings
        findings.add(contentsOf: records.findings)
        audit?.report(to: &findings)
        let candidates = loosePages(look.scan, reached)
        let loose = try LoosePages(candidates, generation.store) { done throws in
            try progress(CheckProgress(.pages, done: done, total: candidates.count))
        }
        var reading = CheckReading(records, reached, looked: looked, of: metadata)
        reading.pages += loose.pagesRead
        reading.unindexed = judge(loose, reached, &findings)
        return CheckReport(
            findings: findings.findings(judgedBy: ownership), survey: look.scan.survey, reading: reading)
    }

    /// What `quickCheck` looks at, and some of the records read, with their entries in secondary indexes. It proves nothing about
    /// the other records.
    ///
    /// Rethrows what `progress` throws. Throws what `forEachRecord` throws.
    ///
    /// - Parameters:
    ///   - percent: how many of a hundred records; over 0, at most 100. Of a database that has any at least one is read.
    ///   - seed: chooses them: the same ones for the same seed.
    public func sampleCheck(
        percent: Double, seed: UInt64, progress: (CheckProgress) throws -> Void = { _ in }
    ) throws -> CheckReport {
        var tally = ReadTally()
        var reached = ReachedPages()
        var audit = try IndexAudit(generation, key: key)
        let sample = RecordSample(percent: percent, seed: seed)
        var read: Set<RecordID> = []
        let choose = { (index: RecordIndex) in
            let part = sample.part(of: index)
            read.formUnion(part.entries.lazy.map(\.id))
            return part
        }
        let looked = try self.read(of: choose, &tally, &reached, &audit, progress)
        reached.sort()
        let records = tally.report(judgedBy: .free)
        let look = try look(.besides(read), behind: records, progress)
        var findings = look.findings
        findings.add(contentsOf: records.findings)
        audit?.report(to: &findings)
        return CheckReport(
            findings: findings.findings(judgedBy: ownership), survey: look.scan.survey,
            reading: CheckReading(records, reached, looked: looked, of: metadata))
    }

    /// Reads records; how many index entries were followed.
    private func read(
        of choice: (RecordIndex) -> RecordIndex, _ tally: inout ReadTally, _ reached: inout ReachedPages,
        _ audit: inout IndexAudit?, _ progress: (CheckProgress) throws -> Void
    ) throws -> Int {
        var done = 0
        var total = 0
        let counting = { (index: RecordIndex) in
            let part = choice(index)
            total = part.count
            return part
        }
        try forEachOutcome(
            of: counting, keepsValues: audit != nil,
            interrupt: { try progress(CheckProgress(.records, done: min(done, total), total: total)) }
        ) { id, outcome, list in
            done += 1
            tally.note(outcome, id, list: list)
            reached.note(outcome, id, list: list)
            if case .read(let found) = outcome, found.id == id { audit?.note(id, found.record) }
        }
        try findSharedPages(&tally)
        return done
    }

    /// `standingLook` behind records that were read; what `progress` throws ends it.
    private func look(
        _ scope: RecordScope, knowing reached: ReachedPages? = nil, behind records: ReadReport,
        _ progress: (CheckProgress) throws -> Void
    ) throws -> Look {
        var failure: (any Error)?
        do {
            let hasDamage = records.findings.contains { $0.severity == .damage }
            return try standingLook(scope, knowing: reached, hasDamage: hasDamage) {
                do {
                    try progress(CheckProgress(.headers))
                } catch {
                    failure = error
                }
                return failure == nil
            }
        } catch {
            throw failure ?? error
        }
    }

    /// Pages with contents that no record was read from, in ascending order: those on no list, and those that stand on a record's
    /// list without being its pages. What stands in a page of the free list is deleted.
    private func loosePages(_ scan: HeaderScan, _ reached: ReachedPages) -> [UInt32] {
        let listed = scan.listed.filter { page in
            let kind = scan.kind(of: page)
            return kind != .empty && kind != .absent && !reached.contains(page) && !reached.unread.contains(page)
                && !scan.isFree(page)
        }
        // A list of an unread record may be wrong as well, so that a whole record in it is not overlooked.
        let unread = reached.unread.filter { scan.kind(of: $0) == .record && !reached.contains($0) && !scan.isFree($0) }
        return (scan.unlisted + listed + unread).sortedOnce()
    }

    /// Tells what stands in pages that no record uses; how many whole records there are that the index does not lead to.
    private func judge(_ loose: LoosePages, _ reached: ReachedPages, _ findings: inout FindingCollector) -> Int {
        for (page, reason) in loose.broken where !reached.unread.contains(page) {
            findings.add(
                Finding(.orphanUnreadable, .advice, page: page, "page \(page) is used by no record, and \(reason)"))
        }
        findings.add(
            .unsupportedPage, .damage, count: loose.unsupported.count, page: loose.unsupported.first,
            "\(loose.unsupported.count) pages that no record uses are of a version that is not read here")
        let index = metadata.index
        var compared = 0
        var unindexed: [RecordID: UInt32] = [:]
        for record in loose.whole {
            let entry = reached.lost.contains(record.id) ? nil : index.entry(record.id)
            if let entry {
                var age = ""
                if compared < EngineLimits.duplicateChecks {
                    compared += 1
                    age = Self.age(
                        of: record, besides: RecordReader(store: generation.store).outcome(of: entry, in: index))
                }
                findings.add(
                    Finding(
                        .duplicateRecord, .advice, page: record.page, record: record.id,
                        "page \(record.page) holds another whole copy of the record\(age)"))
            } else if let first = unindexed[record.id] {
                findings.add(
                    Finding(
                        .duplicateRecord, .advice, page: record.page, record: record.id,
                        "pages \(first) and \(record.page) each hold a whole copy of the record"))
            } else {
                unindexed[record.id] = record.page
                findings.add(
                    Finding(
                        .unindexedRecord, .damage, page: record.page, record: record.id,
                        index.contains(record.id)
                            ? "page \(record.page) holds the record whole, and its index entry does not lead there"
                            : "page \(record.page) holds a whole record that the index does not have"))
            }
        }
        return unindexed.count
    }

    private static func age(of copy: LoosePages.Whole, besides indexed: RecordOutcome) -> String {
        guard case .read(let found) = indexed, let own = found.record.updated, let other = copy.updated else {
            return ""
        }
        return other > own ? ", changed later than the indexed one" : other < own ? ", an older one" : ""
    }
}

extension CheckReading {
    fileprivate init(_ records: ReadReport, _ reached: ReachedPages, looked: Int, of metadata: Metadata) {
        indexed = metadata.recordCount
        self.looked = looked
        readable = records.readable
        hidden = records.hidden
        deleted = records.deleted
        unreadable = records.unreadable
        unstable = records.unstable
        pages = UInt64(reached.pages.count)
        bytes = reached.bytes
    }
}
