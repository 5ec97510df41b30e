internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol

/// check: what is wrong with a database.
enum CheckHandler {
    static func check(_ request: WireCheckRequest, secret: inout SecretBytes?, _ call: Call) throws -> WireCheckReply {
        let depth = try Depth(request)
        let state = call.state
        let access = try DatabaseAccess(request.tier, wait: request.wait, for: .check)
        guard depth == .quick || access.tier != .file else {
            throw Fault(.invalidRequest, "records cannot be read in tier file")
        }
        let database = try LocatedDatabase(request.target, state: state)
        var summary = try FileSummary.read(database.files, in: state.storage)
        // Metadata that cannot be read is what the check is to tell, not a reason to fail.
        if summary.metadataProblem == nil, summary.status.data != nil {
            let iterations = request.hasKdfIterations ? request.kdfIterations : nil
            let opened =
                try depth == .quick
                ? OpenDatabase.openIfPossible(database, secret: &secret, iterations: iterations, access: access, call)
                : OpenDatabase.open(database, secret: &secret, iterations: iterations, access: access, call)
            if let opened { return try reply(opened, database, depth, &summary, call) }
        }
        // Without metadata there is nothing to read under a lock, but the lock tells that nobody has it open.
        var reply = WireCheckReply()
        let lease = try access.lease(database, call)
        if lease != nil { summary = try FileSummary.read(database.files, in: state.storage, ownership: .leased) }
        reply.row = DatabaseRows.row(for: database, summary: summary, state)
        reply.tier = lease == nil ? .file : .lease
        reply.findings = summary.findings.map(WireFinding.init)
        let why =
            summary.metadataProblem != nil
            ? "the metadata cannot be read"
            : access.tier == .file
                ? "only stat was asked for"
                : summary.status.data == nil ? "the data file is moved aside" : "the database is locked"
        reply.warnings = [why + ": its signature was not verified, and no page was read"]
        return reply
    }

    private static func reply(
        _ opened: OpenDatabase, _ database: LocatedDatabase, _ depth: Depth, _ summary: inout FileSummary, _ call: Call
    ) throws -> WireCheckReply {
        let state = call.state
        var reply = WireCheckReply()
        if opened.lease != nil {
            summary = try FileSummary.read(database.files, in: state.storage, ownership: .leased)
        }
        reply.tier = opened.tier
        let report = try withExtendedLifetime(opened.lease) {
            do {
                return try run(depth, opened, call)
            } catch {
                // Why it was ended is told rather than that it was.
                try opened.check()
                throw error
            }
        }
        try opened.check()
        reply.findings = report.findings.map(WireFinding.init)
        if let reading = report.reading {
            reply.reading = WireCheckReading(reading)
            if case .sample(_, let seed) = depth {
                reply.warnings = [
                    "\(reading.looked) of \(reading.indexed) records were read (seed \(seed)): "
                        + "a sample proves nothing about the rest"
                ]
            }
        }
        reply.row = DatabaseRows.row(for: database, summary: summary, state)
        reply.row.ownership = WireOwnership(opened.reader.ownership, of: state)
        return reply
    }

    private static func run(_ depth: Depth, _ opened: OpenDatabase, _ call: Call) throws -> CheckReport {
        var pace = Pace()
        let progress = { (progress: CheckProgress) in
            try opened.check()
            guard pace.isDue() else { return }
            var part = WireCheckPart()
            part.phase = progress.phase.rawValue
            part.done = UInt64(clamping: progress.done)
            part.total = UInt64(clamping: progress.total)
            try call.responder.part(part, within: opened.lease == nil ? nil : DatabaseAccess.clientLimit)
        }
        return switch depth {
        case .quick: try opened.reader.quickCheck(while: { opened.isWanted })
        case .full: try opened.reader.fullCheck(progress: progress)
        case .sample(let percent, let seed):
            try opened.reader.sampleCheck(percent: percent, seed: seed, progress: progress)
        }
    }

    /// How much is read.
    private enum Depth: Equatable {
        case quick
        case full
        case sample(percent: Double, seed: UInt64)

        init(_ request: WireCheckRequest) throws {
            guard request.depth == .sample || !(request.hasSamplePercent || request.hasSeed) else {
                throw Fault(.invalidRequest, "only a sample takes a percentage and a seed")
            }
            switch request.depth {
            case .quick: self = .quick
            case .full: self = .full
            case .sample:
                guard request.hasSamplePercent, request.hasSeed, request.samplePercent > 0, request.samplePercent <= 100
                else { throw Fault(.invalidRequest, "a sample needs a seed, and a percentage over 0 and at most 100") }
                self = .sample(percent: request.samplePercent, seed: request.seed)
            case .unspecified, .UNRECOGNIZED:
                throw Fault(.invalidRequest, "a check needs a depth: quick, full or sample")
            }
        }
    }
}

/// Lets a few parts a second through.
private struct Pace {
    private static let pause: Duration = .milliseconds(200)
    private var last: ContinuousClock.Instant?

    mutating func isDue() -> Bool {
        let now = ContinuousClock.now
        if let last, now - last < Self.pause { return false }
        last = now
        return true
    }
}

extension WireCheckReading {
    fileprivate init(_ reading: CheckReading) {
        self.init()
        indexed = UInt64(clamping: reading.indexed)
        looked = UInt64(clamping: reading.looked)
        readable = UInt64(clamping: reading.readable)
        hidden = UInt64(clamping: reading.hidden)
        deleted = UInt64(clamping: reading.deleted)
        unreadable = UInt64(clamping: reading.unreadable)
        unstable = UInt64(clamping: reading.unstable)
        unindexed = UInt64(clamping: reading.unindexed)
        pages = reading.pages
        bytes = reading.bytes
    }
}
