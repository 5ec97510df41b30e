/// Bytes that come one piece after the other. Not Sendable: one thread at a time.
public protocol ByteStream: AnyObject {
    /// How many bytes lie behind it, for progress; not of what comes out of it where that is another number.
    var length: UInt64 { get }
    /// How many of them were read.
    var done: UInt64 { get }
    /// The next piece, which is not empty; nil at the end.
    func next() throws -> [UInt8]?
}

/// A file, from its beginning to its end.
public final class FileStream: ByteStream {
    private static let piece = 256 << 10

    /// The file's size when it was opened.
    public let length: UInt64
    /// What was read of it.
    public private(set) var done: UInt64 = 0
    private let file: any StorageFile

    /// Reads an open file.
    public init(_ file: any StorageFile) throws(StorageError) {
        self.file = file
        length = try file.status().size
    }

    /// The next piece. Throws `StorageError`.
    public func next() throws -> [UInt8]? {
        let bytes = try file.bytes(count: Self.piece, at: done)
        done += UInt64(bytes.count)
        return bytes.isEmpty ? nil : bytes
    }
}
