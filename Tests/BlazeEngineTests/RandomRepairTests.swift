import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// Random damage to every file of a database: a repair saves each record whose pages are untouched, tells what became of the
/// others, leaves nothing to complain of, and can be taken back to the last byte.
@Suite struct RandomRepairTests {
    /// Databases, and how many rounds each of them is worth: a long one takes long.
    static let subjects: [(String, Int)] = [
        ("tiny", 24), ("typed", 30), ("large", 1), ("empty", 2), ("unclean", 24), ("damaged/chain-order", 14),
        ("damaged/wal-over-overflow", 18), ("damaged/stale-next-page", 12), ("damaged/phantom-delete", 12),
        ("damaged/lost-second-owner", 12), ("damaged/async-vacuum-free-list", 12), ("damaged/leaked-pages", 8),
        ("damaged/overflow-v1", 12), ("damaged/torn-wal", 6), ("damaged/txn-interrupted", 8),
        ("damaged/meta-truncated", 4), ("damaged/forged-v1-meta", 4), ("damaged/vacuum-between-renames", 4),
        ("damaged/rebuild-hides-records", 1),
    ]

    @Test(arguments: subjects) func savesWhatIsUntouched(_ name: String, _ share: Int) throws {
        let subject = try Subject(name)
        var generator = SeededGenerator.printed("savesWhatIsUntouched(\(name))")
        for round in 1...testRounds(share) {
            let storage = subject.bench.storage.copy()
            let damage = Damage.random(subject, &generator)
            for one in damage { one.strike(storage) }
            let what = "\(name), round \(round): \(damage.map(\.description).joined(separator: "; "))"
            do {
                try subject.check(storage, what, swaps: damage.compactMap(\.swapped))
            } catch {
                Issue.record("\(what): \(error)")
            }
        }
    }

    /// The version of the wrapper is signed by nothing.
    @Test(arguments: ["3", "0", "72"]) func aDamagedWrapperVersionIsNoNewFormat(_ version: String) throws {
        let subject = try Subject("typed")
        let storage = subject.bench.storage.copy()
        let text = String(decoding: storage[subject.files.meta] ?? [], as: UTF8.self)
        let damaged = text.replacing("\"secureLayoutVersion\":2", with: "\"secureLayoutVersion\":\(version)")
        #expect(damaged != text)
        storage[subject.files.meta] = Array(damaged.utf8)
        try subject.check(storage, "version \(version)")
        // One that does not verify may be a newer format.
        let other = subject.bench.storage.copy()
        other[subject.files.meta] = Array(damaged.replacing("\"signature\":\"", with: "\"signature\":\"A").utf8)
        let before = RepairBench.outside(other)
        #expect(throws: EngineError(.unsupportedFormat, "")) { try subject.bench.apply(other) }
        #expect(RepairBench.outside(other) == before)
    }

    /// A page that is no page any more is told where no index knows what it was.
    @Test func anOverwrittenPageIsToldWithoutMetadata() throws {
        let subject = try Subject("typed")
        let storage = subject.bench.storage.copy()
        let (id, pages) = try #require(subject.pages.first { $0.value.count == 1 })
        var data = try #require(storage[subject.source])
        data[Int(pages[0]) * 4096] ^= 1
        storage[subject.source] = data
        storage[subject.files.meta] = nil
        let plan = try subject.bench.repair(storage).plan()
        #expect(plan.lost.map(\.page) == [pages[0]] && plan.lost[0].id == nil)
        #expect(plan.records == subject.whole.count - 1)
        try subject.check(storage, "record \(id)")
    }

    /// A page number in the WAL that is far behind the end of the file: nothing reads, or writes, as far as that.
    @Test func aPageFarBehindTheEndIsNotGoneTo() throws {
        for hasMetadata in [true, false] {
            let subject = try Subject("damaged/wal-over-overflow")
            let storage = subject.bench.storage.copy()
            var wal = try #require(storage[subject.files.wal])
            var scanner = WALScanner(try storage.open(subject.files.wal), size: UInt64(wal.count))
            guard case .legacy(_, let image, _) = try scanner.next() else {
                Issue.record("no entry")
                return
            }
            // The highest byte of the page's number.
            wal[Int(image) - 9] = 0x7f
            storage[subject.files.wal] = wal
            if !hasMetadata { storage[subject.files.meta] = nil }
            try subject.check(storage, "metadata \(hasMetadata)")
            #expect((storage[subject.files.data]?.count ?? 0) < 1 << 20)
        }
    }
}

