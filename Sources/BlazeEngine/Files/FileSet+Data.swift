internal import BlazePlatform
internal import SystemPackage

extension FileSet {
    /// Opens the data file.
    ///
    /// Throws `.notFound`, `.notRegularFile`, `.permissionDenied`, and `.dataMovedAside` where an interrupted vacuum
    /// has left it under another name (FORMAT.md 7.4, trap T5b): its records are not lost, and the caller must not
    /// call it missing.
    func openData(in storage: any Storage) throws(EngineError) -> any StorageFile {
        do {
            return try storage.open(data)
        } catch {
            guard error.code == .notFound, let leftovers = try? FileSetStatus.read(self, in: storage).leftovers,
                let aside = leftovers.first(where: { $0.kind == .vacuumBackup && $0.path.extension == data.extension })
            else { throw EngineError(error) }
            throw EngineError(
                .dataMovedAside, "\(data.displayString) is missing: a vacuum that did not end has moved it aside",
                hint: "blazectl gc run gives \(aside.path.displayString) its name back", path: data)
        }
    }
    /// What stat tells about the open data file. Throws what `openData` throws.
    func dataStatus(in storage: any Storage) throws(EngineError) -> FileStatus {
        let file = try openData(in: storage)
        do {
            return try file.status()
        } catch {
            throw EngineError(error)
        }
    }
}
