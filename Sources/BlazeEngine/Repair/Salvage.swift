internal import BlazeModel
public import BlazePlatform
public import Crypto
public import SystemPackage

/// Takes every record that is left of a database into a new one at another path, when files of its set are missing: no metadata,
/// no data file but what a vacuum left, nothing but a WAL. The old files are only read.
public enum Salvage {
    /// What was taken from where.
    public struct Report: Sendable, Hashable {
        /// What was found and decided.
        public internal(set) var plan: RepairPlan
        /// The data file that the records came from; nil where only a WAL was left.
        public internal(set) var source: FilePath?
        /// Data file and metadata of the new database, in bytes.
        public internal(set) var bytes: UInt64 = 0
    }

    /// What is left of a database: the pages that count, and the metadata that may describe them.
    static func places(of files: FileSet, in storage: any Storage) throws(EngineError) -> (
        data: FilePath?, meta: FilePath
    ) {
        let (data, meta, _) = try RescueSource.places(of: files, in: storage)
        if let data { return (data, meta) }
        // Of what operations left, the fullest: a copy from before a transaction or of an opening, then what a vacuum built.
        let status = try FileSetStatus.read(files, in: storage)
        for kind in [Leftover.Kind.transactionCopy, .vacuumNew, .asyncVacuum] {
            let found = status.leftovers.filter { $0.kind == kind && $0.size > 0 && Self.holdsPages($0.path) }
            guard let best = found.max(by: { $0.size < $1.size }) else { continue }
            let own = best.path.withoutExtension.appendingSuffix(".meta")
            let hasOwn = try onStorage(own) { try storage.status(of: own) } != nil
            return (best.path, hasOwn ? own : files.meta)
        }
        return (nil, files.meta)
    }

    /// That something is left which could hold a record. Throws `.notFound`.
    public static func checkLeft(of files: FileSet, in storage: any Storage) throws(EngineError) {
        guard try places(of: files, in: storage).data == nil else { return }
        guard try onStorage(files.wal, { try storage.status(of: files.wal)?.size ?? 0 }) > 0 else {
            throw EngineError(
                .notFound, "nothing that could hold a record is left of \(files.data.displayString)", path: files.data)
        }
    }

    private static func holdsPages(_ path: FilePath) -> Bool {
        path.extension == "blazedb" || (path.extension ?? "").hasPrefix("vacuum-")
    }

    /// Makes the new database.
    ///
    /// - Parameters:
    ///   - key: the old database's key, which is the new one's as well.
    ///   - salt: the salt that the key was derived with; nil for a database without a salt file.
    ///   - target: the new database's files, of which none may be there.
    ///   - progress: called now and then; what it throws ends the salvage, and nothing of the new database is left.
    /// - Throws: `.alreadyExists`, `.notFound` where nothing is left, `.nothingKept` where nothing of it is a record; what
    ///   reading and writing throws.
    public static func run(
        _ files: FileSet, to target: FileSet, in storage: any ChangingStorage, key: SymmetricKey, salt: [UInt8]?,
        options: RepairOptions, progress: (MaintenanceProgress) throws -> Void = { _ in }
    ) throws -> Report {
        try checkLeft(of: files, in: storage)
        let (data, meta) = try places(of: files, in: storage)
        let hasWAL = try onStorage(files.wal) { try storage.status(of: files.wal)?.size ?? 0 } > 0
        try target.checkFree(in: storage)
        // A WAL belongs to the database's own data file, wherever a vacuum has put that, and to no other one.
        let isOwn = data == nil || data == files.data || data == files.dataAside
        let present = try RescueSource(
            data: data, meta: meta, wal: hasWAL && isOwn ? files.wal : nil, in: storage, key: key,
            marked: isOwn ? files : nil)
        var plan = RepairPlan()
        let backup =
            isOwn && data != nil ? try Rescue.backup(files, present, in: storage, key: key, options, &plan) : nil
        let source =
            try backup.map { backup throws(EngineError) in
                try RescueSource(data: backup.path, meta: backup.meta.path, wal: nil, in: storage, key: key)
            } ?? present
        let choice = RescueChoice(
            source, try RescueScan(source.store, readsPlain: options.includesPlain, .reading, progress), options)
        guard !choice.records.isEmpty || (choice.lost.isEmpty && source.metadata != nil) else {
            throw EngineError(
                .nothingKept,
                "nothing that is left of \(files.data.displayString) is a record that this password opens",
                path: files.data)
        }
        plan.salvage(choice, source, backup: backup != nil)
        let image =
            try source.metadata.map { metadata throws(EngineError) in try MetadataImage(metadata) } ?? MetadataImage()
        let status = try data.map { try storage.open($0).status() }
        let new = target.successor
        do {
            let builder = try SuccessorBuilder(new, in: storage, key: key, cipher: source.store.cipher, like: nil)
            try builder.copy(choice.records, from: source.store, progress)
            var changed = image
            if plan.isOtherRecords { changed.dropSearchIndex() }
            let successor = try builder.finish(changed, like: nil)
            try successor.verify(progress)
            try successor.sync()
            try progress(MaintenanceProgress(.swapping, done: plan.records, total: plan.records))
            try successor.name(target, salt: salt, in: storage)
            plan.bytesBefore = status?.size ?? 0
            plan.bytesAfter = successor.bytes
            return Report(plan: plan, source: backup?.path ?? data, bytes: successor.bytes)
        } catch {
            // What is left over is told by its name; why the salvage ended is the error to tell.
            for path in [new.data, new.meta] { try? storage.remove(path) }
            throw error
        }
    }
}

extension RepairPlan {
    fileprivate mutating func salvage(_ choice: RescueChoice, _ source: RescueSource, backup: Bool) {
        take(choice)
        if source.metadata == nil, let problem = source.problem {
            add(.metadataRebuilt, "the index is made anew from the pages: \(problem.message)")
            add(
                .definitionsLost,
                "index definitions and settings are lost: the app defines its indexes again when it opens the database")
        }
        tell(choice, source, backup: backup)
    }
}
