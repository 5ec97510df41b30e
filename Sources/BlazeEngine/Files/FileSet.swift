internal import BlazePlatform
public import SystemPackage

/// The files of one database, named after its data file (FORMAT.md 1).
public struct FileSet: Sendable, Hashable {
    /// `NAME.blazedb`: the pages.
    public let data: FilePath
    private let base: FilePath

    /// The files that belong to a data file; none of them need exist.
    public init(data: FilePath) {
        self.data = data
        base = data.withoutExtension
    }

    /// `NAME.meta`: the signed index.
    public var meta: FilePath { base.appendingSuffix(".meta") }
    /// `NAME.salt`: the key derivation's salt.
    public var salt: FilePath { base.appendingSuffix(".salt") }
    /// `NAME.wal`: page images not yet checkpointed.
    public var wal: FilePath { base.appendingSuffix(".wal") }
    /// `NAME.meta.indexes`: secondary indexes of their own file, which nothing writes any more.
    public var indexes: FilePath { base.appendingSuffix(".meta.indexes") }
    /// `NAME.vacuum_backup.blazedb`: where a vacuum keeps the data file while it puts the new one in its place.
    var dataAside: FilePath { base.appendingSuffix(".vacuum_backup.blazedb") }
    /// `NAME`, for a person: bytes that cannot be shown are escaped.
    public var name: String { FilePath.displayString(nameBytes) }

    /// The directory that holds them all.
    var directory: FilePath {
        let parent = data.removingLastComponent()
        return parent.isEmpty ? FilePath(".") : parent
    }
    /// `NAME` as the file system has it.
    var nameBytes: [UInt8] { Self.bytes(of: base) }
    /// `NAME.blazedb` as the file system has it.
    var dataNameBytes: [UInt8] { Self.bytes(of: data) }

    private static func bytes(of path: FilePath) -> [UInt8] {
        path.lastComponent.map { FilePath(root: nil, [$0]).bytes } ?? []
    }
}
