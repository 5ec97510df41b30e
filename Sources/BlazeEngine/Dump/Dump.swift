public import BlazeModel
internal import BlazePlatform
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Writes all records of a database as one stream of bytes, record by record, beside whoever owns it.
public enum Dump {
    /// The forms of a dump.
    public enum Form: Sendable, Hashable {
        /// Ours, which keeps everything (Protocol/dump.md 3).
        case lossless
        /// BlazeDB's `.blazedump` (FORMAT.md 7.7), which keeps no types.
        case blazedump
    }

    /// What a dump tells of itself.
    public struct Title: Sendable, Hashable {
        /// The database's name.
        public var name: String
        /// Which database it is, where that is known.
        public var identity: DatabaseID?
        /// What made the dump, and of which version.
        public var tool: String

        /// A title.
        public init(name: String, identity: DatabaseID?, tool: String) {
            self.name = name
            self.identity = identity
            self.tool = tool
        }
    }

    /// What was written.
    public struct Report: Sendable {
        /// Records that were written, hidden ones included.
        public internal(set) var records: UInt64 = 0
        /// Indexed records that are deleted.
        public internal(set) var deleted: UInt64 = 0
        /// Records that cannot be read and were left out, the first of them by id.
        public internal(set) var unreadable: [RecordID] = []
        /// How many cannot be read.
        public internal(set) var unreadableCount: UInt64 = 0
        /// Records that another process kept changing, and that were left out.
        public internal(set) var unstable: UInt64 = 0
        /// Whether a process had the database open: each record is as it stood at one moment, not all at the same.
        public internal(set) var isLive = false
        /// What was found, the gravest first.
        public internal(set) var findings: [Finding] = []
        /// What the form does not keep; empty for a lossless one.
        public internal(set) var losses: [LossCount] = []
    }

    /// Writes a dump.
    ///
    /// - Parameters:
    ///   - skipsUnreadable: leaves out what cannot be read, and tells it, instead of ending.
    ///   - progress: called now and then; what it throws ends the dump.
    ///   - sink: takes the bytes in order, some ten KiB at a time.
    /// - Throws: `.damaged` at a record that cannot be read; `.changedWhileReading` at one that another process keeps changing,
    ///   or where a `.blazedump`, for which all records are read twice, found others the second time; `.notRepresentable`;
    ///   what reading and `sink` throw. What was written until then is no dump.
    public static func write(
        _ reader: DatabaseReader, as form: Form, title: Title, skipsUnreadable: Bool = false,
        progress: (MaintenanceProgress) throws -> Void = { _ in }, sink: ([UInt8]) throws -> Void
    ) throws -> Report {
        switch form {
        case .lossless:
            return try LosslessWriter.write(reader, title, skipsUnreadable, progress, sink)
        case .blazedump:
            return try BlazeDumpWriter.write(reader, title, skipsUnreadable, progress, sink)
        }
    }
}

/// Hands out the records of a dump, and what becomes of those that cannot be read.
struct DumpSurvey {
    let skipsUnreadable: Bool
    private(set) var report = Dump.Report()
    private var tally = ReadTally()

    init(skipsUnreadable: Bool) { self.skipsUnreadable = skipsUnreadable }

    mutating func read(
        _ reader: DatabaseReader, keepsBytes: Bool, _ progress: (MaintenanceProgress) throws -> Void,
        _ body: (RecordID, FoundRecord) throws -> Void
    ) throws {
        let total = reader.metadata.recordCount
        var done = 0
        try reader.forEachOutcome(
            keepsBytes: keepsBytes, keepsValues: !keepsBytes,
            interrupt: { try progress(MaintenanceProgress(.reading, done: done, total: total)) }
        ) { id, outcome, list in
            done += 1
            tally.note(outcome, id, list: list)
            switch outcome {
            case .read(let found) where found.id == id:
                report.records += 1
                try body(id, found)
            case .gone: report.deleted += 1
            case .absent(let absence) where absence.failure.severity == .advice: report.deleted += 1
            case .unstable(let page):
                guard skipsUnreadable else {
                    throw EngineError(
                        .changedWhileReading, "record \(id) kept changing while it was read", hint: "try again",
                        path: reader.files.data, page: page)
                }
                report.unstable += 1
            case .read, .absent, .noPages:
                guard skipsUnreadable else {
                    throw EngineError(
                        .damaged, "record \(id) cannot be read",
                        hint: "blazectl check tells more; --skip-unreadable dumps the rest", path: reader.files.data,
                        page: outcome.page)
                }
                report.unreadableCount += 1
                if report.unreadable.count < EngineLimits.leftOutRecords { report.unreadable.append(id) }
            }
        }
    }

    /// The report, once everything was read.
    mutating func finish(_ reader: DatabaseReader) throws(EngineError) -> Dump.Report {
        try reader.findSharedPages(&tally)
        report.isLive = reader.ownership.isOwned
        report.findings = tally.report(judgedBy: reader.ownership).findings
        return report
    }
}

/// Collects bytes and hands them on in pieces.
struct PieceBuffer {
    private static let piece = 64 << 10
    private(set) var bytes: [UInt8] = []

    /// Lets `body` append, and hands on what has become a piece.
    mutating func append(_ sink: ([UInt8]) throws -> Void, _ body: (inout [UInt8]) throws -> Void) throws {
        try body(&bytes)
        if bytes.count >= Self.piece { try flush(sink) }
    }

    mutating func flush(_ sink: ([UInt8]) throws -> Void) throws {
        guard !bytes.isEmpty else { return }
        try sink(bytes)
        bytes.removeAll(keepingCapacity: true)
    }
}
