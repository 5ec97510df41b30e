internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Who may read what a path names. A symbolic link is told as such and not followed.
public struct PermissionFacts: Sendable, Hashable {
    /// What it is.
    public enum Kind: Sendable, Hashable {
        /// A regular file.
        case regular
        /// A directory.
        case directory
        /// A symbolic link.
        case link
        /// A FIFO, device, socket or other.
        case special
    }

    /// The path.
    public let path: FilePath
    /// What it names.
    public let kind: Kind
    /// Permission bits, set-id and sticky bits among them.
    public let mode: UInt16
    /// The owner's uid.
    public let owner: UInt32
    /// The group's gid.
    public let group: UInt32
    /// How many names the file has.
    public let names: UInt64
    /// Size in bytes.
    public let size: UInt64
    /// Which file it is.
    public let identity: FileIdentity

    /// What lstat(2) tells; nil where nothing has that path.
    public static func read(_ path: FilePath) throws(StorageError) -> PermissionFacts? {
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) == 0 else {
            let error = StorageError(Errno(rawValue: errno), operation: "stat", path: path)
            if error.code == .notFound { return nil }
            throw error
        }
        return PermissionFacts(path, raw)
    }

    /// What something else than lstat(2) tells.
    public init(
        path: FilePath, kind: Kind, mode: UInt16, owner: UInt32, group: UInt32, names: UInt64 = 1, size: UInt64 = 0,
        identity: FileIdentity
    ) {
        self.path = path
        self.kind = kind
        self.mode = mode
        self.owner = owner
        self.group = group
        self.names = names
        self.size = size
        self.identity = identity
    }

    private init(_ path: FilePath, _ raw: stat) {
        self.path = path
        kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .special
            }
        mode = UInt16(truncatingIfNeeded: raw.st_mode & 0o7777)
        owner = raw.st_uid
        group = raw.st_gid
        names = UInt64(raw.st_nlink)
        size = UInt64(max(0, raw.st_size))
        identity = FileIdentity(device: UInt64(raw.st_dev), inode: UInt64(raw.st_ino))
    }

    /// Whether it belongs to whoever runs this process.
    public var isOwn: Bool { owner == geteuid() }

    /// Gives it other permission bits: those of what was opened without following links, if that is still the same, and
    /// belongs to whoever runs this process. Afterwards they are looked at again, because some file systems take the call and
    /// do nothing.
    ///
    /// - Throws: `permissionDenied`, `notRegularFile`, `readOnly`; `failed` where it is another file by now, or has other bits.
    public func change(to mode: UInt16) throws(StorageError) {
        guard kind == .directory || kind == .regular else {
            throw StorageError(.notRegularFile, operation: "change the mode of", path: path)
        }
        let fd = path.withPlatformString { blaze_open_to_change_mode($0, kind == .directory ? 1 : 0) }
        guard fd >= 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "change the mode of", path: path)
        }
        defer { close(fd) }
        let now = try opened(fd)
        guard now.identity == identity, now.kind == kind, now.isOwn else {
            throw StorageError(Errno.staleNFSFileHandle, operation: "change the mode of", path: path)
        }
        guard blaze_change_mode(fd, UInt32(mode)) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "change the mode of", path: path)
        }
        guard try opened(fd).mode == mode else {
            throw StorageError(.failed, operation: "change the mode of", path: path)
        }
    }

    private func opened(_ fd: Int32) throws(StorageError) -> PermissionFacts {
        var raw = stat()
        guard fstat(fd, &raw) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "change the mode of", path: path)
        }
        return PermissionFacts(path, raw)
    }
}
