/// Takes big-endian fields off the front of bytes; nil behind their end, so that no length from outside can trap.
struct FieldReader<Bytes: RandomAccessCollection> where Bytes.Element == UInt8, Bytes.Index == Int {
    private let bytes: Bytes
    private(set) var position: Int

    init(_ bytes: Bytes) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    var left: Int { bytes.endIndex - position }

    mutating func take(_ count: Int) -> Bytes.SubSequence? {
        guard count >= 0, count <= left else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) -> T? {
        guard MemoryLayout<T>.size <= left else { return nil }
        var value: T = 0
        for _ in 0..<MemoryLayout<T>.size {
            value = value << 8 | T(truncatingIfNeeded: bytes[position])
            position += 1
        }
        return value
    }
}

extension FixedWidthInteger {
    /// Its bytes, the highest first.
    var bigEndianBytes: [UInt8] {
        withUnsafeBytes(of: bigEndian) { Array($0) }
    }
}
