internal import BlazeModel
internal import BlazePlatform

extension DatabaseReader {
    /// How the pages are used, told from their headers. Nothing is decrypted unless overflow pages stand on no list;
    /// then full main pages are, to tell which of them records reach.
    public func survey() throws(EngineError) -> PageSurvey {
        try scanHeaders(nil, { true }).scan.survey
    }

    /// Everything that can be told without decoding records: files, headers, page lists, free list and WAL. The
    /// metadata's signature has been verified by opening. Beside an owner, the records whose headers look odd are read,
    /// because most of it passes; the WAL, which its owner is at work on, is not.
    ///
    /// Throws `.changedWhileReading` when the files' owner takes longer than 2 s to swap them, and `.interrupted`.
    ///
    /// - Parameter isWanted: asked now and then, from this thread; false ends the check.
    public func quickCheck(while isWanted: () -> Bool = { true }) throws(EngineError) -> CheckReport {
        let look = try standingLook(.all, isWanted)
        return CheckReport(findings: look.findings.findings(judgedBy: ownership), survey: look.scan.survey)
    }

    /// Which records a look tells of by their lists and headers.
    enum RecordScope {
        case all
        /// All but those that are read, and so told of elsewhere.
        case besides(Set<RecordID>)
        case none

        func has(_ id: RecordID) -> Bool {
            switch self {
            case .all: true
            case .besides(let read): !read.contains(id)
            case .none: false
            }
        }
    }

    /// What a look at files, headers, lists, metadata and WAL found.
    struct Look {
        var findings = FindingCollector()
        let scan: HeaderScan
    }

    /// Looks, and once more where damage may be what a process that has come meanwhile is at work on.
    ///
    /// - Parameter reached: the pages that records were read from, where they were.
    func standingLook(
        _ scope: RecordScope, knowing reached: ReachedPages? = nil, hasDamage: Bool = false, _ isWanted: () -> Bool
    ) throws(EngineError) -> Look {
        let first = try look(scope, reached, isWanted)
        // At rest a second look tells nothing new, and at damage it must be certain that this is at rest.
        guard ownership.isQuiet, hasDamage || first.findings.hasDamage, try !isStanding() else { return first }
        return try look(scope, reached, isWanted)
    }

    private func look(
        _ scope: RecordScope, _ known: ReachedPages?, _ isWanted: () -> Bool
    ) throws(EngineError) -> Look {
        var findings = FindingCollector()
        let (status, metadataFile) = try FileSummary.looked(at: files, in: storage)
        findings.add(contentsOf: status)
        let (scan, reached) = try scanHeaders(known, isWanted)
        if case .none = scope {
        } else if ownership.isQuiet {
            checkRecords(scope, scan, &findings)
        } else {
            try checkRecordsAgain(scope, scan, &findings)
        }
        checkLists(scan, reached, &findings)
        checkMetadata(&findings)
        checkMirror(metadataFile, &findings)
        checkWAL(&findings)
        return Look(findings: findings, scan: scan)
    }

    /// How often the headers are counted beside an owner who is at work.
    private static let scans = 4

    /// Beside an owner the headers are counted again when something has changed meanwhile; where that happens each time,
    /// the figures are estimates.
    private func scanHeaders(
        _ known: ReachedPages?, _ isWanted: () -> Bool
    ) throws(EngineError) -> (scan: HeaderScan, reached: Set<UInt32>) {
        var left = Self.scans
        while true {
            left -= 1
            if !ownership.isQuiet {
                try renew()
                try generation.store.renewStatus()
            }
            let before = try generation.stampNow()
            var reached: Set<UInt32> = []
            // Beside a writer what was read is old, so that no page is taken for what it was.
            var scan = try HeaderScan(
                generation.store, metadata, known: ownership.isQuiet ? known ?? ReachedPages() : ReachedPages(),
                mostUnlisted: known == nil ? EngineLimits.unlistedPages : EngineLimits.orphanPages, isWanted: isWanted)
            if let known {
                reached = Set(known.pages.lazy.map(\.page.number).filter { !scan.isListed($0) })
                scan.claim(reached)
            } else if !scan.unlisted.isEmpty, scan.survey.overflow > 0 {
                reached = try ChainReach(metadata, generation.store, scan).pages
                scan.claim(reached)
            }
            if ownership.isQuiet { return (scan, reached) }
            if try generation.stampNow() == before, try generation.hasMetadataFile() { return (scan, reached) }
            if left == 0 {
                scan.markEstimate()
                return (scan, reached)
            }
        }
    }

