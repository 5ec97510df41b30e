package import BlazePlatform
package import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The real file system.
package struct PosixVaultFiles: VaultFiles {
    package init() {}

    package var user: UInt32 { geteuid() }

    package func status(of path: FilePath) throws(StorageError) -> VaultFileStatus? {
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) == 0 else {
            let error = StorageError(Errno(rawValue: errno), operation: "stat", path: path)
            if error.code == .notFound { return nil }
            throw error
        }
        return VaultFileStatus(raw)
    }

    package func makeDirectory(_ path: FilePath) throws(StorageError) {
        if path.withPlatformString({ mkdir($0, 0o700) }) == 0 { return }
        let errno = Errno(rawValue: errno)
        switch errno {
        case .fileExists: return
        case .noSuchFileOrDirectory:
            let parent = path.removingLastComponent()
            guard parent != path, !parent.isEmpty else { break }
            try makeDirectory(parent)
            if path.withPlatformString({ mkdir($0, 0o700) }) == 0 { return }
        default: break
        }
        throw StorageError(errno, operation: "make directory", path: path)
    }

    package func read(
        _ path: FilePath, limit: Int
    ) throws(StorageError) -> (status: VaultFileStatus, bytes: [UInt8]) {
        // A FIFO must not make the open wait; what was opened is looked at, not what the name says later.
        let fd = path.withPlatformString { open($0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "open", path: path) }
        defer { close(fd) }
        var raw = stat()
        guard fstat(fd, &raw) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "stat", path: path)
        }
        let status = VaultFileStatus(raw)
        guard status.kind == .regular else {
            throw StorageError(StorageError.Code.notRegularFile, operation: "open", path: path)
        }
        let count = Int(min(status.size, UInt64(limit)))
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let n = bytes.withUnsafeMutableBytes { pread(fd, $0.baseAddress! + done, count - done, off_t(done)) }
            if n == 0 { break }
            if n < 0 {
                if errno == EINTR { continue }
                throw StorageError(Errno(rawValue: errno), operation: "read", path: path)
            }
            done += n
        }
        bytes.removeLast(count - done)
        return (status, bytes)
    }

    package func create(_ path: FilePath) throws(StorageError) -> any VaultFileWriter {
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let fd = path.withPlatformString { open($0, flags, 0o600) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "create", path: path) }
        return PosixWriter(descriptor: fd, path: path)
    }

    package func rename(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try call("rename", other) {
            path.withPlatformString { from in other.withPlatformString { sysRename(from, $0) } }
        }
    }

    package func link(_ path: FilePath, to other: FilePath) throws(StorageError) {
        try call("create", other) {
            path.withPlatformString { from in other.withPlatformString { sysLink(from, $0) } }
        }
    }

    package func remove(_ path: FilePath) throws(StorageError) {
        guard path.withPlatformString({ unlink($0) }) != 0, errno != ENOENT else { return }
        throw StorageError(Errno(rawValue: errno), operation: "remove", path: path)
    }

    package func syncDirectory(_ path: FilePath) throws(StorageError) {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "sync", path: path) }
        defer { close(fd) }
        try call("sync", path) { fsync(fd) }
    }

    package func lock(_ path: FilePath, patience: Duration) throws(StorageError) -> any Sendable {
        try LockFile(path: path, patience: patience)
    }
}

private final class PosixWriter: VaultFileWriter {
    private let descriptor: Int32
    private let path: FilePath

    init(descriptor: Int32, path: FilePath) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let n = bytes.withUnsafeBytes { sysWrite(descriptor, $0.baseAddress! + done, bytes.count - done) }
            if n < 0 {
                if errno == EINTR { continue }
                throw StorageError(Errno(rawValue: errno), operation: "write", path: path)
            }
            done += n
        }
    }

    func sync() throws(StorageError) {
        try call("sync", path) { fsync(descriptor) }
    }
}

private func call(_ operation: String, _ path: FilePath, _ body: () -> Int32) throws(StorageError) {
    guard body() == 0 else { throw StorageError(Errno(rawValue: errno), operation: operation, path: path) }
}

// Methods hide the functions of their names.
private func sysRename(
    _ from: UnsafePointer<CInterop.PlatformChar>, _ to: UnsafePointer<CInterop.PlatformChar>
) -> Int32 { rename(from, to) }
private func sysLink(
    _ from: UnsafePointer<CInterop.PlatformChar>, _ to: UnsafePointer<CInterop.PlatformChar>
) -> Int32 { link(from, to) }
private func sysWrite(_ descriptor: Int32, _ start: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, start, count)
}

extension VaultFileStatus {
    fileprivate init(_ raw: stat) {
        let kind: Kind =
            switch raw.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .symbolicLink
            default: .special
            }
        self.init(
            kind: kind, size: UInt64(max(0, raw.st_size)), mode: UInt16(truncatingIfNeeded: raw.st_mode & 0o7777),
            owner: raw.st_uid)
    }
}
