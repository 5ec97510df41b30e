internal import CPlatform
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Tells which directories have changed: by the system's notices (inotify, FSEvents) where there are any, which do not reach
/// files on other machines. Directories that it cannot watch are for the caller to look at from time to time. Not Sendable.
public final class DirectoryWatch {
    /// What has happened since the last look.
    public struct Changes: Sendable, Equatable {
        /// The names of entries that appeared, vanished or changed, by directory.
        public var entries: [FilePath: Set<[UInt8]>] = [:]
        /// Directories that appeared.
        public var newDirectories: Set<FilePath> = []
        /// Watched directories that have left their place. They are not watched any more.
        public var gone: Set<FilePath> = []
        /// Notices were lost: anything may have changed.
        public var isIncomplete = false

        /// Nothing.
        public init() {}
    }

    /// Readable when something has happened; nil on a system without notices.
    public let descriptor: Int32?
    private var directories: [Int32: FilePath] = [:]
    private var watches: [FilePath: Int32] = [:]
    private let mounts: MountTable

    /// A watch over no directory.
    ///
    /// - Parameter usesNotices: false for a watch that leaves everything to the caller's looks.
    public init(mounts: MountTable = .current(), usesNotices: Bool = true) {
        let fd = usesNotices ? blaze_watch_open() : -1
        descriptor = fd >= 0 ? fd : nil
        self.mounts = mounts
    }

    deinit {
        if let descriptor { blaze_watch_close(descriptor) }
    }

    /// The directories that are watched.
    public var watched: Set<FilePath> { Set(watches.keys) }

    /// Begins to watch a directory; false when it cannot be watched: no notices on this system or for this file system,
    /// the user's watches are used up, or there is no such directory.
    public func add(_ directory: FilePath) -> Bool {
        if watches[directory] != nil { return true }
        guard let descriptor, mounts.mount(of: directory)?.nature != .remote else { return false }
        let watch = directory.withPlatformString { blaze_watch_add(descriptor, $0) }
        guard watch >= 0 else { return false }
        // The same directory under another name has the same number: the name given last counts.
        if let other = directories[watch] { watches[other] = nil }
        directories[watch] = directory
        watches[directory] = watch
        return true
    }

    /// Ends watching a directory.
    public func remove(_ directory: FilePath) {
        guard let watch = watches.removeValue(forKey: directory), let descriptor else { return }
        directories[watch] = nil
        _ = blaze_watch_remove(descriptor, watch)
    }

    /// What has happened since the last call; does not wait.
    public func changes() -> Changes {
        final class Raw {
            var events: [(watch: Int32, what: UInt32, name: [UInt8])] = []
        }
        var out = Changes()
        guard let descriptor else { return out }
        let raw = Raw()
        let done = blaze_watch_read(descriptor, Unmanaged.passUnretained(raw).toOpaque()) {
            context, watch, what, name in
            guard let context, let name else { return }
            let bytes = UnsafeBufferPointer(
                start: UnsafeRawPointer(name).assumingMemoryBound(to: UInt8.self), count: strlen(name))
            Unmanaged<Raw>.fromOpaque(context).takeUnretainedValue().events.append((watch, what, Array(bytes)))
        }
        if done != 0 { out.isIncomplete = true }
        for (watch, what, name) in raw.events {
            if what & UInt32(BLAZE_WATCH_OVERFLOW) != 0 { out.isIncomplete = true }
            guard let directory = directories[watch] else { continue }
            if what & UInt32(BLAZE_WATCH_ENTRY) != 0 {
                out.entries[directory, default: []].insert(name)
                if what & UInt32(BLAZE_WATCH_NEW_DIRECTORY) != 0,
                    let component = FilePath(bytes: name)?.components.first
                {
                    out.newDirectories.insert(directory.appending(component))
                }
            }
            if what & UInt32(BLAZE_WATCH_GONE) != 0 {
                out.gone.insert(directory)
                remove(directory)
            }
        }
        return out
    }
}
