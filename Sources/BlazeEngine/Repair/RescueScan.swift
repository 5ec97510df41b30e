internal import BlazeModel
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Every record that stands whole in the pages of a data file, whatever its metadata says (FORMAT.md 8.2): each record page
/// is read with its chain, decoded, and its id taken. Reads on all cores; of each record only where it stands is kept.
struct RescueScan {
    /// A record that stands whole.
    struct Candidate: Sendable {
        let id: RecordID
        let main: UInt32
        /// The overflow pages.
        let chain: [UInt32]
        /// `updatedAt`, else `createdAt`, in seconds since 2001; nil when it has neither.
        let updated: Double?
        /// Bytes as stored, and their 64-bit FNV-1a.
        let byteCount: Int
        let digest: UInt64
        let isOldForm: Bool
        let isPlain: Bool
        /// Whether it only looks like the beginning of a longer one (trap T21).
        let looksLonger: Bool

        /// Pages, the main page included.
        var pages: Int { chain.count + 1 }
    }

    /// A record page whose record cannot be had.
    struct Broken: Sendable {
        let failure: RecordFailure
        /// Where the beginning of the record tells it.
        let id: RecordID?
    }

    private(set) var candidates: [Candidate] = []
    private(set) var broken: [Broken] = []
    /// Pages that are neither zero nor BlazeDB's.
    private(set) var foreign: [UInt32] = []
    private(set) var pages = 0
    /// Pages of all candidates together.
    private var followed = 0

    fileprivate struct Part: Sendable {
        var candidates: [Candidate] = []
        var broken: [Broken] = []
        var foreign: [UInt32] = []
    }

    private static let window = 1024

    /// Reads all pages. Rethrows what `progress` throws, and throws what looking for holes of the file throws; a page that the
    /// disk does not give is among the broken ones.
    ///
    /// - Parameter readsPlain: whether pages in plain text (version 1) are read as well.
    init(
        _ store: PageStore, readsPlain: Bool, _ phase: MaintenanceProgress.Phase,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        // No image of the WAL counts for a hole, and the few behind the end are visited one by one: their numbers prove nothing.
        let total = min(store.filePages, UInt64(UInt32.max))
        let behind = store.overlay.keys.filter { UInt64($0) >= total }.sorted()
        let pageBytes = UInt64(PageView.byteCount)
        var start: UInt64 = 0
        while start < total {
            try progress(MaintenanceProgress(phase, done: Int(start), total: Int(total)))
            let data = try store.file.nextData(from: start * pageBytes).map { $0 / pageBytes } ?? total
            if data > start {
                start = min(data, total)
                continue
            }
            let end = min(start + UInt64(Self.window), total)
            for part in Self.read(Int(start)..<Int(end), store, readsPlain) { add(part) }
            // Each page belongs to one record. Where many mains name one chain, somebody wants this to take for ever.
            guard followed <= 8 * Int(total) + Self.freely else {
                throw EngineError(
                    .limitExceeded,
                    "the records of \(store.file.path.displayString) name the same pages again and again",
                    hint: "no BlazeDB writes such a file: it was made by hand", path: store.file.path)
            }
            start = end
        }
        for page in behind {
            var part = Part()
            part.look(at: page, store, readsPlain)
            add(part)
        }
        pages = Int(total) + behind.count
        try progress(MaintenanceProgress(phase, done: pages, total: pages))
    }

    /// So many pages more than the file has may be read for chains.
    private static let freely = 100_000

    private mutating func add(_ part: Part) {
        candidates += part.candidates
        followed += part.candidates.reduce(0) { $0 + $1.pages }
        broken += part.broken
        foreign += part.foreign
    }

    private static func read(_ range: Range<Int>, _ store: PageStore, _ readsPlain: Bool) -> [Part] {
        PageSlices.map(range.count, of: store) { places, store in
            var part = Part()
            for place in places { part.look(at: UInt32(range.lowerBound + place), store, readsPlain) }
            return part
        }
    }
}

