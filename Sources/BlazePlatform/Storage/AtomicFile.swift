internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Replacing a file so that, whenever the machine stops, the old contents or the new ones are there, whole.
public enum AtomicFile {
    /// Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the directory.
    ///
    /// - Parameter mode: the new file's permission bits.
    /// - Throws: `StorageError`; the old file is untouched then, unless only the last sync failed.
    public static func write(_ bytes: [UInt8], to path: FilePath, mode: UInt16 = 0o600) throws(StorageError) {
        let temporary = path.appendingSuffix(".tmp-\(getpid())-\(UInt32.random(in: 0...UInt32.max))")
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let fd = temporary.withPlatformString { open($0, flags, mode_t(mode)) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: temporary) }
        do throws(StorageError) {
            try fill(fd, bytes, path: temporary)
        } catch {
            close(fd)
            _ = temporary.withPlatformString { unlink($0) }
            throw error
        }
        close(fd)
        guard temporary.withPlatformString({ from in path.withPlatformString { sysRename(from, $0) } }) == 0 else {
            let error = StorageError(Errno(rawValue: errno), operation: "replace", path: path)
            _ = temporary.withPlatformString { unlink($0) }
            throw error
        }
        try syncDirectory(of: path)
    }

    /// Gives a file another name in its directory, durably.
    public static func rename(_ path: FilePath, to other: FilePath) throws(StorageError) {
        guard path.withPlatformString({ from in other.withPlatformString { sysRename(from, $0) } }) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "rename", path: path)
        }
        try syncDirectory(of: other)
    }

    /// Makes the names in the directory that holds `path` durable.
    static func syncDirectory(of path: FilePath) throws(StorageError) {
        let parent = path.removingLastComponent()
        let directory: FilePath = parent.isEmpty ? "." : parent
        let fd = directory.withPlatformString { open($0, O_RDONLY | O_CLOEXEC) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "sync", path: directory) }
        defer { close(fd) }
        guard blaze_sync_file(fd) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "sync", path: directory)
        }
    }

    private static func fill(_ fd: Int32, _ bytes: [UInt8], path: FilePath) throws(StorageError) {
        do throws(StorageError) {
            try Terminal.write(bytes, to: fd)
        } catch {
            throw StorageError(error.errno ?? .ioError, operation: "write", path: path)
        }
        guard blaze_sync_file(fd) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "sync", path: path)
        }
    }
}

/// rename(2), where a method of that name stands in the way.
func sysRename(_ from: UnsafePointer<CInterop.PlatformChar>, _ to: UnsafePointer<CInterop.PlatformChar>)
    -> Int32
{
    rename(from, to)
}
