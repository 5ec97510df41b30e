import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import Testing
import TestSupport

@testable import BlazeEngine

/// One damaged database: it is repaired, or salvaged where its data file is missing, and held against what it was.
struct RepairRound {
    private let subject: RepairSubject
    private let storage: CrashStorage
    /// Which pages of which file came into each other's place, in the order of that.
    private var swaps: [(path: FilePath, a: UInt32, b: UInt32)] = []
    /// What was done to which file, for failures.
    private(set) var what: String
    private var bench: RepairBench { subject.bench }
    private var files: FileSet { subject.files }

    /// A database that was damaged already.
    init(_ subject: RepairSubject, _ what: String, _ damaged: CrashStorage) {
        (self.subject, self.what, storage) = (subject, what, damaged)
    }

    /// One that is damaged now: the metadata in half of the rounds, whatever else is, and in some of them a file is missing.
    init(_ subject: RepairSubject, _ what: String, _ generator: inout SeededGenerator) {
        self.init(subject, what, subject.bench.storage.copy())
        let meta = subject.targets.filter { $0 == files.meta && Bool.random(using: &generator) }
        for path in meta { strike(path, &generator) }
        guard meta.isEmpty || Int.random(in: 0..<6, using: &generator) > 0 else { return }
        for _ in 0..<[1, 1, 1, 2, 2, 4][Int.random(in: 0..<6, using: &generator)] {
            let source = subject.rolledBack.source
            let isOfData = Int.random(in: 0..<5, using: &generator) < 3 && subject.targets.contains(source)
            guard let any = subject.targets.randomElement(using: &generator) else { return }
            strike(isOfData ? source : any, &generator)
        }
    }

    private mutating func strike(_ path: FilePath, _ generator: inout SeededGenerator) {
        guard var bytes = storage[path] else { return }
        let name = path.lastComponent?.string ?? ""
        if Int.random(in: 0..<16, using: &generator) == 0 {
            storage[path] = nil
            what += "; \(name) removed"
            return
        }
        guard !bytes.isEmpty else { return }
        let damage = Damage.random(size: bytes.count, isPaged: path.extension == "blazedb", &generator)
        damage.strike(&bytes)
        storage[path] = bytes
        if case .swapped(let a, let b) = damage { swaps.append((path, a, b)) }
        what += "; \(name) \(damage)"
    }

    func run() throws {
        if try RescueSource.places(of: files, in: storage).data == nil {
            try salvage()
        } else {
            try repair()
        }
    }

    // MARK: Repair

    private func repair() throws {
        let damaged = storage.copy()
        let (report, before) = try apply()
        let plan = report.plan
        let isRolledBack = plan.steps.contains { $0.kind == .transactionRolledBack }
        let truth = isRolledBack ? subject.rolledBack : subject.kept
        let found = try RepairSubject.records(storage, files, bench.bench.key)
        #expect(found.count == plan.records, "\(what): \(found.count) of \(plan.records) records")
        judge(plan, truth, damaged, found)
        try checkClean(files)
        let after = RepairBench.outside(storage)
        let again = try bench.apply(storage, options(.automatic))
        #expect(!again.isRepaired && RepairBench.outside(storage) == after, "\(what): a second repair does \(again)")
        try checkUndo(report.isRepaired, before)
    }

    private func options(_ transaction: RepairOptions.Transaction) -> RepairOptions {
        var options = RepairOptions()
        options.acceptsTotalLoss = true
        options.transaction = transaction
        return options
    }

    /// Repairs; what was done, and the files as they were before. Where a person decides, as a person would.
    private func apply() throws -> (Repair.Report, [FilePath: [UInt8]]) {
        for transaction in [RepairOptions.Transaction.automatic, .rollBack, .keep] {
            let before = RepairBench.outside(storage)
            do {
                return (try bench.apply(storage, options(transaction)), before)
            } catch let error as EngineError where error.code == .recoveryUndecided {
                #expect(subject.rolledBack.source != subject.kept.source, "\(what): \(error)")
                #expect(RepairBench.outside(storage) == before, "\(what): a refused repair has changed something")
            } catch let error as EngineError where error.code == .unsupportedFormat {
                // The number of the version is damaged, and the signature as well: it may be a newer format.
                let path = try #require(error.path)
                #expect(storage[path] != bench.storage[path], "\(what): \(error)")
                #expect(error.hint?.isEmpty == false, "\(what): \(error)")
                #expect(RepairBench.outside(storage) == before, "\(what): a refused repair has changed something")
                storage[path] = nil
                return try apply()
            }
        }
        throw EngineError(.recoveryUndecided, "no decision lets it be repaired")
    }

    private func checkClean(_ files: FileSet) throws {
        let reader = try DatabaseReader(files, in: storage, key: bench.bench.key, underLease: true)
        let left = try reader.fullCheck().findings.filter { $0.severity > .note }
        // No repair can know what a salt was.
        let isSaltDamaged = storage[files.salt] != bench.storage[files.salt]
        #expect(left.allSatisfy { isSaltDamaged && $0.name == .badSalt }, "\(what): \(left)")
    }

    private func checkUndo(_ isRepaired: Bool, _ before: [FilePath: [UInt8]]) throws {
        var before = before
        if isRepaired {
            try bench.undo(storage)
            // What an interrupted vacuum had moved aside is back under its name.
            if let aside = before.removeValue(forKey: files.dataAside) { before[files.data] = aside }
            if let aside = before.removeValue(forKey: files.metaAside) { before[files.meta] = aside }
            before[files.swapMarker] = nil
        }
        let now = RepairBench.outside(storage)
        #expect(Set(now.keys) == Set(before.keys), "\(what): \(now.keys), before \(before.keys)")
        for (path, bytes) in before {
            #expect(now[path] == bytes, "\(what): \(path) is not as it was before the repair")
        }
        #expect(storage.paths.allSatisfy { $0.components.count == 2 }, "\(what): the kept set stays")
    }

