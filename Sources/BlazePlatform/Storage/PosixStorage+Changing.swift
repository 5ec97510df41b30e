internal import CPlatform
internal import Synchronization
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension PosixStorage: ChangingStorage {
    /// open(2) for reading and writing, refusing links and whatever is no regular file.
    public func openForWriting(_ path: FilePath) throws(StorageError) -> any WritableFile {
        try PosixWritableFile(changing: path)
    }

    /// open(2) with O_EXCL, fchmod(2), fchown(2).
    public func create(_ path: FilePath, like model: FileStatus?) throws(StorageError) -> any WritableFile {
        try PosixWritableFile(creating: path, like: model)
    }

    /// rename(2).
    public func rename(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try callSystem("rename", path) { from in other.withPlatformString { sysRename(from, $0) } }
    }

    /// link(2).
    public func link(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try callSystem("link", other) { _ in
            path.withPlatformString { from in other.withPlatformString { sysLink(from, $0) } }
        }
    }

    /// unlink(2).
    public func remove(_ path: FilePath) throws(StorageError) {
        do throws(StorageError) {
            try callSystem("remove", path) { unlink($0) }
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    /// lstat(2).
    public func ownStatus(of path: FilePath) throws(StorageError) -> FileStatus? {
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) == 0 else {
            let error = StorageError(Errno(rawValue: errno), operation: "stat", path: path)
            if error.code == .notFound { return nil }
            throw error
        }
        return FileStatus(raw)
    }

    /// mkdir(2), lchown(2).
    public func makeDirectory(_ path: FilePath, like model: FileStatus?) throws(StorageError) {
        try callSystem("make", path) { mkdir($0, 0o700) }
        guard let model, model.owner != geteuid() || model.group != getegid() else { return }
        // Whoever may not give files away keeps it, as with files.
        _ = path.withPlatformString { lchown($0, model.owner, model.group) }
    }

    /// rmdir(2).
    public func removeDirectory(_ path: FilePath) throws(StorageError) {
        do throws(StorageError) {
            try callSystem("remove", path) { rmdir($0) }
        } catch {
            guard error.code == .notFound else { throw error }
        }
    }

    /// ioctl_ficlonerange(2), FICLONE: Btrfs, XFS, bcachefs and the like.
    public func clone(_ file: any StorageFile, into other: any WritableFile) -> Bool {
        let source = (file as? PosixFile)?.descriptor ?? (file as? PosixWritableFile)?.descriptor
        guard let source, let target = (other as? PosixWritableFile)?.descriptor else { return false }
        return blaze_clone_file(target, source) == 0
    }

    /// fsync(2) of the directory.
    public func syncDirectory(of path: FilePath) throws(StorageError) { try AtomicFile.syncDirectory(of: path) }

    /// flock(2), see `FileLease`.
    public func lock(_ path: FilePath) throws(StorageError) -> any FileLock { try FileLease(path: path) }

    private func callSystem(
        _ operation: String, _ path: FilePath, _ call: (UnsafePointer<CInterop.PlatformChar>) -> Int32
    ) throws(StorageError) {
        guard path.withPlatformString(call) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: operation, path: path)
        }
    }
}

extension FileLease: FileLock {}

/// An open file, read by pread and written by pwrite.
final class PosixWritableFile: WritableFile {
    private let base: PosixFile
    /// What was written since the system was last told to begin.
    private let fresh = Mutex<Range<UInt64>>(0..<0)
    var path: FilePath { base.path }
    fileprivate var descriptor: Int32 { base.descriptor }

    init(changing path: FilePath) throws(StorageError) {
        base = try PosixFile(opening: path, forWriting: true)
    }

    init(creating path: FilePath, like model: FileStatus?) throws(StorageError) {
        let mode = mode_t(model.map { $0.mode & 0o7777 } ?? 0o600)
        // Nobody else can open it before it has its owner and its mode.
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let fd = path.withPlatformString { open($0, flags, 0o600) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: path) }
        base = PosixFile(descriptor: fd, path: path)
        guard fchmod(fd, try Self.own(base, like: model, mode)) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "change the mode of", path: path)
        }
    }

    /// Gives a new file the owner and the group of another one; the mode that it is to have then. Whoever may not give files
    /// away makes files of its own, as BlazeDB does; another group than before gets no more than all others.
    private static func own(
        _ file: PosixFile, like model: FileStatus?, _ mode: mode_t
    ) throws(StorageError) -> mode_t {
        guard let model, model.owner != geteuid() || model.group != getegid() else { return mode }
        if fchown(file.descriptor, model.owner, model.group) != 0 {
            _ = fchown(file.descriptor, uid_t.max, model.group)
        }
        guard try file.status().group != model.group else { return mode }
        return mode & ~0o070 | mode & (mode & 0o007) << 3
    }

    func status() throws(StorageError) -> FileStatus { try base.status() }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(StorageError) -> Int {
        try base.read(into: buffer, at: offset)
    }

    func nextData(from offset: UInt64) throws(StorageError) -> UInt64? { try base.nextData(from: offset) }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            guard let position = off_t(exactly: offset + UInt64(done)) else {
                throw StorageError(Errno.fileTooLarge, operation: "write", path: path)
            }
            let n = pwrite(base.descriptor, bytes.baseAddress! + done, bytes.count - done, position)
            if n < 0 {
                if errno == EINTR { continue }
                throw StorageError(Errno(rawValue: errno), operation: "write", path: path)
            }
            // A write of nothing that is no error would be tried for ever.
            guard n > 0 else { throw StorageError(Errno.ioError, operation: "write", path: path) }
            done += n
        }
        startWriting(offset..<offset + UInt64(bytes.count))
    }

    /// From how many bytes side by side the disk begins while the rest is still being made: a sync at the end of some hundred
    /// megabytes would wait for all of them.
    private static let freshBytes = 8 << 20

    private func startWriting(_ written: Range<UInt64>) {
        let ready = fresh.withLock { fresh -> Range<UInt64>? in
            fresh = written.lowerBound == fresh.upperBound ? fresh.lowerBound..<written.upperBound : written
            guard fresh.count >= Self.freshBytes else { return nil }
            defer { fresh = fresh.upperBound..<fresh.upperBound }
            return fresh
        }
        if let ready { blaze_start_writing(base.descriptor, Int64(clamping: ready.lowerBound), Int64(ready.count)) }
    }

    func truncate(to size: UInt64) throws(StorageError) {
        guard let size = off_t(exactly: size) else {
            throw StorageError(Errno.fileTooLarge, operation: "truncate", path: path)
        }
        while ftruncate(base.descriptor, size) != 0 {
            guard errno == EINTR else {
                throw StorageError(Errno(rawValue: errno), operation: "truncate", path: path)
            }
        }
    }

    func sync() throws(StorageError) {
        guard blaze_sync_file(base.descriptor) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "sync", path: path)
        }
    }
}

private func sysLink(_ from: UnsafePointer<CInterop.PlatformChar>, _ to: UnsafePointer<CInterop.PlatformChar>)
    -> Int32
{
    link(from, to)
}