/// A database, what a repair makes of it as it is, and which pages each record needs for that.
private struct Subject {
    let bench: RepairBench
    /// The file that the records are read from.
    let source: FilePath
    /// The metadata that describes it.
    let meta: FilePath
    /// What a repair makes of it, and what it makes of it without metadata: the pages alone.
    let whole: Contents
    let scanned: Contents
    let pages: [RecordID: [UInt32]]
    /// The files that can be damaged.
    let targets: [FilePath]
    var files: FileSet { bench.files }

    init(_ name: String) throws {
        bench = try RepairBench(name)
        let files = bench.files
        let intact = bench.storage.copy()
        let rescue = try Rescue(files, in: intact, key: bench.bench.key, RepairOptions()) { _ in }
        let reader = RecordReader(store: rescue.source.store)
        source = rescue.source.store.file.path
        meta = rescue.backup?.meta.path ?? files.meta
        let pages = try Dictionary(
            uniqueKeysWithValues: rescue.records.map { ($0.id, try reader.record(main: $0.main).chain) })
        self.pages = pages
        try bench.apply(intact, always: true)
        whole = try Self.contents(intact, bench)
        let blind = bench.storage.copy()
        if source != files.data, source != files.dataAside {
            // The copy from before a transaction takes the database's place.
            blind[files.data] = blind[source]
            for path in blind.paths where path.string.contains("txn_in_progress") { blind[path] = nil }
            blind[files.wal] = []
        }
        blind[files.meta] = nil
        try bench.apply(blind)
        scanned = try Self.contents(blind, bench)
        for (id, record) in whole { #expect(scanned[id] == record, "\(name): the pages alone do not hold \(id)") }
        // Copies from before a transaction stay as they are: without them, what to do is for a person to decide.
        targets = RepairBench.outside(bench.storage).filter { path, bytes in
            !path.string.contains("txn_in_progress") && !bytes.isEmpty
        }.keys.sorted { $0.string < $1.string }
    }

    static func contents(_ storage: CrashStorage, _ bench: RepairBench) throws -> Contents {
        let reader = try DatabaseReader(bench.files, in: storage, key: bench.bench.key, underLease: true)
        var out: Contents = [:]
        _ = try reader.forEachRecord { out[$0] = typedJSON($1) }
        return out
    }

    /// The pages of which a byte is another one, or missing.
    func touched(_ storage: CrashStorage) -> Set<UInt32> {
        let (old, new) = (bench.storage[source] ?? [], storage[source] ?? [])
        return Set(
            stride(from: 0, to: old.count, by: 4096).filter { start in
                let end = min(start + 4096, old.count)
                return end > new.count || old[start..<end] != new[start..<end]
            }.map { UInt32($0 / 4096) })
    }

    /// Repairs; what was done, and the files as they were before.
    private func apply(_ storage: CrashStorage) throws -> (Repair.Report, [FilePath: [UInt8]]) {
        let before = RepairBench.outside(storage)
        do {
            return (try bench.apply(storage), before)
        } catch let error as EngineError where error.code == .recoveryUndecided {
            // A person decides then.
            #expect(RepairBench.outside(storage) == before, "a refused repair has changed something")
            var options = RepairOptions()
            options.transaction = .rollBack
            return (try bench.apply(storage, options), before)
        } catch let error as EngineError where error.code == .unsupportedFormat {
            // So it does here: the number of the version is damaged, and the signature as well.
            #expect(RepairBench.outside(storage) == before, "a refused repair has changed something")
            storage[files.meta] = nil
            let before = RepairBench.outside(storage)
            return (try bench.apply(storage), before)
        }
    }

    /// - Parameter swaps: pages of the data file that came into each other's place, in the order of that.
    func check(_ storage: CrashStorage, _ what: String, swaps: [(path: FilePath, a: UInt32, b: UInt32)] = []) throws {
        let damaged = touched(storage)
        let isSaltDamaged = storage[files.salt] != bench.storage[files.salt]
        let data = storage[source] ?? []
        func isEmpty(_ page: UInt32) -> Bool {
            let start = Int(page) * 4096
            return start >= data.count || data[start..<min(start + 4096, data.count)].allSatisfy { $0 == 0 }
        }
        let (report, before) = try apply(storage)
        let plan = report.plan
        let isBlind = plan.steps.contains { $0.kind == .metadataRebuilt }
        let found = try Self.contents(storage, bench)
        #expect(found.count == plan.records || !report.isRepaired, "\(what): \(found.count) of \(plan.records) records")
        let told = Set(
            plan.lost.compactMap(\.id) + plan.deleted + plan.duplicates.map(\.id) + plan.rolledBack.map(\.id))
        let toldPages = Set(plan.lost.compactMap(\.page))
        for (id, record) in whole where found[id] != record {
            let chain = pages[id] ?? []
            #expect(!damaged.isDisjoint(with: chain), "\(what): untouched record \(id) is missing or different")
            func places(_ page: UInt32) -> Set<UInt32> {
                swaps.filter { $0.path == source }.reduce(into: [page]) { places, swap in
                    if places.contains(swap.a) || places.contains(swap.b) { places.formUnion([swap.a, swap.b]) }
                }
            }
            let isExplained =
                told.contains(id) || chain.contains { !toldPages.isDisjoint(with: places($0)) }
                // Nothing is left that could tell of it.
                || (isBlind && chain.first.map { places($0).contains(where: isEmpty) } ?? true)
            #expect(isExplained, "\(what): nothing is said of record \(id) in \(chain): \(found[id] == nil)")
        }
        for id in found.keys where whole[id] == nil {
            #expect(scanned[id] != nil || !damaged.isEmpty, "\(what): record \(id) was not there before")
        }
        let left = try bench.findings(storage).filter { !(isSaltDamaged && $0.name == .badSalt) }
        #expect(left.isEmpty, "\(what): \(left)")
        try checkUndo(storage, report.isRepaired, before, what)
    }

    private func checkUndo(
        _ storage: CrashStorage, _ isRepaired: Bool, _ before: [FilePath: [UInt8]], _ what: String
    ) throws {
        var before = before
        if isRepaired {
            try bench.undo(storage)
            // What an interrupted vacuum had moved aside is back under its name.
            if let aside = before.removeValue(forKey: files.dataAside) { before[files.data] = aside }
            before[files.swapMarker] = nil
        }
        let now = RepairBench.outside(storage)
        #expect(Set(now.keys) == Set(before.keys), "\(what)")
        for (path, bytes) in before {
            #expect(now[path] == bytes, "\(what): \(path) is not as it was before the repair")
        }
        #expect(storage.paths.allSatisfy { $0.components.count == 2 }, "\(what): the kept set stays")
    }
}

/// One thing that happens to one file.
private enum Damage: CustomStringConvertible {
    case flip(FilePath, [Int])
    case truncate(FilePath, Int)
    case swap(FilePath, Int, Int)
    case zero(FilePath, Range<Int>)
    case random(FilePath, Range<Int>, UInt64)

