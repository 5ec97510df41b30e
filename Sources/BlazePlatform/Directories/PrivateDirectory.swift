public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Directories that only this user may enter or change.
public enum PrivateDirectory {
    /// Makes `path` and the missing directories above it, mode 0700, and checks it.
    ///
    /// - Throws: `unsafePermissions` when it is a symbolic link, belongs to another user, or others may write to it.
    public static func ensure(_ path: FilePath) throws(StorageError) {
        try make(path)
        let raw = try check(path)
        if raw.st_mode & 0o077 != 0, chmodPath(path, 0o700) != 0 {
            throw StorageError(Errno(rawValue: errno), operation: "chmod", path: path)
        }
    }

    /// Checks a directory that somebody else chose, such as the one of `$BLAZEDB_AGENT_SOCK`; makes it when missing.
    ///
    /// - Throws: as `ensure`; nothing is changed when it exists.
    public static func ensureUnchanged(_ path: FilePath) throws(StorageError) {
        try make(path)
        _ = try check(path)
    }

    /// Checks a directory that must be there already.
    ///
    /// - Throws: as `ensure`; `notFound` when it is missing.
    public static func verify(_ path: FilePath) throws(StorageError) { _ = try check(path) }

    private static func make(_ path: FilePath) throws(StorageError) {
        if path.withPlatformString({ mkdir($0, 0o700) }) == 0 { return }
        switch Errno(rawValue: errno) {
        case .fileExists: return
        case .noSuchFileOrDirectory:
            let parent = path.removingLastComponent()
            guard parent != path, !parent.isEmpty else { break }
            try make(parent)
            if path.withPlatformString({ mkdir($0, 0o700) }) == 0 || errno == EEXIST { return }
        default: break
        }
        throw StorageError(Errno(rawValue: errno), operation: "make directory", path: path)
    }

    private static func check(_ path: FilePath) throws(StorageError) -> stat {
        var raw = stat()
        guard path.withPlatformString({ lstat($0, &raw) }) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "stat", path: path)
        }
        switch raw.st_mode & S_IFMT {
        case S_IFDIR: break
        case S_IFLNK: throw StorageError(.unsafePermissions, operation: "use", path: path)
        default: throw StorageError(StorageError.Code.notDirectory, operation: "use", path: path)
        }
        guard raw.st_uid == geteuid(), raw.st_mode & 0o022 == 0 else {
            throw StorageError(.unsafePermissions, operation: "use", path: path)
        }
        return raw
    }

    private static func chmodPath(_ path: FilePath, _ mode: mode_t) -> Int32 {
        path.withPlatformString { chmod($0, mode) }
    }
}
