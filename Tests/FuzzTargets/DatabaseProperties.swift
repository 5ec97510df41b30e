import BlazeEngine
import BlazeModel
import BlazePlatform
import FormatWriter
import TestSupport

/// Opens, reads and checks a database in every way, and holds what it is told against itself.
enum DatabaseProperties {
    static func check(_ image: DatabaseImage) throws(Violation) {
        let storage = image.storage()
        let files = DatabaseImage.files
        if let summary = try answer({ () throws(EngineError) in try FileSummary.read(files, in: storage) }) {
            try require((summary.recordCount ?? 0) >= 0, "a negative record count")
        }
        guard
            let reader = try answer({ () throws(EngineError) in
                try DatabaseReader(files, in: storage, key: DatabaseImage.key)
            })
        else { return }
        guard let wal = reader.wal else { throw Violation("the WAL of a database at rest was not read") }
        try require(wal.skippedBytes <= wal.size, "the WAL has more skipped bytes than bytes")
        try require(wal.tailBytes <= wal.skippedBytes, "the WAL's tail is longer than what was skipped")
        try require(wal.unifiedEntries <= wal.entries, "more unified entries than entries")
        try require(wal.hiddenEntries <= wal.entries, "more hidden entries than entries")
        try readRecords(reader)
        try checkPages(reader)
    }

    /// What a call gives; nil when it is refused, for any reason but one that cannot be.
    private static func answer<T>(_ call: () throws(EngineError) -> T) throws(Violation) -> T? {
        do throws(EngineError) {
            return try call()
        } catch {
            try require(error.code != .changedWhileReading, "files in memory changed while they were read")
            return nil
        }
    }

    private static func readRecords(_ reader: DatabaseReader) throws(Violation) {
        var handedOut: [(id: RecordID, record: Record)] = []
        let report: ReadReport
        do {
            report = try reader.forEachRecord { handedOut.append(($0, $1)) }
        } catch {
            throw Violation("reading ended with \(error)")
        }
        let ids = handedOut.map(\.id)
        try require(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }, "records do not come in ascending order of ids")
        try require(report.readable == handedOut.count, "the count of readable records is wrong")
        try require(report.visible + report.hidden == report.readable, "visible and hidden are not all")
        try require(report.byKind.values.reduce(0, +) == report.readable, "the kinds are not all")
        try require(
            report.readable + report.deleted + report.unreadable == reader.metadata.recordCount,
            "records are lost between the index and the report")
        try require(report.unstable == 0, "a record of files in memory is unstable")
        for (id, record) in handedOut {
            try RecordProperties.check(record)
            let single = try answer { () throws(EngineError) in try reader.record(id) }
            guard let single = single ?? nil else {
                try require(record.id != id, "a record of the whole read cannot be read by its id")
                continue
            }
            try require(
                RecordWriter.bytes(single) == RecordWriter.bytes(record), "a record read by its id is another one")
        }
    }

    /// What a full check and a sample of everything say agrees with the quick one.
    private static func checkAll(_ reader: DatabaseReader, quick: CheckReport) throws(Violation) {
        for depth in ["full", "sample"] {
            let check: CheckReport
            do {
                check =
                    try depth == "full" ? reader.fullCheck() : reader.sampleCheck(percent: 100, seed: 1)
            } catch {
                throw Violation("the \(depth) check of an open database ended with \(error)")
            }
            try require(check.survey.total == quick.survey.total, "the \(depth) check counts other pages")
            try require(
                check.findings.allSatisfy { $0.count > 0 && !$0.message.isEmpty }, "a finding without a count or a text"
            )
            guard let reading = check.reading else { throw Violation("the \(depth) check has read nothing") }
            try require(
                reading.readable + reading.deleted + reading.unreadable == reading.indexed,
                "the \(depth) check lost records between the index and the report")
        }
    }

    private static func checkPages(_ reader: DatabaseReader) throws(Violation) {
        guard let check = try answer({ () throws(EngineError) in try reader.quickCheck() }) else {
            throw Violation("the quick check of an open database is refused")
        }
        try checkAll(reader, quick: check)
        let survey = check.survey
        // Between the data file's end and a page that only the WAL has, pages are of no kind.
        let ofAKind =
            survey.record + survey.plain + survey.compressed + survey.overflow + survey.empty + survey.unrecognized
        let mayHaveGap = (reader.wal?.counting.count ?? 0) > 0
        try require(
            mayHaveGap ? ofAKind <= survey.total : ofAKind == survey.total, "the pages by kind are not all pages")
        try require(
            check.findings.allSatisfy { $0.count > 0 && !$0.message.isEmpty }, "a finding without a count or a text")
    }
}
