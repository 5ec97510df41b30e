internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// What a repair has found out: which files to read, which records they hold, and what is to be done. Changes nothing.
struct Rescue {
    /// Where the records are read from.
    let source: RescueSource
    /// The files as they are, which a copy from before a transaction may take the place of.
    let present: RescueSource
    /// The copy from before a transaction that is the source.
    let backup: TransactionRollback.Backup?
    let records: [RescueScan.Candidate]
    /// What the new metadata says of everything but records.
    let image: MetadataImage
    private(set) var plan: RepairPlan

    init(
        _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, _ options: RepairOptions,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws {
        var plan = RepairPlan()
        let places = try RescueSource.places(of: files, in: storage)
        guard let data = places.data else {
            throw EngineError(
                .notFound, "\(files.data.displayString) is missing",
                hint: "blazectl salvage takes what its other files hold into a new database", path: files.data)
        }
        present = try RescueSource(
            data: data, meta: places.meta, wal: files.wal, in: storage, key: key, marked: files)
        plan.findings = try Self.findings(
            files, present, isInPlace: !places.isInterrupted, in: storage, key: key, progress)
        if places.isInterrupted {
            plan.add(.vacuumResolved, "a vacuum that did not end is resolved: \(data.displayString) counts")
        }
        backup = try Self.backup(files, present, in: storage, key: key, options, &plan)
        source =
            try backup.map { backup throws(EngineError) in
                try RescueSource(data: backup.path, meta: backup.meta.path, wal: nil, in: storage, key: key)
            } ?? present
        let choice = RescueChoice(
            source, try RescueScan(source.store, readsPlain: options.includesPlain, .reading, progress), options)
        if backup != nil {
            let now = RescueChoice(
                present, try RescueScan(present.store, readsPlain: options.includesPlain, .reading, progress), options)
            plan.rolledBack = Self.differences(from: now.records, to: choice.records)
        }
        records = choice.records
        try Self.checkKey(choice, source, options, files)
        image = try Self.image(source, files, in: storage, key: key, &plan)
        plan.take(choice)
        plan.tell(choice, source, backup: backup != nil)
        let leftovers = try KeptFiles(files, in: storage, key: key, hasRecord: choice.has)
        if !leftovers.moved.isEmpty {
            plan.add(
                .leftoversMoved,
                "\(leftovers.moved.count) files that operations left beside the database go to the kept set")
        }
        plan.tellStaying(leftovers)
        try Self.measure(&plan, records, image, present, files, in: storage, key: key)
        self.plan = plan
    }

    /// That the key opens something: one that only signs the metadata may be the slip of a hand that BlazeDB has signed a rebuilt
    /// index with (trap T8), and every record would be lost.
    private static func checkKey(
        _ choice: RescueChoice, _ source: RescueSource, _ options: RepairOptions, _ files: FileSet
    ) throws(EngineError) {
        guard choice.records.isEmpty, !choice.lost.isEmpty, !options.acceptsTotalLoss else { return }
        throw EngineError(
            .wrongPassword, "no record of \(files.data.displayString) can be read with this password",
            hint: "check the password; --apply --always gives all of them up", path: files.data)
    }

    /// Everything that a full check finds, or what the files alone tell where no metadata can be used.
    private static func findings(
        _ files: FileSet, _ present: RescueSource, isInPlace: Bool, in storage: any Storage, key: SymmetricKey,
        _ progress: (MaintenanceProgress) throws -> Void
    ) throws -> [Finding] {
        guard isInPlace, present.metadata != nil, present.problem == nil else {
            return try FileSummary.read(files, in: storage, ownership: .leased).findings
                + (present.problem?.code == .metadataUnverified
                    ? [Finding(.badMeta, .damage, present.problem?.message ?? "")] : [])
        }
        let reader = try DatabaseReader(files, in: storage, key: key, underLease: true)
        return try reader.fullCheck { part in
            try progress(MaintenanceProgress(.reading, done: part.done, total: part.total))
        }.findings
    }

    static func backup(
        _ files: FileSet, _ present: RescueSource, in storage: any ChangingStorage, key: SymmetricKey,
        _ options: RepairOptions, _ plan: inout RepairPlan
    ) throws(EngineError) -> TransactionRollback.Backup? {
        let rollback = TransactionRollback(files, in: storage, key: key, data: present.store.file)
        if options.transaction == .keep {
            let hasCopies = try FileSetStatus.read(files, in: storage).leftovers.contains {
                $0.kind == .transactionCopy
            }
            if hasCopies {
                plan.add(.transactionKept, "what a transaction that did not end has written stays, as asked for")
            }
            return nil
        }
        do throws(EngineError) {
            let backup = try rollback.toReturnTo(isDecided: options.transaction == .rollBack)
            if backup != nil {
                plan.add(
                    .transactionRolledBack,
                    "a transaction that did not end is rolled back to the copies made at its begin")
            }
            return backup
        } catch {
            switch error.code {
            case .metadataMissing, .metadataNotJSON, .metadataMalformed, .metadataUnsigned, .limitExceeded:
                throw rollback.undecided(error.message)
            default: throw error
            }
        }
    }

    /// What going back from `now` to `then` does, record by record; both in the order of ids.
    private static func differences(
        from now: [RescueScan.Candidate], to then: [RescueScan.Candidate]
    ) -> [RepairPlan.RolledBack] {
        var out: [RepairPlan.RolledBack] = []
        var (i, j) = (0, 0)
        while i < now.count || j < then.count {
            if j == then.count || (i < now.count && now[i].id < then[j].id) {
                out.append(RepairPlan.RolledBack(id: now[i].id, change: .removed))
                i += 1
            } else if i == now.count || then[j].id < now[i].id {
                out.append(RepairPlan.RolledBack(id: then[j].id, change: .restored))
                j += 1
            } else {
                if now[i].digest != then[j].digest || now[i].byteCount != then[j].byteCount {
                    out.append(RepairPlan.RolledBack(id: now[i].id, change: .reverted))
                }
                i += 1
                j += 1
            }
        }
        return out
    }

    private static func image(
        _ source: RescueSource, _ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey,
        _ plan: inout RepairPlan
    ) throws(EngineError) -> MetadataImage {
        if let metadata = source.metadata { return try MetadataImage(metadata) }
        let why = source.problem?.message ?? "there is no metadata"
        plan.add(.metadataRebuilt, "the index is made anew from the pages: \(why)")
        if let (path, metadata) = try definitions(files, in: storage, key: key) {
            plan.add(
                .definitionsTaken, "index definitions and settings are taken from \(path.displayString), which verifies"
            )
            return try MetadataImage(metadata)
        }
        plan.add(
            .definitionsLost,
            "index definitions and settings are lost: the app defines its indexes again when it opens the database")
        return MetadataImage()
    }

    /// The newest metadata beside the database that this key has signed.
    private static func definitions(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey
    ) throws(EngineError) -> (FilePath, Metadata)? {
        let status = try FileSetStatus.read(files, in: storage)
        // Copies of openings do not tell of which database they are.
        let kinds: Set<Leftover.Kind> = [.vacuumBackup, .transactionCopy]
        let paths =
            [files.meta]
            + status.leftovers.filter { kinds.contains($0.kind) && $0.path.extension == "meta" }.map(\.path)
        var best: (FilePath, Metadata, Int64)?
        for path in paths {
            // One that cannot be read, or is of another database, has nothing to give.
            guard let file = try? MetadataFile(path, in: storage), let texts = try? file.signedTexts(),
                file.isVerified(by: key, texts: texts), let payload = try? file.payload()
            else { continue }
            if let best, best.2 >= file.status.modified { continue }
            best = (path, Metadata(payload, wrapper: file.wrapper), file.status.modified)
        }
        return best.map { ($0.0, $0.1) }
    }

    private static func measure(
        _ plan: inout RepairPlan, _ records: [RescueScan.Candidate], _ image: MetadataImage, _ present: RescueSource,
        _ files: FileSet, in storage: any Storage, key: SymmetricKey
    ) throws(EngineError) {
        var image = image
        image.index = RecordIndex()
        image.freePages = []
        var pages: UInt64 = 0
        for record in records {
            let count = UInt64(RecordShape.pages(ofBytes: record.byteCount))
            image.index.append(record.id, UInt32(clamping: pages)..<UInt32(clamping: pages + count))
            pages += count
        }
        image.nextPageIndex = pages
        plan.bytesBefore = present.store.status.size + (present.metadataStatus?.size ?? 0)
        plan.bytesAfter = pages * UInt64(PageView.byteCount) + UInt64(try image.encoded(key: key).count)
        plan.diskNeeded = plan.bytesAfter + (present.store.overlay.isEmpty ? 0 : present.store.status.size)
        plan.diskAvailable = storage.available(at: files.data)
        let given = present.store.filePages > pages ? present.store.filePages - pages : 0
        if given > 0 { plan.add(.pagesGivenBack, "\(given) pages are given back") }
    }
}

extension RepairPlan {
    /// How many ids a step names.
    private static let namedInSteps = 8

