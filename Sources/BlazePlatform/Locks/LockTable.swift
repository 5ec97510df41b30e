internal import CPlatform
public import SystemPackage

/// The system's table of file locks at one moment: who holds which file's flock. Looking takes no lock.
///
/// Linux keeps it in /proc/locks (proc_locks(5)). Other systems do not tell, and nothing is learnt there by trying to
/// take the lock, because for that moment the owner of a database could not open it.
public struct LockTable: Sendable {
    /// One held flock. Waiting ones are left out.
    struct Entry: Sendable, Hashable {
        let isExclusive: Bool
        let processID: Int32
        let device: DeviceNumber
        let inode: UInt64
    }

    /// A device as the table writes it.
    struct DeviceNumber: Sendable, Hashable {
        let major: UInt64
        let minor: UInt64
    }

    /// The longest table that is read, in bytes.
    static let sizeLimit = 8 << 20
    static let path: FilePath = "/proc/locks"
    /// The number of the first process namespace's inode, fixed in the Linux kernel (PROC_PID_INIT_INO).
    private static let firstNamespace = "pid:[4026531836]"

    private let entries: [UInt64: [Entry]]
    /// Why a lock may be held although the table does not list it; nil when the table is whole.
    private let blindness: String?

    init(entries: [Entry], blindness: String?) {
        self.entries = Dictionary(grouping: entries, by: \.inode)
        self.blindness = blindness
    }

    /// The table as it is now.
    public static func read() -> LockTable {
        guard let text = contents() else {
            return LockTable(entries: [], blindness: "this system does not tell who holds a lock")
        }
        let namespace = SystemFiles.link("/proc/self/ns/pid")
        return LockTable(
            entries: parse(text),
            blindness: namespace == firstNamespace
                ? nil : "locks of processes outside this container or process namespace are not shown here")
    }

    /// The kernel hands the table out page by page, and a lock that goes away between two of them may hide another: a
    /// long table is read until it reads the same twice.
    private static func contents() -> [UInt8]? {
        guard var last = SystemFiles.bytes(path, limit: sizeLimit) else { return nil }
        for _ in 0..<4 where last.count > 3000 {
            guard let again = SystemFiles.bytes(path, limit: sizeLimit) else { return nil }
            if again == last { break }
            last = again
        }
        return last
    }

    /// The table's flocks:
    ///
    ///     1: FLOCK  ADVISORY  WRITE 2294 fe:00:16220222 0 EOF
    ///     1: -> FLOCK  ADVISORY  WRITE 2295 fe:00:16220222 0 EOF
    static func parse(_ text: [UInt8]) -> [Entry] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let words = String(decoding: line, as: UTF8.self).split(separator: " ")
            guard words.count >= 6, words[1] == "FLOCK", let process = Int32(words[4]) else { return nil }
            let place = words[5].split(separator: ":")
            guard place.count == 3, let major = UInt64(place[0], radix: 16), let minor = UInt64(place[1], radix: 16),
                let inode = UInt64(place[2])
            else { return nil }
            return Entry(
                isExclusive: words[3] == "WRITE", processID: process,
                device: DeviceNumber(major: major, minor: minor), inode: inode)
        }
    }

    /// Whether a process has the file open as its owner.
    ///
    /// - Parameters:
    ///   - file: the file's identity.
    ///   - path: a path of the file, to find out on what kind of file system it is.
    public func ownership(of file: FileIdentity, at path: FilePath) -> Ownership {
        let wanted = DeviceNumber(
            major: UInt64(blaze_device_major(file.device)), minor: UInt64(blaze_device_minor(file.device)))
        var holders: [LockHolder] = []
        var uncertain = false
        for entry in entries[file.inode] ?? [] {
            if entry.device != wanted {
                // Some file systems (btrfs, overlayfs) give stat another device than the table.
                switch ProcessFacts.hasOpen(file, processID: entry.processID) {
                case .yes: break
                case .no: continue
                case .unknown:
                    uncertain = true
                    continue
                }
            }
            holders.append(ProcessFacts.holder(entry, of: file))
        }
        if !holders.isEmpty { return .owned(holders.sorted { $0.processID < $1.processID }) }
        if uncertain { return .unknown("another user's process holds a lock that may be this file's") }
        if let blindness { return .unknown(blindness) }
        if path.withPlatformString({ blaze_is_shared_file_system($0) }) != 0 {
            return .unknown("other machines may use this file system, and their locks are not shown here")
        }
        return .free
    }
}