extension RescueScan.Part {
    mutating func look(at page: UInt32, _ store: PageStore, _ readsPlain: Bool) {
        let kind: PageKind
        do {
            kind = try store.page(page).kind
        } catch {
            broken.append(
                RescueScan.Broken(
                    failure: RecordFailure(.readError, page: page, "could not be read from the disk"), id: nil))
            return
        }
        switch kind {
        case .empty, .absent, .overflow: return
        case .unrecognized: foreign.append(page)
        case .plain where !readsPlain:
            // What it says of a chain proves nothing, so that is not followed either.
            let failure = RecordFailure(
                .unencryptedPage, page: page, "is neither encrypted nor authentic; --include-plain takes such records")
            broken.append(RescueScan.Broken(failure: failure, id: Self.id(ofPlain: page, store)))
        case .record, .plain, .compressed, .unknownVersion: readRecord(at: page, store)
        }
    }

    private mutating func readRecord(at page: UInt32, _ store: PageStore) {
        let stored: StoredRecord
        do throws(RecordFailure) {
            stored = try RecordReader(store: store).rescued(main: page)
        } catch {
            broken.append(RescueScan.Broken(failure: error, id: Self.id(ofBroken: page, store)))
            return
        }
        let decoded = stored.bytes.withUnsafeBytes { raw in
            Result<RecordCodec.Decoded, EngineError> { () throws(EngineError) in try RecordCodec.decodeNoting(raw) }
        }
        switch decoded {
        case .failure(let error):
            let failure = RecordFailure(.undecodable, page: page, "is authentic, but \(error)")
            broken.append(
                RescueScan.Broken(failure: failure, id: stored.bytes.withUnsafeBytes { RecordCodec.leadingID($0) }))
        case .success(let decoded):
            guard let id = decoded.record.id else {
                broken.append(
                    RescueScan.Broken(
                        failure: RecordFailure(.idMismatch, page: page, "holds a record that carries no id"), id: nil))
                return
            }
            candidates.append(
                RescueScan.Candidate(
                    id: id, main: page, chain: Array(stored.chain.dropFirst()),
                    updated: decoded.record.updated,
                    byteCount: stored.bytes.count, digest: stored.bytes.withUnsafeBytes { Checksum.fnv1a64($0) },
                    isOldForm: stored.isOldForm, isPlain: stored.isPlain,
                    looksLonger: stored.chain.count == 1
                        && stored.bytes.withUnsafeBytes { OverflowReference(plaintext: $0) } != nil))
        }
    }

    /// Whose record a plain page says that it holds.
    private static func id(ofPlain page: UInt32, _ store: PageStore) -> RecordID? {
        guard let (view, _) = try? store.page(page), view.recordLength <= PageView.plainCapacity else { return nil }
        return RecordCodec.leadingID(view.slice(9, Int(view.recordLength)))
    }

    /// Whose record it was, where the main page itself is authentic.
    private static func id(ofBroken page: UInt32, _ store: PageStore) -> RecordID? {
        guard let (view, kind) = try? store.page(page), kind == .record,
            let head = store.cipher.openRecord(view)
        else { return nil }
        return head.withUnsafeBytes { RecordCodec.leadingID($0) }
    }
}

extension RecordReader {
    /// The record whose main page this is, also where its last bytes only look like a reference to a chain (trap T21): it stands
    /// whole in its page then, which the beginning of a longer one never does.
    func rescued(main: UInt32) throws(RecordFailure) -> StoredRecord {
        do throws(RecordFailure) {
            return try record(main: main)
        } catch {
            guard error.name == .unreadable, let (view, kind) = try? store.page(main), kind == .record,
                let plaintext = store.cipher.openRecord(view),
                plaintext.withUnsafeBytes({ OverflowReference(plaintext: $0) }) != nil,
                plaintext.withUnsafeBytes({ try? RecordCodec.decodeNoting($0) })?.record.id != nil
            else { throw error }
            return StoredRecord(bytes: plaintext, chain: [main])
        }
    }
}

extension Record {
    /// When it was changed last, as far as it tells: seconds since 2001.
    var updated: Double? {
        for name in ["updatedAt", "createdAt"] {
            switch self[name] {
            case .date(let seconds) where !seconds.isNaN: return seconds
            case .string(let text):
                if let seconds = ISOMoment.seconds(text) { return seconds }
            default: continue
            }
        }
        return nil
    }
}
