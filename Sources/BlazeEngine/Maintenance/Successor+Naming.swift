internal import BlazePlatform
internal import SystemPackage

extension FileSet {
    /// That a new database can have these names. Throws `.alreadyExists`.
    func checkFree(in storage: any ChangingStorage) throws(EngineError) {
        for path in [data, meta, salt, wal, dataAside, metaAside, swapMarker] {
            guard try onStorage(path, { try storage.ownStatus(of: path) }) == nil else {
                throw EngineError(alreadyThere: path)
            }
        }
        // What an operation left of a database of this name, BlazeDB would put in the place of the new one (traps T5, T6). What
        // was being built here is made anew.
        let own = [successor.data, successor.meta]
        let status = try FileSetStatus.read(self, in: storage)
        let isThere = try onStorage(directory) { try storage.status(of: directory) } != nil
        guard status.leftoversKnown || !isThere else {
            throw EngineError(.permissionDenied, "\(directory.displayString) cannot be listed", path: directory)
        }
        let left = status.leftovers.first {
            $0.kind != .openBackup && $0.kind != .transactionLog && !own.contains($0.path)
        }
        if let left { throw EngineError(alreadyThere: left.path) }
    }
}

extension EngineError {
    /// Something has a path that a new database is to have.
    init(alreadyThere path: FilePath) {
        self.init(
            .alreadyExists, "\(path.displayString) exists already", hint: "name another path, or move it away",
            path: path)
    }
}

extension Successor {
    /// Gives the new files the names of a database that is not there yet, of which the metadata's is the last: without it
    /// there is no database. A name that somebody has given meanwhile is not taken from him.
    ///
    /// - Parameter salt: what the key was derived with; nil for a database without a salt file.
    func name(_ target: FileSet, salt: [UInt8]?, in storage: any ChangingStorage) throws {
        guard try storage.status(of: files.data)?.identity == dataIdentity,
            try storage.status(of: files.meta)?.identity == metaIdentity
        else {
            throw EngineError(
                .replacedMeanwhile, "another operation is writing \(target.data.displayString)", path: target.data)
        }
        var saltIdentity: FileIdentity?
        do {
            if let salt {
                let file = try storage.create(target.salt, like: nil)
                saltIdentity = try file.status().identity
                try file.write(salt, at: 0)
                try file.sync()
            }
            try storage.link(files.data, to: target.data)
            try storage.syncDirectory(of: target.data)
            try storage.link(files.meta, to: target.meta)
        } catch {
            // Only what was made here is taken away again.
            for (path, identity) in [(target.data, dataIdentity), (target.salt, saltIdentity)]
            where identity != nil && (try? storage.status(of: path))??.identity == identity {
                try? storage.remove(path)
            }
            throw error
        }
        for path in [files.data, files.meta] { try storage.remove(path) }
        try storage.syncDirectory(of: target.data)
    }
}
