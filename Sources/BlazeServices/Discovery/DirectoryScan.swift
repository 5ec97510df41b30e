public import BlazeEngine
public import BlazePlatform
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A walk over directories that finds databases by their names, on several threads. Opens no file, follows no link to a
/// directory, and enters no file system that is no place for files or lies on another machine.
public struct DirectoryScan: Sendable {
    /// What a walk comes across.
    public enum Event: Sendable, Equatable {
        /// A regular file named like a database, or the name of one that an interrupted vacuum has moved aside.
        case found(FilePath)
        /// What BlazeDB left behind.
        case leftover(FilePath, Leftover.Kind)
        /// Something that was passed over, and why.
        case skipped(FilePath, String)
        /// How far the walk is.
        case progress(directories: UInt64, files: UInt64)
    }

    /// Whether the walk goes on.
    public enum Next: Sendable {
        /// It does.
        case go
        /// It ends here.
        case stop
    }

    /// What a walk has seen.
    public struct Totals: Sendable, Equatable {
        /// Directories entered.
        public var directories: UInt64 = 0
        /// Other entries seen.
        public var files: UInt64 = 0
        /// Whether the walk was ended before its end.
        public var stopped = false
    }

    /// As many threads as there are processors, two at least and eight at most: past that the disk decides.
    public static let usualWorkers = min(max(ProcessInfo.processInfo.activeProcessorCount, 2), 8)
    /// A progress event comes after this time.
    static let progressInterval = Duration.milliseconds(100)

    let roots: [FilePath]
    let mounts: MountTable
    private let workers: Int
    private let names: [String]
    private let paths: [String]

    /// A walk over `roots`. Patterns with a slash exclude whole paths, others names; a root is never excluded.
    ///
    /// - Parameter workers: how many threads walk; with 0 the caller's does.
    public init(
        roots: [FilePath], excludes: [String], mounts: MountTable = .current(), workers: Int = usualWorkers
    ) {
        self.roots = roots
        self.mounts = mounts
        self.workers = workers
        names = excludes.filter { !$0.contains("/") }
        paths = excludes.filter { $0.contains("/") }
    }

    /// Walks, and calls `report` on the calling thread, for each file once, in no order. A root that does not exist is
    /// passed over; one that is a file named like a database is found. When `report` says stop, the threads are told and
    /// waited for.
    public func run(_ report: (Event) -> Next) -> Totals {
        let walk = DirectoryWalk(self)
        var stopped = false
        func tell(_ events: [Event]) {
            for event in events where !stopped {
                if report(event) == .stop {
                    stopped = true
                    walk.stop()
                }
            }
        }
        tell(walk.start())
        let mailbox = WalkMailbox()
        var running = 0
        for _ in 0..<workers where !stopped {
            do throws(ThreadError) {
                try spawnThread(named: "walk") {
                    walk.work { mailbox.put($0) }
                    mailbox.putEnd()
                }
                running += 1
            } catch {
                break
            }
        }
        if running == 0, !stopped { walk.work { tell($0) } }
        var told = ContinuousClock.now
        while running > 0 {
            switch mailbox.take(within: Self.progressInterval) {
            case .events(let events): tell(events)
            case .end: running -= 1
            case nil: break
            }
            if running > 0, ContinuousClock.now - told >= Self.progressInterval {
                tell([walk.progress])
                told = .now
            }
        }
        if !stopped { tell(walk.linkedFiles() + [walk.progress]) }
        var totals = walk.totals
        totals.stopped = stopped
        return totals
    }

    func excludes(name: [UInt8]) -> Bool {
        // What a repair keeps is no database of its own, and neither is a backup.
        FileSet.isKeptName(name) || BackupRepository.isOwnName(name)
            || names.contains { DirectoryListing.matches($0, name) }
    }
    func excludes(path: FilePath) -> Bool {
        guard !paths.isEmpty else { return false }
        let bytes = path.bytes
        return paths.contains { DirectoryListing.matches($0, bytes) }
    }
}
