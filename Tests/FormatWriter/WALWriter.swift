/// Writes entries of a write-ahead log as FORMAT.md 6 says.
public enum WALWriter {
    /// An entry of the legacy form.
    public static func entry(page: UInt32, image: [UInt8]) -> [UInt8] {
        UInt32(0x5741_4C45).littleEndianBytes + page.littleEndianBytes + UInt32(image.count).littleEndianBytes
            + checksum(image).littleEndianBytes + image
    }

    /// An entry of the unified form.
    public static func unified(transaction: UInt8, operation: UInt8, page: UInt32, payload: [UInt8]) -> [UInt8] {
        let body =
            Array("WALV".utf8) + UInt64(1).littleEndianBytes + [UInt8](repeating: transaction, count: 16) + [operation]
            + page.littleEndianBytes + UInt32(payload.count).littleEndianBytes + payload
        return body + checksum(body).littleEndianBytes
    }

    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }

    /// CRC-32 (IEEE), which record version 2 uses as well.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }
}
