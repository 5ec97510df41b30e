public import Crypto

/// Writes pages as FORMAT.md 3 says. Independent of the reader that it is used to test and to measure.
public struct PageWriter: Sendable {
    /// Bytes of a page.
    public static let pageBytes = 4096
    /// The longest plaintext of a record page.
    public static let recordCapacity = 4059
    /// The longest record in one page, and the plaintext's length of the main page of a longer one.
    public static let mainPlaintext = 4046
    /// The longest plaintext of an overflow page.
    public static let overflowCapacity = 4052
    /// The record bytes in the main page of a long record, before its reference.
    public static let headBytes = mainPlaintext - OverflowFields.byteCount

    /// The key that seals.
    public let key: SymmetricKey

    /// A writer that seals with a key.
    public init(key: SymmetricKey) {
        self.key = key
    }

    /// A page of at most 4096 bytes, zero behind them.
    public static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: max(0, pageBytes - bytes.count))
    }

    /// A record page of version 2. A nonce must not be used twice with one key where the key is worth anything.
    public func recordPage(_ plaintext: [UInt8], nonce: UInt64) throws -> [UInt8] {
        try seal(
            plaintext, header: Array("BZDB".utf8) + [2] + UInt32(plaintext.count).bigEndianBytes, nonce: nonce)
    }

    /// A record page of version 1, which is not encrypted.
    public static func plainPage(_ plaintext: [UInt8]) -> [UInt8] {
        padded(Array("BZDB".utf8) + [1] + UInt32(plaintext.count).bigEndianBytes + plaintext)
    }

    /// An overflow page; `next` 0 ends the chain.
    public func overflowPage(_ piece: [UInt8], next: UInt32, nonce: UInt64) throws -> [UInt8] {
        try seal(
            piece,
            header: Array("OVER".utf8) + [3, 0, 0, 0] + next.bigEndianBytes + UInt32(piece.count).bigEndianBytes,
            nonce: nonce)
    }

    private func seal(_ plaintext: [UInt8], header: [UInt8], nonce: UInt64) throws -> [UInt8] {
        let nonce = try AES.GCM.Nonce(data: nonce.bigEndianBytes + [0, 0, 0, 0])
        let box = try AES.GCM.seal(plaintext, using: key, nonce: nonce)
        return Self.padded(header + Array(box.nonce) + box.tag + box.ciphertext)
    }

    /// Cuts a long record into what its main page holds before the reference, and what its overflow pages hold.
    public static func cut(_ record: [UInt8]) -> (head: [UInt8], pieces: [[UInt8]]) {
        let pieces = stride(from: headBytes, to: record.count, by: overflowCapacity).map {
            Array(record[$0..<min($0 + overflowCapacity, record.count)])
        }
        return (Array(record.prefix(headBytes)), pieces)
    }
}

/// The reference at the end of a long record's main page (FORMAT.md 3.1).
public struct OverflowFields: Sendable {
    /// Bytes of a reference.
    public static let byteCount = 32

    /// The first overflow page.
    public var first: UInt32
    /// The record's length.
    public var total: UInt64
    /// FNV-1a-64 of the record.
    public var checksum: UInt64
    /// How many overflow pages.
    public var count: UInt32
    /// Bit 0: committed.
    public var flags: UInt8 = 1

    /// The right reference of a record whose overflow pages start at `first`.
    public init(_ record: [UInt8], first: UInt32, count: Int) {
        self.first = first
        total = UInt64(record.count)
        checksum = record.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        self.count = UInt32(truncatingIfNeeded: count)
    }

    /// Its 32 bytes.
    public var bytes: [UInt8] {
        Array("OVR2".utf8) + [1, flags, 0, 0] + first.bigEndianBytes + total.bigEndianBytes + checksum.bigEndianBytes
            + count.bigEndianBytes
    }
}
