internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The real file system.
public struct PosixStorage: Storage {
    /// The real file system.
    public init() {}

    /// Opens without blocking, following links, and refuses whatever is no regular file.
    public func open(_ path: FilePath) throws(StorageError) -> any StorageFile {
        try PosixFile(reading: path)
    }

    /// stat(2).
    public func status(of path: FilePath) throws(StorageError) -> FileStatus? {
        var raw = stat()
        guard path.withPlatformString({ stat($0, &raw) }) == 0 else {
            let errno = Errno(rawValue: errno)
            let error = StorageError(errno, operation: "stat", path: path)
            if error.code == .notFound { return nil }
            throw error
        }
        return FileStatus(raw)
    }

    /// The system's table of locks, read anew.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership {
        LockTable.read().ownership(of: file, at: path)
    }

    /// statvfs(3).
    public func available(at path: FilePath) -> UInt64? {
        var raw = statvfs()
        let parent = path.removingLastComponent()
        let directory: FilePath = parent.isEmpty ? "." : parent
        guard directory.withPlatformString({ statvfs($0, &raw) }) == 0 else { return nil }
        let (bytes, overflow) = UInt64(raw.f_bavail).multipliedReportingOverflow(by: UInt64(raw.f_frsize))
        return overflow ? .max : bytes
    }

    /// readdir(3).
    public func names(in directory: FilePath) throws(StorageError) -> [FilePath.Component] {
        guard let stream = directory.withPlatformString({ opendir($0) }) else {
            throw StorageError(Errno(rawValue: errno), operation: "list", path: directory)
        }
        defer { closedir(stream) }
        var out: [FilePath.Component] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else {
                    throw StorageError(Errno(rawValue: errno), operation: "list", path: directory)
                }
                return out
            }
            guard let name = directoryEntryName(entry), name.kind == .regular else { continue }
            out.append(name)
        }
    }
}

/// The name in a directory entry.
func directoryEntryName(_ entry: UnsafeMutablePointer<dirent>) -> FilePath.Component? {
    let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name)!
    return UnsafeRawPointer(entry).advanced(by: offset)
        .withMemoryRebound(to: CInterop.PlatformChar.self, capacity: 1) { FilePath.Component(platformString: $0) }
}

/// An open file, read by pread.
final class PosixFile: StorageFile {
    let path: FilePath
    let descriptor: Int32

    /// Takes over an open descriptor.
    init(descriptor: Int32, path: FilePath) {
        self.path = path
        self.descriptor = descriptor
    }

    convenience init(reading path: FilePath) throws(StorageError) { try self.init(opening: path, forWriting: false) }

    init(opening path: FilePath, forWriting: Bool) throws(StorageError) {
        self.path = path
        // Looked at before it is opened, because opening is enough to wake whoever waits on a FIFO, and to act on some
        // devices; and after, because it may have been replaced between the two.
        var named = stat()
        guard path.withPlatformString({ stat($0, &named) }) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "open", path: path)
        }
        guard FileStatus(named).kind == .regular else {
            throw StorageError(.notRegularFile, operation: "open", path: path)
        }
        let fd = path.withPlatformString { forWriting ? blaze_open_for_writing($0) : blaze_open_for_reading($0) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
        descriptor = fd
        // A stored property's deinit runs from here on, so the descriptor is closed when this throws.
        guard try status().kind == .regular else {
            throw StorageError(.notRegularFile, operation: "open", path: path)
        }
    }

    deinit { close(descriptor) }

    /// Another descriptor of the same open file, close-on-exec, for the caller to close.
    func duplicate() throws(StorageError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
        return copy
    }

    func status() throws(StorageError) -> FileStatus {
        var raw = stat()
        guard fstat(descriptor, &raw) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "stat", path: path)
        }
        return FileStatus(raw)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        var done = 0
        while done < buffer.count {
            let (position, overflow) = offset.addingReportingOverflow(UInt64(done))
            guard !overflow, let position = off_t(exactly: position) else { return done }
            let n = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, position)
            if n == 0 { return done }
            if n < 0 {
                if errno == EINTR { continue }
                throw StorageError(Errno(rawValue: errno), operation: "read", path: path)
            }
            done += n
        }
        return done
    }

    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? {
        guard let start = Int64(exactly: offset) else { return nil }
        let at = blaze_seek_data(descriptor, start)
        if at >= 0 { return UInt64(at) }
        if errno == ENXIO { return nil }
        throw StorageError(Errno(rawValue: errno), operation: "seek", path: path)
    }
}

extension FileStatus {
    init(_ raw: stat) {
        let kind: Kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            default: .special
            }
        #if canImport(Darwin)
            let modified = raw.st_mtimespec
        #else
            let modified = raw.st_mtim
        #endif
        self.init(
            kind: kind, size: UInt64(max(0, raw.st_size)), allocated: UInt64(max(0, raw.st_blocks)) * 512,
            identity: FileIdentity(
                device: UInt64(truncatingIfNeeded: raw.st_dev), inode: UInt64(truncatingIfNeeded: raw.st_ino)),
            modified: Self.nanoseconds(Int64(modified.tv_sec), Int64(modified.tv_nsec)),
            mode: UInt16(truncatingIfNeeded: raw.st_mode & 0o7777), owner: raw.st_uid, group: raw.st_gid)
    }

    /// Nanoseconds since 1970; times that do not fit (before 1677, after 2262) become the first or last that does. A
    /// file may carry any time: touch(1) sets what it is told.
    static func nanoseconds(_ seconds: Int64, _ rest: Int64) -> Int64 {
        let (scaled, tooLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !tooLarge else { return seconds < 0 ? .min : .max }
        let (sum, overflow) = scaled.addingReportingOverflow(rest)
        return overflow ? .max : sum
    }
}
