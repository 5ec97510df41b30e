internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What the system tells of another process: nothing that its command line or environment may hold, which can be
/// secrets.
enum ProcessFacts {
    enum Answer {
        case yes
        case no
        case unknown
    }

    /// The holder of a lock.
    static func holder(_ entry: LockTable.Entry, of file: FileIdentity) -> LockHolder {
        var id = entry.processID
        // The table names who took the lock; when that process has ended, one that inherited the file holds it.
        if !isAlive(id), let heir = heir(of: file) { id = heir }
        return LockHolder(
            processID: id, userID: userID(id), executable: Executables.of(processID: id), name: name(id),
            started: started(id), isExclusive: entry.isExclusive)
    }

    /// Whether a process has a file open.
    static func hasOpen(_ file: FileIdentity, processID: Int32) -> Answer {
        let directory = FilePath("/proc/\(processID)/fd")
        guard let names = try? PosixStorage().names(in: directory) else {
            return isAlive(processID) ? .unknown : .no
        }
        let storage = PosixStorage()
        for name in names where (try? storage.status(of: directory.appending(name)))?.identity == file { return .yes }
        return .no
    }

    private static func isAlive(_ id: Int32) -> Bool { id > 0 && (kill(id, 0) == 0 || errno == EPERM) }

    /// A process of ours that has the file open and a lock on it.
    private static func heir(of file: FileIdentity) -> Int32? {
        let processes = (try? PosixStorage().names(in: "/proc"))?.compactMap { Int32($0.string) } ?? []
        for id in processes.sorted() where id != getpid() {
            let files = FilePath("/proc/\(id)/fd")
            guard let names = try? PosixStorage().names(in: files) else { continue }
            for name in names where (try? PosixStorage().status(of: files.appending(name)))?.identity == file {
                let facts = FilePath("/proc/\(id)/fdinfo").appending(name)
                guard let text = SystemFiles.bytes(facts, limit: 64 << 10) else { continue }
                if String(decoding: text, as: UTF8.self).contains("FLOCK") { return id }
            }
        }
        return nil
    }

    private static func userID(_ id: Int32) -> UInt32? {
        (try? PosixStorage().status(of: FilePath("/proc/\(id)")))?.owner
    }

    private static func name(_ id: Int32) -> String? {
        SystemFiles.bytes(FilePath("/proc/\(id)/comm"), limit: 64).map {
            FilePath.displayString($0.last == UInt8(ascii: "\n") ? Array($0.dropLast()) : $0)
        }
    }

    /// Field 22 of proc_pid_stat(5): clock ticks from the system's start, sleep included.
    private static func started(_ id: Int32) -> Int64? {
        guard let text = SystemFiles.bytes(FilePath("/proc/\(id)/stat"), limit: 4096),
            // The second field is a name that may hold anything, even spaces and brackets.
            let end = text.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = String(decoding: text[(end + 1)...], as: UTF8.self).split(separator: " ")
        guard fields.count > 19, let ticks = Int64(fields[19]), let booted = bootTime() else { return nil }
        let perSecond = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        return booted + ticks / perSecond * 1_000_000_000 + ticks % perSecond * (1_000_000_000 / perSecond)
    }

    /// When the system started, in nanoseconds since 1970.
    private static func bootTime() -> Int64? {
        #if canImport(Glibc)
            var now = timespec()
            var up = timespec()
            guard clock_gettime(CLOCK_REALTIME, &now) == 0, clock_gettime(CLOCK_BOOTTIME, &up) == 0 else { return nil }
            return FileStatus.nanoseconds(Int64(now.tv_sec) - Int64(up.tv_sec), Int64(now.tv_nsec) - Int64(up.tv_nsec))
        #else
            return nil
        #endif
    }
}
