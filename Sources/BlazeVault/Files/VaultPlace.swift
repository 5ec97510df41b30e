internal import BlazePlatform
internal import SystemPackage

/// Where a vault's files are, and the order of calls that keeps the old vault or the new one whatever happens.
struct VaultPlace: Sendable {
    let path: FilePath
    let files: any VaultFiles
    /// How long to wait for another process that is writing.
    let patience: Duration

    var previous: FilePath { path.appendingSuffix(".previous") }
    /// `NAME.lock` for `NAME.bdv`.
    private var lockPath: FilePath { path.withoutExtension.appendingSuffix(".lock") }
    /// Made and taken away only under the lock: what is found there is left over from a crash.
    private var next: FilePath { path.appendingSuffix(".new") }
    private var nextPrevious: FilePath { path.appendingSuffix(".previous.new") }
    private var directory: FilePath {
        let parent = path.removingLastComponent()
        return parent.isEmpty ? "." : parent
    }

    /// The lock between processes that write this vault; the directory must be there.
    func lock() throws(VaultError) -> any Sendable {
        try storage(writing: true) { () throws(StorageError) in try files.lock(lockPath, patience: patience) }
    }

    /// Makes the directory when it is missing, and checks it.
    func makeDirectory() throws(VaultError) {
        try storage(writing: true) { () throws(StorageError) in try files.makeDirectory(directory) }
        try checkDirectory()
    }

    /// Checks the directory.
    ///
    /// - Throws: `exposed`; `notFound` when it is missing.
    func checkDirectory() throws(VaultError) {
        let status = try storage(writing: false) { () throws(StorageError) in try files.status(of: directory) }
        guard let status else { throw notFound(hint: "make one: vault init") }
        try Exposure.check(directory: directory, status, user: files.user)
    }

    /// Whether a path has something on it.
    func exists(_ path: FilePath) throws(VaultError) -> Bool {
        try storage(writing: false) { () throws(StorageError) in try files.status(of: path) } != nil
    }

    /// The vault as it is on the disk now, with its file's permission bits.
    func read() throws(VaultError) -> (file: VaultFile, mode: UInt16) {
        try checkDirectory()
        guard try exists(path) else {
            throw notFound(
                hint: try exists(previous)
                    ? "the generation before is there: give \(previous.displayString) the vault's name"
                    : "make one: vault init")
        }
        return try read(path)
    }

    /// One file of the vault's format beside the vault, or the vault itself.
    func read(_ path: FilePath) throws(VaultError) -> (file: VaultFile, mode: UInt16) {
        if let status = try storage(writing: false, { () throws(StorageError) in try files.status(of: path) }) {
            try Exposure.check(file: path, status, user: files.user)
        }
        let (status, bytes) = try storage(writing: false) { () throws(StorageError) in
            try files.read(path, limit: VaultLimits.fileBytes + 1)
        }
        // What was opened may be another file than the one looked at before.
        try Exposure.check(file: path, status, user: files.user)
        do throws(VaultError) {
            return (try VaultFile(bytes), status.mode)
        } catch {
            throw VaultError(error.code, error.message, hint: error.hint, path: path)
        }
    }

    /// Writes the first generation. Called under the lock, where there is no vault.
    func create(_ file: VaultFile) throws(VaultError) {
        try storage(writing: true) { () throws(StorageError) in
            try files.remove(next)
            do throws(StorageError) {
                try write(file.bytes, to: next)
                try files.rename(next, to: path)
            } catch {
                discard()
                throw error
            }
            try files.syncDirectory(directory)
        }
    }

    /// Puts a new generation in the vault's place.
    ///
    /// The generation before becomes `previous`. When `forgets` says that the new one no longer opens with a secret, or
    /// no longer has an entry, that the old one does, the new one becomes `previous` as well, and durably so before the
    /// vault itself is replaced: at no moment is there a copy that still opens beside a vault that does not.
    ///
    /// - Parameter isReplaced: set as soon as the new generation has the vault's name, also when a later call fails.
    func replace(
        _ old: VaultFile, with new: VaultFile, forgets: Bool, isReplaced: inout Bool
    ) throws(VaultError) {
        var named = false
        defer { isReplaced = named }
        try storage(writing: true) { () throws(StorageError) in
            do throws(StorageError) {
                try files.remove(next)
                try files.remove(nextPrevious)
                try write(new.bytes, to: next)
                try write(forgets ? new.bytes : old.bytes, to: nextPrevious)
                try files.rename(nextPrevious, to: previous)
                if forgets { try files.syncDirectory(directory) }
                try files.rename(next, to: path)
            } catch {
                // A call that is told as failed may have had its effect all the same; network file systems do that.
                named = (try? files.read(path, limit: VaultLimits.fileBytes + 1).bytes) == new.bytes
                discard()
                throw error
            }
            named = true
            try files.syncDirectory(directory)
        }
    }

    /// Writes a copy to a path that must be free.
    func copy(_ file: VaultFile, to target: FilePath) throws(VaultError) {
        let partial = target.appendingSuffix(".partial-\(UInt32.random(in: 0...UInt32.max))")
        let parent = target.removingLastComponent()
        guard try !exists(target) else {
            throw VaultError(
                .exists, "\(target.displayString) exists already", hint: "choose another name", path: target)
        }
        try storage(writing: true) { () throws(StorageError) in
            let writer = try files.create(partial)
            do throws(StorageError) {
                try writer.write(file.bytes)
                try writer.sync()
                try files.link(partial, to: target)
            } catch {
                try? files.remove(partial)
                throw error
            }
            try files.remove(partial)
            try files.syncDirectory(parent.isEmpty ? "." : parent)
        }
    }

    private func write(_ bytes: [UInt8], to path: FilePath) throws(StorageError) {
        let writer = try files.create(path)
        try writer.write(bytes)
        try writer.sync()
    }

    /// Takes away what an interrupted write has left. Should that fail as well, the next write does it; the error that
    /// led here is the one to tell.
    private func discard() {
        try? files.remove(next)
        try? files.remove(nextPrevious)
    }

    private func notFound(hint: String) -> VaultError {
        VaultError(.notFound, "there is no vault at \(path.displayString)", hint: hint, path: path)
    }

    private func storage<R>(
        writing: Bool, _ body: () throws(StorageError) -> R
    ) throws(VaultError) -> R {
        do throws(StorageError) {
            return try body()
        } catch {
            throw VaultError(error, writing: writing)
        }
    }
}