    mutating func add(_ kind: Step.Kind, _ message: String) { steps.append(Step(kind, message)) }

    mutating func take(_ choice: RescueChoice) {
        records = choice.records.count
        recovered = choice.recovered
        lost = choice.lost
        duplicates = choice.duplicates
        deleted = choice.deleted
    }

    mutating func tell(_ choice: RescueChoice, _ source: RescueSource, backup: Bool) {
        if !backup, !source.store.overlay.isEmpty {
            let count = source.store.overlay.count
            let ids = choice.fromWAL.prefix(Self.namedInSteps).map(\.description)
            let more = choice.fromWAL.count - ids.count
            add(
                .walApplied,
                ids.isEmpty
                    ? "\(count) torn pages are taken from the WAL"
                    : "\(count) torn pages are taken from the WAL, which may hold an older state of them: records "
                        + ids.joined(separator: ", ") + (more > 0 ? " and \(more) more" : ""))
        }
        if let wal = source.wal, wal.size > 0 {
            add(.walEmptied, "the WAL is emptied: \(wal.entries) entries in \(wal.size) bytes; the kept set has it")
        }
        if choice.unfinished > 0 {
            add(.unfinishedLeftOut, "\(choice.unfinished) records of a change that was not finished do not count")
        }
        if !deleted.isEmpty { add(.entriesRemoved, "\(deleted.count) entries of deleted records go") }
        if choice.oldForms > 0 {
            add(.formsRenewed, "\(choice.oldForms) records in the overflow form before 2.7.1 get the present one")
        }
        if choice.lookingLonger > 0 {
            add(
                .formsRenewed,
                "\(choice.lookingLonger) records that look like the beginning of longer ones are written so that they do not"
            )
        }
        if choice.plainTaken > 0 {
            add(.formsRenewed, "\(choice.plainTaken) records in plain text pages are encrypted, as asked for")
        }
        if choice.plain > 0 {
            add(
                .plainLeftOut,
                "\(choice.plain) records in plain text pages are left out: --include-plain takes them")
        }
        if choice.free > 0 {
            add(
                .freeLeftOut,
                "\(choice.free) records in pages of the free list count as deleted: --include-free takes them")
        }
    }
}
