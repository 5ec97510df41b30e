internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Listing directories for a walk: only subdirectories, and files whose names may belong to BlazeDB, become Swift
/// values. Its memory is used again for each directory, so it serves one thread.
public struct DirectoryListing: ~Copyable {
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

    /// A directory that is open for listing; list it, or give it back.
    public struct Opened: Sendable {
        fileprivate let descriptor: Int32
        fileprivate let path: FilePath
        /// Which directory it is.
        public let identity: FileIdentity
    }

    private var memory = blaze_listing()

    /// A listing without memory yet.
    public init() {}

    deinit {
        var memory = memory
        blaze_free_listing(&memory)
    }

    /// Opens a directory. A link in the last component is not followed.
    public static func open(_ directory: FilePath) throws(StorageError) -> Opened {
        var (device, inode): (UInt64, UInt64) = (0, 0)
        let fd = directory.withPlatformString { blaze_open_directory($0, &device, &inode) }
        guard fd >= 0 else { throw StorageError(Errno(rawValue: errno), operation: "list", path: directory) }
        return Opened(descriptor: fd, path: directory, identity: FileIdentity(device: device, inode: inode))
    }

    /// Gives a directory back that is not to be listed.
    public static func close(_ directory: Opened) { closeDescriptor(directory.descriptor) }

    /// Calls `body` with the name's bytes (valid during the call) of every subdirectory, and of every other entry whose
    /// name may be a database's or that of something BlazeDB leaves behind; in no order. Gives the directory back.
    ///
    /// - Returns: how many entries are no directories.
    public mutating func forEachCandidate(
        in directory: Opened, _ body: (UnsafeBufferPointer<UInt8>, Kind) -> Void
    ) throws(StorageError) -> UInt64 {
        guard blaze_list_candidates(directory.descriptor, &memory) == 0 else {
            throw StorageError(Errno(rawValue: errno), operation: "list", path: directory.path)
        }
        let entries = UnsafeBufferPointer(start: memory.entries, count: memory.used)
        var at = 0
        while at + 3 <= entries.count {
            let length = Int(
                UnsafeRawPointer(entries.baseAddress!).loadUnaligned(fromByteOffset: at + 1, as: UInt16.self))
            let kind: Kind =
                switch Int(entries[at]) {
                case BLAZE_ENTRY_DIRECTORY: .directory
                case BLAZE_ENTRY_REGULAR: .regular
                case BLAZE_ENTRY_LINK: .link
                default: .special
                }
            body(UnsafeBufferPointer(rebasing: entries[at + 3..<at + 3 + length]), kind)
            at += 3 + length
        }
        return memory.others
    }

    /// Whether a name, or a path, matches a shell pattern (fnmatch).
    public static func matches(_ pattern: String, _ bytes: [UInt8]) -> Bool {
        (bytes + [0]).withUnsafeBytes { raw in
            fnmatch(pattern, raw.baseAddress!.assumingMemoryBound(to: CChar.self), 0) == 0
        }
    }
}

private func closeDescriptor(_ descriptor: Int32) { close(descriptor) }
