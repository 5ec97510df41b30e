internal import BlazePlatform
internal import CZlib

/// One whole entry of a WAL. All integers are little-endian (FORMAT.md 6).
///
///     legacy:  57414C45 u32, page u32, length u32 = 4096, CRC-32 of the image u32, image
///     unified: "WALV", LSN u64, transaction 16, operation u8, page u32, length u32, payload, CRC-32 of all before u32
enum WALEntry {
    struct Transaction: Hashable {
        let high: UInt64
        let low: UInt64
    }

    enum Operation: UInt8 {
        case begin = 0, write, delete, commit, abort, checkpoint
    }

    /// A page image at an offset of the file; `checksum` is the image's CRC-32.
    case legacy(page: UInt32, image: UInt64, checksum: UInt32)
    /// An operation of a transaction. For a write, the image's offset; its CRC-32 is not stored.
    case unified(Transaction, Operation, page: UInt32, image: UInt64?)
}

/// Reads a WAL front to back with a buffer of fixed size, however large the file is, and finds its way again behind
/// bytes that are no entry.
struct WALScanner {
    static let legacyHeader = 16
    static let unifiedHeader = 37
    private static let window = 256 << 10

    private let file: any StorageFile
    let size: UInt64
    private var buffer: [UInt8] = []
    /// Where the buffer's first byte stands in the file.
    private var base: UInt64 = 0
    private(set) var position: UInt64 = 0
    private var candidatesLeft = EngineLimits.walCandidates
    /// Bytes skipped before the entry that `next` returned last, or, at the end, behind the last entry.
    private(set) var skipped: UInt64 = 0
    private(set) var searchGivenUp = false

    init(_ file: any StorageFile, size: UInt64) {
        self.file = file
        self.size = size
    }

    /// The next whole entry; nil at the end.
    mutating func next() throws(StorageError) -> WALEntry? {
        skipped = 0
        while position < size {
            if let (entry, count) = try entry(at: position) {
                position += count
                return entry
            }
            let from = position
            position = try nextMagic(behind: position)
            skipped += position - from
        }
        return nil
    }

    /// The first position behind `start` where an entry may begin; the file's end when there is none.
    private mutating func nextMagic(behind start: UInt64) throws(StorageError) -> UInt64 {
        guard candidatesLeft > 0 else {
            searchGivenUp = true
            return size
        }
        var at = start + 1
        while at + UInt64(Self.legacyHeader) <= size {
            // A hole holds no magic: a sparse file of any size is passed over at once.
            if !holds(at, 4) {
                guard let data = try file.nextData(from: at) else { return size }
                at = max(at, data)
                guard at + UInt64(Self.legacyHeader) <= size else { return size }
            }
            try fill(at, 4)
            let first = Int(at - base)
            guard buffer.count - first >= 4 else { return size }
            for i in first...(buffer.count - 4) where Self.isMagic(buffer, i) {
                // A legacy magic whose length is wrong is no entry, and must not use up the candidates.
                let isWhole = i + 12 <= buffer.count
                if Self.isLegacy(buffer, i), isWhole, little32(i + 8) != PageView.byteCount { continue }
                candidatesLeft -= 1
                return base + UInt64(i)
            }
            at = base + UInt64(buffer.count - 3)
        }
        return size
    }

    private static func isLegacy(_ bytes: [UInt8], _ i: Int) -> Bool {
        bytes[i] == 0x45 && bytes[i + 1] == 0x4C && bytes[i + 2] == 0x41 && bytes[i + 3] == 0x57
    }

    private static func isMagic(_ bytes: [UInt8], _ i: Int) -> Bool {
        isLegacy(bytes, i)
            || (bytes[i] == 0x57 && bytes[i + 1] == 0x41 && bytes[i + 2] == 0x4C && bytes[i + 3] == 0x56)
    }

    /// The entry at a position and its length; nil when there is none, or not a whole one.
    private mutating func entry(at start: UInt64) throws(StorageError) -> (WALEntry, UInt64)? {
        guard size - start >= UInt64(Self.legacyHeader) else { return nil }
        try fill(start, Self.unifiedHeader)
        let i = Int(start - base)
        guard buffer.count - i >= Self.legacyHeader, Self.isMagic(buffer, i) else { return nil }
        if Self.isLegacy(buffer, i) {
            guard little32(i + 8) == PageView.byteCount, let page = u32(i + 4), let stored = u32(i + 12) else {
                return nil
            }
            let count = Self.legacyHeader + PageView.byteCount
            guard try fill(start, count) else { return nil }
            let image = Int(start - base) + Self.legacyHeader
            guard checksum(image..<image + PageView.byteCount) == stored else { return nil }
            return (.legacy(page: page, image: start + UInt64(Self.legacyHeader), checksum: stored), UInt64(count))
        }
        guard buffer.count - i >= Self.unifiedHeader, let operation = WALEntry.Operation(rawValue: buffer[i + 28]),
            let page = u32(i + 29), let length = u32(i + 33), UInt64(length) <= EngineLimits.walPayloadBytes
        else { return nil }
        let transaction = WALEntry.Transaction(high: u64(i + 12), low: u64(i + 20))
        let body = Self.unifiedHeader + Int(length)
        guard try fill(start, body + 4) else { return nil }
        let j = Int(start - base)
        guard checksum(j..<j + body) == u32(j + body) else { return nil }
        let image = operation == .write && length == PageView.byteCount ? start + UInt64(Self.unifiedHeader) : nil
        return (.unified(transaction, operation, page: page, image: image), UInt64(body + 4))
    }

    /// Makes `count` bytes from `start` on stand in the buffer; false when the file ends before.
    @discardableResult
    private mutating func fill(_ start: UInt64, _ count: Int) throws(StorageError) -> Bool {
        if holds(start, count) { return true }
        let wanted = min(UInt64(max(Self.window, count)), size - min(start, size))
        buffer = try file.bytes(count: Int(wanted), at: start)
        base = start
        return buffer.count >= count
    }

    /// Whether `count` bytes from `start` on stand in the buffer.
    private func holds(_ start: UInt64, _ count: Int) -> Bool {
        start >= base && start - base <= UInt64(buffer.count) && UInt64(buffer.count) - (start - base) >= UInt64(count)
    }

    private func little32(_ i: Int) -> Int {
        u32(i).map { Int($0) } ?? -1
    }

    private func u32(_ i: Int) -> UInt32? {
        guard i + 4 <= buffer.count else { return nil }
        return buffer.withUnsafeBytes { UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: i, as: UInt32.self)) }
    }

    private func u64(_ i: Int) -> UInt64 {
        buffer.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: i, as: UInt64.self)) }
    }

    private func checksum(_ range: Range<Int>) -> UInt32 {
        buffer.withUnsafeBytes { Checksum.crc32(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
