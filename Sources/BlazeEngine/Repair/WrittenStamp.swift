internal import BlazePlatform

/// What tells a file from another one that has got its inode number since, and from itself after a change.
struct WrittenStamp: Equatable {
    let inode: UInt64
    let size: UInt64
    /// Nanoseconds since 1970.
    let modified: Int64

    init(_ status: FileStatus) {
        (inode, size, modified) = (status.identity.inode, status.size, status.modified)
    }

    init?(_ inode: some StringProtocol, _ size: some StringProtocol, _ modified: some StringProtocol) {
        guard let inode = UInt64(inode), let size = UInt64(size), let modified = Int64(modified) else { return nil }
        (self.inode, self.size, self.modified) = (inode, size, modified)
    }

    /// Three decimal numbers.
    var text: String { "\(inode) \(size) \(modified)" }
}