    private func checkRecords(_ scope: RecordScope, _ scan: HeaderScan, _ findings: inout FindingCollector) {
        for entry in metadata.index.entries where scope.has(entry.id) {
            let list = metadata.index.pages(of: entry)
            guard let first = list.first else {
                findings.add(Finding(.noPages, .damage, record: entry.id, "the index lists no page for the record"))
                continue
            }
            let main = list.first { scan.kind(of: $0).holdsRecord } ?? first
            if main != first { findings.add(.chainOrder(entry.id, main: main)) }
            if let failure = RecordReader.failure(scan.kind(of: main), page: main) {
                findings.add(Finding(failure, record: entry.id))
                continue
            }
            let stale = list.first { $0 != main && scan.kind(of: $0) != .overflow }
            if let stale {
                findings.add(
                    Finding(
                        .stalePageList, .advice, page: stale, record: entry.id,
                        "the index lists page \(stale) for the record, which is no overflow page"))
            }
        }
        if let page = scan.firstUnsupported {
            findings.add(
                .unsupportedPage, .damage, count: Int(clamping: scan.survey.compressed), page: page,
                "\(scan.survey.compressed) pages are of a version that is not read here, page \(page) first")
        }
        for use in sharedPages() where scope.has(use.first) || scope.has(use.second) {
            findings.add(.sharedPage(use.page, use.first, use.second))
        }
    }

    /// The same beside a writer, where headers alone prove nothing: what looks odd is read.
    private func checkRecordsAgain(
        _ scope: RecordScope, _ scan: HeaderScan, _ findings: inout FindingCollector
    ) throws(EngineError) {
        var odd: Set<RecordID> = []
        for entry in metadata.index.entries where scope.has(entry.id) {
            let list = metadata.index.pages(of: entry)
            let isSound =
                list.first.map { scan.kind(of: $0) == .record } ?? false
                && list.dropFirst().allSatisfy { scan.kind(of: $0) == .overflow }
            if !isSound { odd.insert(entry.id) }
        }
        for use in sharedPages() where scope.has(use.first) || scope.has(use.second) {
            odd.formUnion([use.first, use.second])
        }
        var tally = ReadTally()
        let ids = odd.sorted()
        for start in stride(from: 0, to: ids.count, by: EngineLimits.oddRecords) {
            let some = Array(ids[start..<min(start + EngineLimits.oddRecords, ids.count)])
            var outcomes = some.map { id in
                metadata.index.entry(id).map {
                    RecordReader(store: generation.store).outcome(of: $0, in: metadata.index).withoutValues
                } ?? .gone
            }
            try settle(some, &outcomes)
            for (id, outcome) in zip(some, outcomes) {
                tally.note(outcome, id, list: metadata.index.entry(id).map { metadata.index.pages(of: $0) } ?? [])
            }
        }
        try findSharedPages(&tally)
        // Judged once, with all other findings.
        findings.add(contentsOf: tally.report(judgedBy: .free).findings)
    }

    /// The pages that two lists of the index name.
    private func sharedPages() -> [ReadTally.SharedPage] {
        var tally = ReadTally()
        for entry in metadata.index.entries { tally.use(metadata.index.pages(of: entry), entry.id) }
        return tally.sharedPages()
    }
}
