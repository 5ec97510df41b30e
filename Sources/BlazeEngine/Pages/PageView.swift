/// What a page's header says it is (FORMAT.md 3).
enum PageKind: UInt8, Sendable {
    /// Behind the end of the file.
    case absent
    /// All zero: never used, or deleted.
    case empty
    /// A record page, encrypted (version 2).
    case record
    /// A record page in plain text (version 1).
    case plain
    /// A record page, compressed and encrypted (version 3).
    case compressed
    /// A record page of another version.
    case unknownVersion
    /// A piece of a long record.
    case overflow
    /// Anything else.
    case unrecognized

    /// Whether a record's main page can be of this kind.
    var holdsRecord: Bool { self == .record || self == .plain || self == .compressed }
    /// Whether BlazeDB's own marks are on the page.
    var isBlazeDB: Bool { holdsRecord || self == .overflow || self == .unknownVersion }
    /// Whether the page is of a kind that this version cannot read.
    var isUnsupported: Bool { self == .compressed || self == .unknownVersion }
}

/// One page's bytes and what they say, not yet authenticated. All integers are big-endian.
///
///     record:   "BZDB" version u8, length u32, version 2: nonce 12, tag 16, ciphertext;  version 1: plaintext
///     overflow: "OVER" 3 u8, 0 0 0, next u32, length u32, nonce 12, tag 16, ciphertext
///
/// The view never outlives the buffer, and the buffer always holds a whole page, so that offsets below
/// `byteCount` need no check.
struct PageView {
    /// The size of a page.
    static let byteCount = 4096
    /// The largest plaintext in a version 2 page.
    static let recordCapacity = byteCount - 37
    /// The largest plaintext in a version 1 page.
    static let plainCapacity = byteCount - 9
    /// The largest plaintext in an overflow page.
    static let overflowCapacity = byteCount - 44

    let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount, "a page view needs a whole page")
        self.bytes = bytes
    }

    func integer(at offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func slice(_ start: Int, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
    }

    static let recordMagic: UInt32 = 0x425A_4442
    static let overflowMagic: UInt32 = 0x4F56_4552

    var kind: PageKind {
        switch integer(at: 0) {
        case Self.recordMagic:
            switch bytes[4] {
            case 1: .plain
            case 2: .record
            case 3: .compressed
            default: .unknownVersion
            }
        case Self.overflowMagic where bytes[4] == 3: .overflow
        default: isZero ? .empty : .unrecognized
        }
    }

    private var isZero: Bool {
        for offset in stride(from: 0, to: Self.byteCount, by: 32) {
            let a = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let b = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
            let c = bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self)
            let d = bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
            if a | b | c | d != 0 { return false }
        }
        return true
    }

    /// The version byte of a record page.
    var version: UInt8 { bytes[4] }
    /// The plaintext's length that a record page claims.
    var recordLength: UInt32 { integer(at: 5) }
    /// The page that an overflow page names as the next; 0 for none.
    var nextPage: UInt32 { integer(at: 8) }
    /// The plaintext's length that an overflow page claims.
    var overflowLength: UInt32 { integer(at: 12) }
}