    static func random(_ subject: Subject, _ generator: inout SeededGenerator) -> [Damage] {
        func size(_ path: FilePath) -> Int { subject.bench.storage[path]?.count ?? 0 }
        var out: [Damage] = []
        // The metadata is damaged in half of the rounds, whatever else is.
        if subject.targets.contains(subject.files.meta), Bool.random(using: &generator) {
            out.append(of(subject.files.meta, size(subject.files.meta), &generator))
        }
        let isMetaEnough = !out.isEmpty && Int.random(in: 0..<6, using: &generator) == 0
        guard !isMetaEnough else { return out }
        for _ in 0..<[1, 1, 1, 2, 2, 4][Int.random(in: 0..<6, using: &generator)] {
            let isOfData = Int.random(in: 0..<5, using: &generator) < 3
            guard let any = subject.targets.randomElement(using: &generator) else { break }
            let path = isOfData && subject.targets.contains(subject.source) ? subject.source : any
            out.append(of(path, size(path), &generator))
        }
        return out
    }

    private static func of(_ path: FilePath, _ size: Int, _ generator: inout SeededGenerator) -> Damage {
        let pages = size / 4096
        func range() -> Range<Int> {
            if pages > 0, Bool.random(using: &generator) {
                let start = Int.random(in: 0..<pages, using: &generator)
                let end = min(pages, start + [1, 1, 2, 8][Int.random(in: 0..<4, using: &generator)])
                return start * 4096..<end * 4096
            }
            let start = Int.random(in: 0..<size, using: &generator)
            return start..<min(size, start + Int.random(in: 1...9000, using: &generator))
        }
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: return .truncate(path, Int.random(in: 0..<size, using: &generator))
        case 1: return .truncate(path, 0)
        case 2 where pages > 1, 3 where pages > 1:
            return .swap(
                path, Int.random(in: 0..<pages, using: &generator), Int.random(in: 0..<pages, using: &generator))
        case 4, 5: return .zero(path, range())
        case 6: return .random(path, range(), generator.next())
        case 7 where pages > 0:
            // What no tag protects: magic, version, lengths, the next page.
            let page = Int.random(in: 0..<pages, using: &generator)
            return .flip(path, [page * 4096 * 8 + Int.random(in: 0..<44 * 8, using: &generator)])
        default:
            let count = [1, 1, 1, 2, 8, 64][Int.random(in: 0..<6, using: &generator)]
            return .flip(path, (0..<count).map { _ in Int.random(in: 0..<size * 8, using: &generator) }.sorted())
        }
    }