    // MARK: Salvage

    private func salvage() throws {
        let before = RepairBench.outside(storage)
        let damaged = storage.copy()
        let target = FileSet(data: "/new/rescued.blazedb")
        let report: Salvage.Report
        do {
            report = try Salvage.run(
                files, to: target, in: storage, key: bench.bench.key, salt: storage[files.salt],
                options: options(.rollBack))
        } catch let error as EngineError
            where [.notFound, .nothingKept, .recoveryUndecided, .unsupportedFormat].contains(error.code)
        {
            #expect(RepairBench.outside(storage) == before, "\(what): a refused salvage has changed something")
            for truth in [subject.rolledBack, subject.kept] where damaged[truth.source] != nil {
                let touched = touched(truth, damaged)
                let isHeld = truth.pages.values.contains { touched.isDisjoint(with: $0) }
                #expect(!isHeld || error.code == .recoveryUndecided, "\(what): \(error)")
            }
            return
        }
        for (path, bytes) in before { #expect(storage[path] == bytes, "\(what): \(path) is another one") }
        let found = try RepairSubject.records(storage, target, bench.bench.key)
        #expect(found.count == report.plan.records, "\(what)")
        let truth = [subject.rolledBack, subject.kept].first { $0.source == report.source }
        if let truth {
            judge(report.plan, truth, damaged, found)
        } else {
            checkHeld(found)
        }
        try checkClean(target)
    }

    // MARK: Judgement

    /// The pages of which a byte is another one, or missing, in the file that holds them.
    private func touched(_ truth: RepairSubject.Truth, _ damaged: CrashStorage) -> Set<UInt32> {
        let (old, new) = (bench.storage[truth.source] ?? [], damaged[truth.source] ?? [])
        var pages: Set<UInt32> = []
        old.withUnsafeBytes { old in
            new.withUnsafeBytes { new in
                for start in stride(from: 0, to: old.count, by: 4096) {
                    let end = min(start + 4096, old.count)
                    guard end <= new.count, memcmp(old.baseAddress! + start, new.baseAddress! + start, end - start) == 0
                    else {
                        pages.insert(UInt32(start / 4096))
                        continue
                    }
                }
            }
        }
        return damaged[files.wal] == bench.storage[files.wal] ? pages : pages.union(truth.fromWAL)
    }

    /// That every record of the new database stood in the old bytes just so.
    private func checkHeld(_ found: [RecordID: Data]) {
        for (id, bytes) in found {
            #expect(subject.held[id]?.contains(bytes) == true, "\(what): nothing held record \(id) like that")
        }
    }

    private func judge(
        _ plan: RepairPlan, _ truth: RepairSubject.Truth, _ damaged: CrashStorage, _ found: [RecordID: Data]
    ) {
        checkHeld(found)
        let touched = touched(truth, damaged)
        for lost in plan.lost {
            #expect(lost.id.map { found[$0] == nil } ?? true, "\(what): record \(lost) is there")
        }
        for (id, record) in truth.records where found[id] != record {
            let chain = truth.pages[id] ?? []
            guard !touched.isDisjoint(with: chain) else {
                Issue.record(
                    "\(what): untouched record \(id) in \(chain) is \(found[id] == nil ? "missing" : "another")")
                continue
            }
            let isTold = found[id] == nil ? tells(plan, ofLost: id) : tells(plan, ofOlder: id)
            #expect(
                isTold || tells(plan, of: id, in: chain, truth, damaged),
                "\(what): nothing is said of record \(id) in \(chain), which is \(found[id] == nil ? "missing" : "older")"
            )
        }
    }

    private func tells(_ plan: RepairPlan, ofLost id: RecordID) -> Bool { plan.lost.contains { $0.id == id } }

    private func tells(_ plan: RepairPlan, ofOlder id: RecordID) -> Bool {
        plan.duplicates.contains { $0.id == id } || plan.recovered.contains { $0.id == id }
    }

    /// By a page where nothing tells the id, or as deleted where the page is zero; and where no index is left, or the one that there
    /// is has never had the record, zeros and pages that are not there any more cannot tell anything.
    private func tells(
        _ plan: RepairPlan, of id: RecordID, in chain: [UInt32], _ truth: RepairSubject.Truth, _ damaged: CrashStorage
    ) -> Bool {
        func places(_ page: UInt32) -> Set<UInt32> {
            swaps.filter { $0.path == truth.source }.reduce(into: [page]) { places, swap in
                if places.contains(swap.a) || places.contains(swap.b) { places.formUnion([swap.a, swap.b]) }
            }
        }
        let data = damaged[truth.source] ?? []
        func isZero(_ page: UInt32) -> Bool {
            let start = Int(page) * 4096
            return start >= data.count || data[start..<min(start + 4096, data.count)].allSatisfy { $0 == 0 }
        }
        let pages = chain.reduce(into: Set<UInt32>()) { $0.formUnion(places($1)) }
        if plan.lost.contains(where: { $0.id == nil && $0.page.map(pages.contains) ?? false }) { return true }
        let isZero = chain.first.map { places($0).contains(where: isZero) } ?? true
        let hasEntry = truth.indexed.contains(id) && !plan.steps.contains { $0.kind == .metadataRebuilt }
        return isZero && (plan.deleted.contains(id) || !hasEntry)
    }
}
