internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The files of a database as they were before a repair, in a directory of their own beside it, under their own names: an old
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

    static let manifestName = FilePath.Component("repair.json")

    let directory: FilePath
    private let files: FileSet
    private let storage: any ChangingStorage

    init(_ directory: FilePath, of files: FileSet, in storage: any ChangingStorage) {
        self.directory = directory
        self.files = files
        self.storage = storage
    }

    /// One with a name that is not in use, not made yet.
    static func fresh(of files: FileSet, in storage: any ChangingStorage) throws -> KeptSet {
        var stamp = Date.now.formatted(.iso8601).filter { character in character.isLetter || character.isNumber }
        let base = stamp
        var number = 1
        while try storage.status(of: files.kept(stamp)) != nil {
            number += 1
            stamp = "\(base)-\(number)"
        }
        return KeptSet(files.kept(stamp), of: files, in: storage)
    }

    /// Those that are there, the newest first.
    static func all(of files: FileSet, in storage: any ChangingStorage) throws -> [KeptSet] {
        return try storage.names(in: files.directory)
            .filter { files.isKept(FilePath(root: nil, [$0]).bytes) }
            .map { files.directory.appending($0) }
            .sorted { $1.bytes.lexicographicallyPrecedes($0.bytes) }
            .map { KeptSet($0, of: files, in: storage) }
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
            let bytes = try from.bytes(count: Int(min(1 << 20, status.size - start)), at: start)
            guard !bytes.isEmpty else { break }
            try to.write(bytes, at: start)
            at = start + UInt64(bytes.count)
        }
        try to.truncate(to: status.size)
        try to.sync()
    }

    /// Writes what it is and what was done, last of all.
    func write(_ manifest: [UInt8]) throws {
        let file = try storage.create(path(Self.manifestName), like: nil)
        try file.write(manifest, at: 0)
        try file.sync()
        try storage.syncDirectory(of: path(Self.manifestName))
    }

    /// Takes it away with all that is in it.
    func remove() throws {
        let names: [FilePath.Component]
        do throws(StorageError) {
            names = try storage.names(in: directory)
        } catch {
            guard error.code == .notFound else { throw error }
            names = []
        }
        // Without the manifest it is no kept set any more, whatever becomes of the rest.
        try storage.remove(path(Self.manifestName))
        for name in names { try storage.remove(path(name)) }
        try storage.removeDirectory(directory)
        try storage.syncDirectory(of: directory)
    }
}
