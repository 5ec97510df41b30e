internal import BlazePlatform

/// Writes pages to the data file, those that stand side by side in one call. Nothing is durable before the file is synced.
final class PageRun {
    private static let pages = 64

    private let file: any WritableFile
    private let cipher: PageCipher
    private let buffer = PageBuffer(pages: pages)
    private var start: UInt32 = 0
    private var count = 0

    init(_ file: any WritableFile, cipher: PageCipher) {
        self.file = file
        self.cipher = cipher
    }

    /// Writes a record into pages that are in ascending order, as many as `RecordShape` tells.
    func write(_ record: UnsafeRawBufferPointer, _ shape: RecordShape, to pages: [UInt32]) throws(EngineError) {
        precondition(pages.count == shape.pages, "a record takes the pages that its shape tells")
        guard shape.pages > 1 else {
            try cipher.sealRecord(record, into: try place(pages[0]))
            return
        }
        let head = OverflowReference.mainPlaintext - OverflowReference.byteCount
        let reference = OverflowReference(
            first: pages[1], totalBytes: UInt64(record.count), checksum: Checksum.fnv1a64(record),
            pages: UInt32(shape.pages - 1))
        let main = Array(record[..<head]) + reference.bytes
        try main.withRawBytes { (main) throws(EngineError) in
            try cipher.sealRecord(main, into: try place(pages[0]))
        }
        var start = head
        for i in 1..<pages.count {
            let end = min(start + PageView.overflowCapacity, record.count)
            let next = i + 1 < pages.count ? pages[i + 1] : 0
            try cipher.sealOverflow(
                UnsafeRawBufferPointer(rebasing: record[start..<end]), next: next, into: try place(pages[i]))
            start = end
        }
    }

    /// Zeroes pages.
    func zero(_ pages: some Sequence<UInt32>) throws(EngineError) {
        for page in pages { try place(page).clear() }
        try flush()
    }

    /// Puts a page's bytes as they are.
    func put(_ page: PageView, at number: UInt32) throws(EngineError) {
        try place(number).bytes.copyMemory(from: page.bytes)
    }

    /// Writes what is still in the buffer.
    func flush() throws(EngineError) {
        guard count > 0 else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[..<(count * PageView.byteCount)])
        defer { count = 0 }
        do {
            try file.write(bytes, at: UInt64(start) * UInt64(PageView.byteCount))
        } catch {
            throw EngineError(error)
        }
    }

    private func place(_ page: UInt32) throws(EngineError) -> PageBuffer.Place {
        if count == Self.pages || (count > 0 && UInt64(page) != UInt64(start) + UInt64(count)) { try flush() }
        if count == 0 { start = page }
        count += 1
        return buffer.place(count - 1)
    }
}

extension [UInt8] {
    /// The bytes where they lie, for code whose errors are the engine's.
    func withRawBytes<T>(_ body: (UnsafeRawBufferPointer) throws(EngineError) -> T) throws(EngineError) -> T {
        try withUnsafeBufferPointer { (bytes: UnsafeBufferPointer<UInt8>) throws(EngineError) -> T in
            try body(UnsafeRawBufferPointer(bytes))
        }
    }
}

/// How many pages a record of some length takes (FORMAT.md 3.1).
struct RecordShape {
    /// Pages, the main page included.
    let pages: Int

    /// Throws `.invalidRecord` for a chain longer than BlazeDB reads back.
    init(_ record: UnsafeRawBufferPointer) throws(EngineError) {
        guard record.count > OverflowReference.mainPlaintext || Self.looksLikeReference(record) else {
            pages = 1
            return
        }
        pages = Self.chained(record.count)
        guard pages - 1 <= EngineLimits.chainPages else {
            throw EngineError(
                .invalidRecord,
                "the record has \(record.count) bytes; BlazeDB reads at most \(OverflowReference.longestRecord) back")
        }
    }

    /// How many pages a record of so many bytes takes, unless it looks like one with a chain (trap T21).
    static func pages(ofBytes count: Int) -> Int { count > OverflowReference.mainPlaintext ? chained(count) : 1 }

    private static func chained(_ count: Int) -> Int {
        let rest = count - (OverflowReference.mainPlaintext - OverflowReference.byteCount)
        return 1 + (rest + PageView.overflowCapacity - 1) / PageView.overflowCapacity
    }

    /// A record that would be taken for one with a chain must have one (trap T21).
    private static func looksLikeReference(_ record: UnsafeRawBufferPointer) -> Bool {
        OverflowReference(plaintext: record) != nil
    }
}