    var swapped: (path: FilePath, a: UInt32, b: UInt32)? {
        guard case .swap(let path, let a, let b) = self else { return nil }
        return (path, UInt32(a), UInt32(b))
    }

    func strike(_ storage: CrashStorage) {
        func change(_ path: FilePath, _ body: (inout [UInt8]) -> Void) {
            guard var bytes = storage[path] else { return }
            body(&bytes)
            storage[path] = bytes
        }
        switch self {
        case .flip(let path, let bits):
            change(path) { bytes in
                for bit in bits where bit / 8 < bytes.count { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
            }
        case .truncate(let path, let size): change(path) { $0 = Array($0.prefix(size)) }
        case .swap(let path, let a, let b):
            change(path) { bytes in
                guard max(a, b) * 4096 + 4096 <= bytes.count else { return }
                let (x, y) = (a * 4096..<a * 4096 + 4096, b * 4096..<b * 4096 + 4096)
                let (first, second) = (Array(bytes[x]), Array(bytes[y]))
                bytes.replaceSubrange(x, with: second)
                bytes.replaceSubrange(y, with: first)
            }
        case .zero(let path, let range):
            change(path) { bytes in for place in range.clamped(to: 0..<bytes.count) { bytes[place] = 0 } }
        case .random(let path, let range, let seed):
            var generator = SeededGenerator(seed: seed)
            change(path) { bytes in
                for place in range.clamped(to: 0..<bytes.count) {
                    bytes[place] = UInt8.random(in: 0...255, using: &generator)
                }
            }
        }
    }

    var description: String {
        func name(_ path: FilePath) -> String { path.lastComponent?.string ?? "" }
        switch self {
        case .flip(let path, let bits): return "bits \(bits) of \(name(path))"
        case .truncate(let path, let size): return "\(name(path)) cut to \(size)"
        case .swap(let path, let a, let b): return "pages \(a) and \(b) of \(name(path)) swapped"
        case .zero(let path, let range): return "\(range) of \(name(path)) zeroed"
        case .random(let path, let range, _): return "\(range) of \(name(path)) overwritten"
        }
    }
}
