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
    /// Whether the page's tag, or a length that it covers, does not fit.
    var isUnauthentic = false

    init(
        _ name: Finding.Name, _ severity: Finding.Severity = .damage, page: UInt32, _ reason: String,
        kind: PageKind? = nil, isUnauthentic: Bool = false
    ) {
        self.name = name
        self.severity = severity
        self.page = page
        self.reason = reason
        self.kind = kind
        self.isUnauthentic = isUnauthentic
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
    let keepsBytes: Bool
    /// Whether found records come with their fields.
    let keepsValues: Bool
    /// Where pages are decrypted, one after the other.
    private let scratch = PageBuffer(pages: 1)

    init(store: PageStore, keepsBytes: Bool = false, keepsValues: Bool = true) {
        self.store = store
        self.keepsBytes = keepsBytes
        self.keepsValues = keepsValues
    }

    /// A record where it was gathered, whole and checked; good until the reader gathers another one.
    struct Gathered {
        /// The bytes of a record with overflow pages; nil for one whose main page holds all of it.
        fileprivate(set) var long: Data?
        /// The main page's plaintext; not of use where there is `long`.
        fileprivate let plaintext: UnsafeRawBufferPointer
        let main: UInt32
        /// The overflow pages in chain order.
        fileprivate(set) var overflow: [UInt32] = []
        fileprivate(set) var isOldForm = false
        fileprivate(set) var isPlain = false

        fileprivate init(_ plaintext: UnsafeRawBufferPointer, main: UInt32) {
            self.plaintext = plaintext
            self.main = main
        }

        /// The record's bytes.
        func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { long?.withUnsafeBytes(body) ?? body(plaintext) }
        /// The same, to keep.
        var bytes: Data { long ?? Data(plaintext) }
        var byteCount: Int { long?.count ?? plaintext.count }
    }

    /// The record whose main page this is.
    func record(main: UInt32) throws(RecordFailure) -> StoredRecord {
        let record = try gather(main: main)
        return StoredRecord(
            bytes: record.bytes, chain: [main] + record.overflow, isOldForm: record.isOldForm, isPlain: record.isPlain)
    }

    /// The record whose main page this is, in the reader's own memory.
    func gather(main: UInt32) throws(RecordFailure) -> Gathered {
        let (plaintext, isPlain) = try mainPage(main)
        var record = Gathered(plaintext, main: main)
        record.isPlain = isPlain
        if let reference = OverflowReference(plaintext: plaintext) {
            try follow(reference, &record)
        } else if let old = oldForm(record) {
            record = old
        }
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

    private func mainPage(
        _ number: UInt32
    ) throws(RecordFailure) -> (plaintext: UnsafeRawBufferPointer, isPlain: Bool) {
        let (view, kind) = try page(number)
        if let failure = Self.failure(kind, page: number) { throw failure }
        let isPlain = kind == .plain
        guard view.recordLength <= (isPlain ? PageView.plainCapacity : PageView.recordCapacity) else {
            throw RecordFailure(.unreadable, page: number, "claims to hold more than a page can", isUnauthentic: true)
        }
        if isPlain {
            let count = Int(view.recordLength)
            scratch.bytes.copyMemory(from: view.slice(9, count))
            return (UnsafeRawBufferPointer(rebasing: scratch.bytes[..<count]), true)
        }
        guard let plaintext = store.cipher.openRecord(view, into: scratch) else {
            throw RecordFailure(.unreadable, page: number, "does not authenticate", isUnauthentic: true)
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

    /// The piece takes the main page's place.
    private func overflowPage(
        _ number: UInt32
    ) throws(RecordFailure) -> (piece: UnsafeRawBufferPointer, next: UInt32) {
        let (view, kind) = try page(number)
        guard kind == .overflow else {
            throw RecordFailure(.unreadable, page: number, "is in a chain and is no overflow page")
        }
        let next = view.nextPage
        guard view.overflowLength <= PageView.overflowCapacity else {
            throw RecordFailure(.unreadable, page: number, "claims to hold more than a page can")
        }
        guard let piece = store.cipher.openOverflow(view, into: scratch) else {
            throw RecordFailure(.unreadable, page: number, "is in a chain and does not authenticate")
        }
        return (piece, next)
    }

    /// `next` and the lengths are outside the authenticated data, so the reference, which is inside, bounds the walk.
    private func follow(_ reference: OverflowReference, _ record: inout Gathered) throws(RecordFailure) {
        let main = record.main
        func failure(_ reason: String) -> RecordFailure { RecordFailure(.unreadable, page: main, reason) }
        guard reference.isCommitted else { throw failure("has an overflow reference that was never committed") }
        guard reference.first != 0 else { throw failure("has an overflow chain that starts at page 0") }
        guard reference.pages <= EngineLimits.chainPages else {
            throw failure("has more than \(EngineLimits.chainPages) overflow pages, which BlazeDB cannot read either")
        }
        guard reference.totalBytes <= OverflowReference.longestRecord else {
            throw failure("has an overflow reference that claims an impossible length")
        }
        var bytes = Data(capacity: Int(reference.totalBytes))
        bytes.append(contentsOf: record.plaintext[..<(OverflowReference.mainPlaintext - OverflowReference.byteCount)])
        var visited: Set<UInt32> = [main]
        var next = reference.first
        while next != 0 {
            guard visited.insert(next).inserted else { throw failure("has an overflow chain that loops") }
            guard record.overflow.count < reference.pages else {
                throw failure("has an overflow chain longer than its reference says")
            }
            record.overflow.append(next)
            let piece: UnsafeRawBufferPointer
            (piece, next) = try overflowPage(next)
            bytes.append(contentsOf: piece)
        }
        guard record.overflow.count == Int(reference.pages) else {
            throw failure("has an overflow chain shorter than its reference says")
        }
        guard UInt64(bytes.count) == reference.totalBytes else {
            throw failure("has an overflow chain of another length than its reference says")
        }
        guard bytes.withUnsafeBytes({ Checksum.fnv1a64($0) }) == reference.checksum else {
            throw failure("has an overflow chain with a wrong checksum")
        }
        record.long = bytes
    }

    /// The form before 2.7.1: a full main page that ends in a bare page number, without count or checksum. Taken as
    /// one only if the page alone is no record, the number names an overflow page, and the whole is a record.
    private func oldForm(_ head: Gathered) -> Gathered? {
        guard let first = OverflowReference.oldPointer(plaintext: head.plaintext), first != head.main,
            let (_, kind) = try? page(first), kind == .overflow, !Self.isRecord(head.plaintext)
        else { return nil }
        var record = head
        record.isOldForm = true
        var bytes = Data(head.plaintext.dropLast(4))
        var visited: Set<UInt32> = [head.main]
        var next = first
        while next != 0 {
            guard visited.insert(next).inserted, record.overflow.count < EngineLimits.chainPages,
                let (piece, following) = try? overflowPage(next)
            else { return nil }
            record.overflow.append(next)
            bytes.append(contentsOf: piece)
            next = following
        }
        guard bytes.withUnsafeBytes(Self.isRecord) else { return nil }
        record.long = bytes
        return record
    }

    private static func isRecord(_ bytes: UnsafeRawBufferPointer) -> Bool {
        (try? RecordCodec.decodeNoting(bytes)) != nil
    }
}
