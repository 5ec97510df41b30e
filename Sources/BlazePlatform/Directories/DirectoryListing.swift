public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Reading directories entry by entry, without a stat or a String for each.
public enum DirectoryListing {
    /// What an entry is, as far as the directory tells.
    public enum Kind: Sendable {
        /// A regular file.
        case regular
        /// A directory.
        case directory
        /// A symbolic link.
        case link
        /// A FIFO, device or socket.
        case special
    }

    /// Calls `body` for every entry but `.` and `..`, in no order, with the name's bytes (valid during the call) until it
    /// returns false.
    ///
    /// - Returns: the directory's own identity.
    public static func forEach(
        in directory: FilePath, _ body: (UnsafeBufferPointer<UInt8>, Kind) -> Bool
    ) throws(StorageError) -> FileIdentity {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW
        let fd = directory.withPlatformString { open($0, flags) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "list", path: directory) }
        guard let stream = fdopendir(fd) else {
            let errno = Errno(rawValue: errno)
            close(fd)
            throw StorageError(errno, operation: "list", path: directory)
        }
        defer { closedir(stream) }
        var own = stat()
        guard fstat(fd, &own) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "stat", path: directory)
        }
        let identity = FileIdentity(
            device: UInt64(truncatingIfNeeded: own.st_dev), inode: UInt64(truncatingIfNeeded: own.st_ino))
        let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else {
                    throw StorageError(Errno(rawValue: errno), operation: "list", path: directory)
                }
                return identity
            }
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: UInt8.self)
            let bytes = UnsafeBufferPointer(
                start: name, count: strlen(UnsafeRawPointer(name).assumingMemoryBound(to: CChar.self)))
            if bytes.count <= 2, bytes.allSatisfy({ $0 == UInt8(ascii: ".") }) { continue }
            guard body(bytes, kind(entry, in: fd)) else { return identity }
        }
    }

    /// Whether a name, or a path, matches a shell pattern (fnmatch).
    public static func matches(_ pattern: String, _ bytes: [UInt8]) -> Bool {
        (bytes + [0]).withUnsafeBytes { raw in
            fnmatch(pattern, raw.baseAddress!.assumingMemoryBound(to: CChar.self), 0) == 0
        }
    }

    private static func kind(_ entry: UnsafeMutablePointer<dirent>, in directory: Int32) -> Kind {
        switch Int(entry.pointee.d_type) {
        case Int(DT_REG): return .regular
        case Int(DT_DIR): return .directory
        case Int(DT_LNK): return .link
        case Int(DT_UNKNOWN):
            // Some file systems do not tell: ask for this entry.
            let offset = MemoryLayout<dirent>.offset(of: \dirent.d_name) ?? 0
            let name = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            var raw = stat()
            guard fstatat(directory, name, &raw, AT_SYMLINK_NOFOLLOW) == 0 else { return .special }
            switch raw.st_mode & S_IFMT {
            case S_IFREG: return .regular
            case S_IFDIR: return .directory
            case S_IFLNK: return .link
            default: return .special
            }
        default: return .special
        }
    }
}
