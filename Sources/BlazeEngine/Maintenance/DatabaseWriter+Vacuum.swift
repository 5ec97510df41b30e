internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// What vacuum has done. Sizes in bytes.
public struct VacuumReport: Sendable, Hashable {
    /// Records in the new files.
    public internal(set) var records = 0
    /// Index entries of deleted records that were taken off.
    public internal(set) var entriesRemoved = 0
    /// Records of no index that were dropped with their pages.
    public internal(set) var unindexedDropped = 0
    /// Data file and metadata before.
    public internal(set) var bytesBefore: UInt64 = 0
    /// Data file and metadata after.
    public internal(set) var bytesAfter: UInt64 = 0
    /// False when there was nothing to gain: the files are the old ones.
    public internal(set) var isRewritten = false
}

extension DatabaseWriter {
    /// Writes all records side by side into new files, reads them back, and puts these in the place of the old ones by the
    /// protocol of FORMAT.md 8.1b, which BlazeDB finishes or undoes by itself. Records keep their bytes; index definitions,
    /// metaData and unknown members are kept.
    ///
    /// - Parameters:
    ///   - dropsUnindexed: records that stand in pages of no list, and that the index does not have, may be lost.
    ///   - always: also where nothing is gained.
    ///   - progress: called now and then; what it throws before the new files are put in place leaves the old ones.
    ///   - beforeSwap: called once the new files are whole; what it throws leaves the old ones.
    /// - Throws: `.damaged` when a record cannot be read, `.wouldDropRecords` when `dropsUnindexed` would be needed; `.noSpace`,
    ///   `.noMemory`; what a transaction throws; what `progress` throws.
    public func vacuum(
        dropsUnindexed: Bool = false, always: Bool = false, progress: (MaintenanceProgress) throws -> Void = { _ in },
        beforeSwap: () throws -> Void = {}
    ) throws -> VacuumReport {
        try exclusively { try rewrite(dropsUnindexed: dropsUnindexed, always: always, progress, beforeSwap) }
    }

    private func rewrite(
        dropsUnindexed: Bool, always: Bool, _ progress: (MaintenanceProgress) throws -> Void,
        _ beforeSwap: () throws -> Void
    ) throws -> VacuumReport {
        try store.renewStatus()
        // The metadata is what gets its second name here last, so that it is what tells whether it can.
        try FileSwap.checkNames(files, in: storage, probe: files.meta)
        try checkNeeds()
        let successor: Successor
        do {
            successor = try Successor(of: self, progress)
            try check(successor, dropsUnindexed: dropsUnindexed)
        } catch {
            // Why it ended is the error to tell; what stays behind, the next opening removes.
            try? removeSuccessor()
            throw error
        }
        var report = VacuumReport()
        report.records = successor.image.index.count
        report.bytesBefore = try sizeNow()
        report.entriesRemoved = successor.deleted
        guard always || successor.bytes < report.bytesBefore else {
            try removeSuccessor()
            report.entriesRemoved = 0
            report.bytesAfter = report.bytesBefore
            return report
        }
        report.unindexedDropped = successor.unindexed
        do {
            try successor.verify(progress)
            try onStorage(files.data) { try successor.sync() }
            try beforeSwap()
            try progress(MaintenanceProgress(.swapping, done: report.records, total: report.records))
        } catch {
            // Why it ended is the error to tell; what stays behind, the next opening removes.
            try? removeSuccessor()
            throw error
        }
        try swap(to: successor)
        report.bytesAfter = try sizeNow()
        report.isRewritten = true
        return report
    }

    private func checkNeeds() throws(EngineError) {
        let disk = UInt64(image.index.pages.count) * UInt64(PageView.byteCount) + (metadataStatus?.size ?? 0)
        if let available = storage.available(at: files.data), available < disk {
            throw EngineError(
                .noSpace, "a vacuum takes some \(disk) bytes of disk meanwhile, and \(available) are left",
                hint: "make room on the file system of \(files.data.displayString)", path: files.data)
        }
        let memory = VacuumNeeds.memory(index: image.index, metadataBytes: metadataStatus?.size ?? 0)
        if let available = MachineMemory.available(), available < memory {
            throw EngineError(
                .noMemory, "a vacuum takes up to \(memory) bytes of memory, and \(available) are left", path: files.data
            )
        }
    }

    private func check(_ successor: Successor, dropsUnindexed: Bool) throws(EngineError) {
        guard !dropsUnindexed, successor.unindexed > 0 else { return }
        throw EngineError(
            .wouldDropRecords,
            "\(successor.unindexed) records stand in pages that the index does not know, and would be lost",
            hint: "copy all files of the database away first; --drop-unindexed then leaves them out", path: files.data)
    }

    private func removeSuccessor() throws(EngineError) {
        guard poison == nil else { return }
        try onStorage(files.data) {
            for path in [files.successor.data, files.successor.meta] { try storage.remove(path) }
        }
    }

    // MARK: Swap

    /// From the success marker on the new files count.
    private func swap(to new: Successor) throws(EngineError) {
        let swap = FileSwap(
            files, in: storage, like: store.status, to: new.files, data: new.dataIdentity, meta: new.metaIdentity)
        do throws(EngineError) {
            try changing { () throws(EngineError) in
                try checkPlace()
                try onStorage(files.data) { try swap.prepare { locks.append($0) } }
            }
        } catch {
            // What cannot be undone here is undone by the next opening. Where the new files may count already, only that can
            // tell.
            guard (try? storage.status(of: files.swapSuccess)) == .some(nil) else { throw error }
            var interrupted = InterruptedSwap(files, in: storage, locks: locks)
            _ = try? interrupted.resolve()
            throw error
        }
        do throws(EngineError) {
            try onStorage(files.data) { try finish(swap, new) }
        } catch {
            poison(by: error)
            guard error.code == .replacedMeanwhile else { return }
            // A success that is none would mislead whoever opens the database next. What else to do is for that opening.
            try? storage.remove(files.swapSuccess)
            throw error
        }
    }

    private func finish(_ swap: FileSwap, _ new: Successor) throws {
        try swap.check()
        data = try storage.openForWriting(files.data)
        store = try PageStore(files.data, in: storage, cipher: cipher)
        image = new.image
        allocator = PageAllocator(free: [], next: new.image.nextPageIndex, listed: [])
        metadataStatus = try storage.status(of: files.meta)
        try swap.finish()
    }
}
