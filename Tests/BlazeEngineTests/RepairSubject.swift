import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// A database that is damaged and repaired, and what is known of it: which records it has, which bytes hold them, and every copy
/// of a record that the bytes hold anywhere.
struct RepairSubject {
    /// What a repair makes of the database as it is, under one decision about its transaction.
    struct Truth {
        /// The file that the records are read from.
        let source: FilePath
        /// Every record, with its bytes as stored.
        let records: [RecordID: Data]
        /// The pages that each one stands in, its main page first.
        let pages: [RecordID: [UInt32]]
        /// The ids that the index has.
        let indexed: Set<RecordID>
        /// Pages that the WAL holds in place of the file.
        let fromWAL: Set<UInt32>
    }

    let bench: RepairBench
    /// With the transaction, if there is one, rolled back, and with it kept; the same where there is none.
    let rolledBack: Truth
    let kept: Truth
    /// Every copy of a record that stands whole anywhere: in data files, those set aside, copies, and images of the WAL.
    let held: [RecordID: Set<Data>]
    /// The files that can be damaged.
    let targets: [FilePath]
    var files: FileSet { bench.files }

    init(_ name: String) throws {
        bench = try RepairBench(name)
        var keeping = RepairOptions()
        keeping.transaction = .keep
        rolledBack = try Self.truth(bench, RepairOptions())
        kept = try Self.truth(bench, keeping)
        targets = RepairBench.outside(bench.storage).filter { !$0.value.isEmpty }.keys
            .sorted { $0.string < $1.string }
        held = try Self.held(bench, targets)
    }

    private static func truth(_ bench: RepairBench, _ options: RepairOptions) throws -> Truth {
        let storage = bench.storage.copy()
        let rescue = try Rescue(bench.files, in: storage, key: bench.bench.key, options) { _ in }
        let store = rescue.source.store
        let reader = RecordReader(store: store)
        let pages = try rescue.records.map { ($0.id, try reader.rescued(main: $0.main).chain) }
        let fromWAL = Set(store.overlay.keys)
        try bench.apply(storage, options, always: true)
        return Truth(
            source: store.file.path, records: try records(storage, bench.files, bench.bench.key),
            pages: Dictionary(uniqueKeysWithValues: pages),
            indexed: Set(rescue.source.metadata?.index.entries.map(\.id) ?? []), fromWAL: fromWAL)
    }

    private static func held(_ bench: RepairBench, _ targets: [FilePath]) throws -> [RecordID: Set<Data>] {
        var held: [RecordID: Set<Data>] = [:]
        let storage = bench.storage
        let cipher = try PageCipher(bench.bench.key)
        let isPaged = { (path: FilePath) in path.extension == "blazedb" || path == bench.files.dataAside }
        for path in targets where isPaged(path) {
            let store = try PageStore(path, in: storage, cipher: cipher)
            let reader = RecordReader(store: store)
            for candidate in try RescueScan(store, readsPlain: false, .reading, { _ in }).candidates {
                held[candidate.id, default: []].insert(try reader.rescued(main: candidate.main).bytes)
            }
            guard let size = storage[bench.files.wal]?.count, size > 0 else { continue }
            let wal = try storage.open(bench.files.wal)
            store.wal = wal
            var scanner = WALScanner(wal, size: UInt64(size))
            while let entry = try scanner.next() {
                guard case .legacy(let page, let image, _) = entry else { continue }
                store.overlay = [page: .written(offset: image, kind: .record)]
                guard let bytes = try? reader.rescued(main: page).bytes,
                    let id = bytes.withUnsafeBytes({ try? RecordCodec.decodeNoting($0) })?.record.id
                else { continue }
                held[id, default: []].insert(bytes)
            }
            store.overlay = [:]
        }
        return held
    }

    /// The records of a database, with their bytes as stored.
    static func records(_ storage: CrashStorage, _ files: FileSet, _ key: SymmetricKey) throws -> [RecordID: Data] {
        let reader = try DatabaseReader(files, in: storage, key: key, underLease: true)
        let records = RecordReader(store: reader.generation.store)
        var out: [RecordID: Data] = [:]
        for entry in reader.metadata.index.entries {
            let main = try #require(reader.metadata.index.pages(of: entry).first)
            out[entry.id] = try records.record(main: main).bytes
        }
        return out
    }
}
