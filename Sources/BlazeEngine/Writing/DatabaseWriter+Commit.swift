internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

extension DatabaseWriter {
    /// Makes a new state durable: three syncs, of the data file, the new metadata and the directory.
    ///
    /// - Parameters:
    ///   - freed: pages that the new state does not use any more; they are on its free list. They are zeroed last, which
    ///     is durable with the next sync.
    func commit(_ new: MetadataImage, _ allocator: PageAllocator, freed: [UInt32], run: PageRun) throws(EngineError) {
        var isNamed = false
        do throws(EngineError) {
            try changing { () throws(EngineError) in
                try run.flush()
                try onStorage(files.data) { try data.sync() }
                try replaceMetadata(new) { isNamed = true }
            }
        } catch {
            if !isNamed { cutBack() }
            throw error
        }
        image = new
        self.allocator = allocator
        // The new state is durable whatever comes now.
        do throws(EngineError) {
            try run.zero(freed.sorted())
        } catch {
            poison(by: error)
        }
    }

    /// Removes the file of secondary indexes that very old versions wrote: BlazeDB prefers it to the metadata, and it would say of
    /// changed records what is not true any more. What is in it can be built anew.
    func dropSeparateIndexes() throws(EngineError) {
        try changing { () throws(EngineError) in
            try onStorage(files.indexes) {
                if try storage.status(of: files.indexes) != nil { try storage.remove(files.indexes) }
            }
        }
    }

    /// Writes metadata beside the old one and renames it over it. From `willRename` on it may be on the disk.
    func replaceMetadata(_ new: MetadataImage, willRename: () -> Void = {}) throws(EngineError) {
        try checkPlace()
        let text = try new.encoded(key: key)
        try onStorage(files.meta) {
            try storage.remove(files.metaNew)
            let file = try storage.create(files.metaNew, like: metadataStatus ?? store.status)
            do {
                try text.write(to: file)
                try file.sync()
            } catch {
                // The one that counts is untouched, so no half of another one stays beside it. What could not be written
                // is the error to tell.
                try? storage.remove(files.metaNew)
                throw error
            }
            try checkMetadata()
            willRename()
            try storage.rename(files.metaNew, to: files.meta)
            try storage.syncDirectory(of: files.meta)
            metadataStatus = try file.status()
            isMetadataStale = false
            forgetGrowth()
        }
    }

    /// That the path still names the data file whose lock is held.
    func checkPlace() throws(EngineError) {
        let named = try onStorage(files.data) { try storage.status(of: files.data)?.identity }
        guard let named, locks.contains(where: { $0.identity == named }), named == store.status.identity else {
            throw EngineError(
                .replacedMeanwhile, "another process replaced \(files.data.displayString) although it was locked",
                hint: "nothing was changed; see blazectl holders, then try again", path: files.data)
        }
    }

    /// That the metadata is the one that was read or written here last.
    private func checkMetadata() throws(EngineError) {
        let named = try onStorage(files.meta) { try storage.status(of: files.meta)?.identity }
        guard named == metadataStatus?.identity else {
            throw EngineError(
                .replacedMeanwhile, "another process replaced \(files.meta.displayString) although it was locked",
                hint: "nothing was changed; see blazectl holders, then try again", path: files.meta)
        }
    }
}
