internal import BlazeModel
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Why a record cannot be read, as the finding that it will be.
struct RecordFailure: Error {
    let name: Finding.Name
    let severity: Finding.Severity
    let page: UInt32
    /// What is wrong with the page, as the end of a sentence.
    let reason: String
    /// What the page is, where that alone is what is wrong.
    let kind: PageKind?

    init(
        _ name: Finding.Name, _ severity: Finding.Severity = .damage, page: UInt32, _ reason: String,
        kind: PageKind? = nil
    ) {
        self.name = name
        self.severity = severity
        self.page = page
        self.reason = reason
        self.kind = kind
    }
}

/// A record's bytes, whole and checked, and the pages that they came from.
struct StoredRecord {
    var bytes: Data
    /// The main page, then the overflow pages in chain order.
    var chain: [UInt32]
    var isOldForm = false
    var isPlain = false
}

/// Gathers a record from its pages, with every check of FORMAT.md 3.1.
struct RecordReader {
    let store: PageStore
    /// Whether found records come with their bytes as stored.
    var keepsBytes = false

    /// The record whose main page this is.
    func record(main: UInt32) throws(RecordFailure) -> StoredRecord {
        let (plaintext, isPlain) = try mainPage(main)
        var record: StoredRecord
        if let reference = plaintext.withUnsafeBytes({ OverflowReference(plaintext: $0) }) {
            record = try follow(reference, from: main, head: plaintext)
        } else {
            record = oldForm(main: main, head: plaintext) ?? StoredRecord(bytes: plaintext, chain: [main])
        }
        record.isPlain = isPlain
        return record
    }

    /// What a record page of this kind cannot hold a readable record for; nil for the kinds that can.
    static func failure(_ kind: PageKind, page: UInt32) -> RecordFailure? {
        func failure(_ name: Finding.Name, _ reason: String, _ severity: Finding.Severity = .damage) -> RecordFailure {
            RecordFailure(name, severity, page: page, reason, kind: kind)
        }
        switch kind {
        case .record, .plain: return nil
        case .absent: return failure(.phantom, "is behind the end of the file")
        case .empty: return failure(.phantom, "is zero: the record was deleted, and the index not saved since", .advice)
        case .compressed, .unknownVersion: return failure(.unsupportedPage, "is of a version that is not read here")
        case .overflow, .unrecognized: return failure(.unreadable, "is no record page")
        }
    }

    private func mainPage(_ number: UInt32) throws(RecordFailure) -> (plaintext: Data, isPlain: Bool) {
        let (view, kind) = try page(number)
        if let failure = Self.failure(kind, page: number) { throw failure }
        let isPlain = kind == .plain
        guard view.recordLength <= (isPlain ? PageView.plainCapacity : PageView.recordCapacity) else {
            throw RecordFailure(.unreadable, page: number, "claims to hold more than a page can")
        }
        if isPlain { return (Data(view.slice(9, Int(view.recordLength))), true) }
        guard let plaintext = store.cipher.openRecord(view) else {
            throw RecordFailure(.unreadable, page: number, "does not authenticate")
        }
        return (plaintext, false)
    }

    private func page(_ number: UInt32) throws(RecordFailure) -> (view: PageView, kind: PageKind) {
        do {
            return try store.page(number)
        } catch {
            throw RecordFailure(.readError, page: number, "could not be read from the disk")
        }
    }

    private func overflowPage(_ number: UInt32) throws(RecordFailure) -> (piece: Data, next: UInt32) {
        let (view, kind) = try page(number)
        guard kind == .overflow else {
            throw RecordFailure(.unreadable, page: number, "is in a chain and is no overflow page")
        }
        let next = view.nextPage
        guard view.overflowLength <= PageView.overflowCapacity else {
            throw RecordFailure(.unreadable, page: number, "claims to hold more than a page can")
        }
        guard let piece = store.cipher.openOverflow(view) else {
            throw RecordFailure(.unreadable, page: number, "is in a chain and does not authenticate")
        }
        return (piece, next)
    }

    /// `next` and the lengths are outside the authenticated data, so the reference, which is inside, bounds the walk.
    private func follow(
        _ reference: OverflowReference, from main: UInt32, head: Data
    ) throws(RecordFailure) -> StoredRecord {
        func failure(_ reason: String) -> RecordFailure { RecordFailure(.unreadable, page: main, reason) }
        guard reference.isCommitted else { throw failure("has an overflow reference that was never committed") }
        guard reference.first != 0 else { throw failure("has an overflow chain that starts at page 0") }
        guard reference.pages <= EngineLimits.chainPages else {
            throw failure("has more than \(EngineLimits.chainPages) overflow pages, which BlazeDB cannot read either")
        }
        guard reference.totalBytes <= OverflowReference.longestRecord else {
            throw failure("has an overflow reference that claims an impossible length")
        }
        var record = StoredRecord(bytes: Data(capacity: Int(reference.totalBytes)), chain: [main])
        record.bytes.append(head.prefix(OverflowReference.mainPlaintext - OverflowReference.byteCount))
        var visited: Set<UInt32> = [main]
        var next = reference.first
        while next != 0 {
            guard visited.insert(next).inserted else { throw failure("has an overflow chain that loops") }
            guard record.chain.count <= reference.pages else {
                throw failure("has an overflow chain longer than its reference says")
            }
            record.chain.append(next)
            let piece: Data
            (piece, next) = try overflowPage(next)
            record.bytes.append(piece)
        }
        guard record.chain.count - 1 == Int(reference.pages) else {
            throw failure("has an overflow chain shorter than its reference says")
        }
        guard UInt64(record.bytes.count) == reference.totalBytes else {
            throw failure("has an overflow chain of another length than its reference says")
        }
        guard record.bytes.withUnsafeBytes({ Checksum.fnv1a64($0) }) == reference.checksum else {
            throw failure("has an overflow chain with a wrong checksum")
        }
        return record
    }

    /// The form before 2.7.1: a full main page that ends in a bare page number, without count or checksum. Taken as
    /// one only if the page alone is no record, the number names an overflow page, and the whole is a record.
    private func oldForm(main: UInt32, head: Data) -> StoredRecord? {
        guard let first = head.withUnsafeBytes({ OverflowReference.oldPointer(plaintext: $0) }), first != main,
            let (_, kind) = try? page(first), kind == .overflow, !Self.isRecord(head)
        else { return nil }
        var record = StoredRecord(bytes: head.dropLast(4), chain: [main], isOldForm: true)
        var visited: Set<UInt32> = [main]
        var next = first
        while next != 0 {
            guard visited.insert(next).inserted, record.chain.count <= EngineLimits.chainPages,
                let (piece, following) = try? overflowPage(next)
            else { return nil }
            record.chain.append(next)
            record.bytes.append(piece)
            next = following
        }
        return Self.isRecord(record.bytes) ? record : nil
    }

    private static func isRecord(_ bytes: Data) -> Bool {
        bytes.withUnsafeBytes { (try? RecordCodec.decodeNoting($0)) != nil }
    }
}
