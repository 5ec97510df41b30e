internal import BlazePlatform
internal import SystemPackage

/// `NAME.agent_grow`: says that pages behind nextPageIndex are being filled that no durable metadata names, so that they are
/// cut off when the process dies before it does. Without it they would look like pages of a record that grew (trap T2), or
/// like records that the index lost (trap T8).
///
/// Never synced: a machine that stops may lose it, and then nothing is cut off. It counts only with the metadata that it was
/// written beside, and only where no record reaches the pages.
///
///     nextPageIndex, inode, size and change of the metadata as decimal numbers, spaces between, a line feed, zeros to 128 bytes
struct GrowthMarker {
    private static let byteCount = 128

    private let file: any WritableFile

    /// Makes the file anew.
    init(_ files: FileSet, in storage: any ChangingStorage) throws(StorageError) {
        try storage.remove(files.growthMarker)
        file = try storage.create(files.growthMarker, like: nil)
    }

    /// Says from which page on nothing counts with this metadata.
    func note(_ next: UInt64, beside metadata: FileStatus?) throws(StorageError) {
        var text = Self.text(next, metadata)
        text += [UInt8](repeating: 0, count: Self.byteCount - text.count)
        try file.write(text, at: 0)
    }

    private static func text(_ next: UInt64, _ metadata: FileStatus?) -> [UInt8] {
        let facts = metadata.map { "\($0.identity.inode) \($0.size) \($0.modified)" } ?? "none"
        return Array("\(next) \(facts)\n".utf8)
    }

    /// Whether a marker says that pages from `next` on are of a change that was not finished.
    static func counts(
        _ files: FileSet, in storage: any ChangingStorage, next: UInt64, metadata: FileStatus
    ) throws(StorageError) -> Bool {
        guard try storage.status(of: files.growthMarker) != nil else { return false }
        let found = try storage.open(files.growthMarker).bytes(count: byteCount, at: 0)
        return found.prefix { $0 != 0 }.elementsEqual(text(next, metadata))
    }
}
