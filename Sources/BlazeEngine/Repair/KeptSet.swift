internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The files of a database as they were before a repair or a restore, in a directory of their own beside it, under their own names: an old
/// data file is there by a second name, so that keeping it costs nothing until the new one is in its place.
struct KeptSet {
    /// A file that is kept.
    struct File: Equatable {
        /// Its name in both directories.
        let name: FilePath.Component
        /// Which file it was.
        let inode: UInt64
        let size: UInt64
    }

    /// A file that is to be kept, and the path that it is to come back to.
    struct Source {
        let path: FilePath
        let name: FilePath
    }

    /// What was done, for people: every record that was recovered, lost, or there twice.
    static let reportName = FilePath.Component("repair.json")
    static let manifestName = FilePath.Component("kept.json")

    let directory: FilePath
    private let files: FileSet
    private let storage: any ChangingStorage

    init(_ directory: FilePath, of files: FileSet, in storage: any ChangingStorage) {
        self.directory = directory
        self.files = files
        self.storage = storage
    }

    /// One with a name that is not in use, not made yet.
    static func fresh(of files: FileSet, before reason: KeptReason, in storage: any ChangingStorage) throws -> KeptSet {
        var stamp = Date.now.formatted(.iso8601).filter { character in character.isLetter || character.isNumber }
        let base = stamp
        var number = 1
        while try storage.ownStatus(of: files.kept(stamp, before: reason)) != nil {
            number += 1
            stamp = "\(base)-\(number)"
        }
        return KeptSet(files.kept(stamp, before: reason), of: files, in: storage)
    }

    /// Those of one kind that are there, the newest first.
    static func all(of files: FileSet, before reason: KeptReason, in storage: any ChangingStorage) throws -> [KeptSet] {
        let stamp = files.nameBytes.count + reason.mark.utf8.count + "20261126T224354Z".utf8.count
        /// Of one second the one with the larger number, which may have more digits.
        func isNewer(_ a: [UInt8], _ b: [UInt8]) -> Bool {
            let (x, y) = (a.prefix(stamp), b.prefix(stamp))
            if !x.elementsEqual(y) { return y.lexicographicallyPrecedes(x) }
            return a.count == b.count ? b.lexicographicallyPrecedes(a) : a.count > b.count
        }
        func bytes(_ name: FilePath.Component) -> [UInt8] { FilePath(root: nil, [name]).bytes }
        return try storage.names(in: files.directory)
            .filter { files.keptReason(bytes($0)) == reason }
            .sorted { isNewer(bytes($0), bytes($1)) }
            .map { files.directory.appending($0) }
            .map { KeptSet($0, of: files, in: storage) }
            .filter { try $0.isPrivate() }
    }

    /// Whether it is a directory that nobody but the database's owner can have filled.
    private func isPrivate() throws -> Bool {
        guard let own = try storage.ownStatus(of: directory) else { return false }
        let owner = try storage.status(of: files.data)?.owner ?? own.owner
        return own.kind == .directory && own.mode & 0o077 == 0 && own.owner == owner
    }

    func path(_ name: FilePath.Component) -> FilePath { directory.appending(name) }

    /// Whether it was finished: its manifest is written last.
    func isWhole() throws -> Bool { try storage.status(of: path(Self.manifestName)) != nil }

    /// Makes the directory, and gives the files in it their second names; durable when it returns.
    ///
    /// - Parameters:
    ///   - sources: the files; those that are not there are left out.
    ///   - copied: those of them that are copied, because something will be written to them.
    func make(_ sources: [Source], copied: Set<FilePath>, like model: FileStatus) throws -> [File] {
        try storage.makeDirectory(directory, like: model)
        try storage.syncDirectory(of: directory)
        var kept: [File] = []
        for source in sources {
            let path = source.path
            guard let status = try storage.status(of: path), status.kind == .regular,
                let name = source.name.lastComponent
            else { continue }
            if copied.contains(source.name) {
                try copy(path, status, to: self.path(name))
            } else {
                try storage.link(path, to: self.path(name))
            }
            kept.append(File(name: name, inode: status.identity.inode, size: status.size))
        }
        try storage.syncDirectory(of: path(Self.manifestName))
        return kept
    }

    private func copy(_ path: FilePath, _ status: FileStatus, to other: FilePath) throws {
        let from = try storage.open(path)
        let to = try storage.create(other, like: status)
        var at: UInt64 = 0
        while at < status.size, let start = try from.nextData(from: at) {
            guard start < status.size else { break }
            let count = Int(min(1 << 20, status.size - start))
            do throws(StorageError) {
                let bytes = try from.bytes(count: count, at: start)
                guard !bytes.isEmpty else { break }
                try to.write(bytes, at: start)
                at = start + UInt64(bytes.count)
            } catch {
                guard error.operation == "read" else { throw error }
                // Of a failing disk whatever it still gives is kept, page by page.
                try copyPages(from, to, start..<start + UInt64(count))
                at = start + UInt64(count)
            }
        }
        try to.truncate(to: status.size)
        try to.sync()
    }

    /// Writes what was done, and what it is last of all.
    func write(report: [UInt8], manifest: [UInt8]) throws {
        for (name, bytes) in [(Self.reportName, report), (Self.manifestName, manifest)] {
            let file = try storage.create(path(name), like: nil)
            try file.write(bytes, at: 0)
            try file.sync()
        }
        try storage.syncDirectory(of: path(Self.manifestName))
    }

    private func copyPages(_ from: any StorageFile, _ to: any WritableFile, _ range: Range<UInt64>) throws {
        for at in stride(from: range.lowerBound, to: range.upperBound, by: PageView.byteCount) {
            let count = Int(min(UInt64(PageView.byteCount), range.upperBound - at))
            guard let bytes = try? from.bytes(count: count, at: at) else { continue }
            try to.write(bytes, at: at)
        }
    }

    /// Takes it away with all files that are in it. What somebody has put there since, and is no file, stays.
    func remove() throws {
        guard try isPrivate() else { return }
        let names: [FilePath.Component]
        do throws(StorageError) {
            names = try storage.names(in: directory)
        } catch {
            guard error.code == .notFound else { throw error }
            names = []
        }
        // Without the manifest it is no kept set any more, whatever becomes of the rest.
        try storage.remove(path(Self.manifestName))
        var isEmpty = true
        for name in names {
            if try storage.ownStatus(of: path(name))?.kind == .directory {
                isEmpty = false
            } else {
                try storage.remove(path(name))
            }
        }
        if isEmpty { try storage.removeDirectory(directory) }
        try storage.syncDirectory(of: directory)
    }
}
