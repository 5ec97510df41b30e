/// What stands at the end of a long record's main page (FORMAT.md 3.1). Big-endian.
///
///     "OVR2" version u8 = 1, flags u8 (bit 0 committed), 0 0, first page u32, record length u64, FNV-1a-64 u64,
///     count of overflow pages u32
struct OverflowReference {
    static let byteCount = 32
    private static let magic: UInt32 = 0x4F56_5232
    /// The plaintext length of a main page that has a reference, or the old pointer.
    static let mainPlaintext = PageView.byteCount - 50
    /// The most bytes that a record within the limits can have.
    static let longestRecord =
        UInt64(mainPlaintext - byteCount) + UInt64(EngineLimits.chainPages) * UInt64(PageView.overflowCapacity)

    let isCommitted: Bool
    let first: UInt32
    let totalBytes: UInt64
    let checksum: UInt64
    let pages: UInt32

    /// The reference at the end of a main page's plaintext; nil when there is none.
    init?(plaintext: UnsafeRawBufferPointer) {
        guard plaintext.count == Self.mainPlaintext else { return nil }
        let at = Self.mainPlaintext - Self.byteCount
        func integer<T: FixedWidthInteger>(_ offset: Int, _: T.Type) -> T {
            T(bigEndian: plaintext.loadUnaligned(fromByteOffset: at + offset, as: T.self))
        }
        guard integer(0, UInt32.self) == Self.magic, plaintext[at + 4] == 1 else { return nil }
        isCommitted = plaintext[at + 5] & 1 == 1
        first = integer(8, UInt32.self)
        totalBytes = integer(12, UInt64.self)
        checksum = integer(20, UInt64.self)
        pages = integer(28, UInt32.self)
    }

    /// The reference of a committed record.
    init(first: UInt32, totalBytes: UInt64, checksum: UInt64, pages: UInt32) {
        isCommitted = true
        self.first = first
        self.totalBytes = totalBytes
        self.checksum = checksum
        self.pages = pages
    }

    /// The reference as it is written.
    var bytes: [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(Self.byteCount)
        func append<T: FixedWidthInteger>(_ integer: T) { withUnsafeBytes(of: integer.bigEndian) { out += $0 } }
        append(Self.magic)
        out += [1, isCommitted ? 1 : 0, 0, 0]
        append(first)
        append(totalBytes)
        append(checksum)
        append(pages)
        return out
    }

    /// The first overflow page that the form before 2.7.1 names in its last four bytes; nil when there can be none.
    static func oldPointer(plaintext: UnsafeRawBufferPointer) -> UInt32? {
        guard plaintext.count == mainPlaintext else { return nil }
        let page = UInt32(bigEndian: plaintext.loadUnaligned(fromByteOffset: mainPlaintext - 4, as: UInt32.self))
        return page == 0 ? nil : page
    }
}
