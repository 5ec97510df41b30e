internal import BlazePlatform
internal import Crypto

/// A place in a stream of bytes, with its offset and its line. What was passed is let go of.
final class ByteCursor {
    private let source: any ByteStream
    private var buffer: [UInt8] = []
    private var position = 0
    private var before: UInt64 = 0
    private var tap: SHA256?
    private var tapped = 0
    /// The line that the place is in, from 1 on.
    private(set) var line: UInt64 = 1

    init(_ source: any ByteStream) { self.source = source }

    /// How many bytes were passed.
    var offset: UInt64 { before + UInt64(position) }
    /// How much of the source was read, and how much there is of it.
    var progress: (done: UInt64, total: UInt64) { (source.done, source.length) }

    /// Gets more bytes; false at the end.
    private func fill() throws -> Bool {
        flushTap()
        guard let more = try source.next() else { return false }
        before += UInt64(position)
        if position == buffer.count {
            buffer = more
        } else {
            buffer.removeFirst(position)
            buffer += more
        }
        position = 0
        tapped = 0
        return true
    }

    /// The next byte, not passed; nil at the end.
    @inline(__always)
    func peek() throws -> UInt8? {
        if position < buffer.count { return buffer[position] }
        return try fill() ? buffer[position] : nil
    }

    /// Up to `count` next bytes, not passed.
    func peek(_ count: Int) throws -> ArraySlice<UInt8> {
        while buffer.count - position < count { guard try fill() else { break } }
        return buffer[position..<min(buffer.count, position + count)]
    }

    /// Passes the byte that was looked at.
    @inline(__always)
    func pass() {
        if buffer[position] == 0x0A { line += 1 }
        position += 1
    }

    /// Passes `count` bytes, which the caller has checked against a limit; nil where fewer are left. Memory is taken as they
    /// come. Lines are not counted.
    func take(_ count: Int) throws -> [UInt8]? {
        var out: [UInt8] = []
        while out.count < count {
            guard try peek() != nil else { return nil }
            let piece = min(count - out.count, buffer.count - position)
            out += buffer[position..<position + piece]
            position += piece
        }
        return out
    }

    /// Begins to hash everything that is passed.
    func startHash() {
        tap = SHA256()
        tapped = position
    }

    /// Ends that; the hash.
    func endHash() -> [UInt8] {
        flushTap()
        defer { tap = nil }
        return tap.map { Array($0.finalize()) } ?? []
    }

    private func flushTap() {
        guard tap != nil else { return }
        buffer.withUnsafeBytes { tap?.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[tapped..<position])) }
        tapped = position
    }
}
