internal import BlazePlatform
internal import CBoringSSL
internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// AES-256-GCM over pages: 96-bit nonce, 128-bit tag, no associated data (FORMAT.md 3).
///
/// Holds the key's schedule, in ordinary memory, as long as it lives, and wipes it then: an operation makes one and lets
/// it go. Any number of threads may use one.
final class PageCipher: Sendable {
    private let nonces = NonceSource()
    // Written by nobody but init and deinit.
    private nonisolated(unsafe) let gcm: OpaquePointer

    /// - Throws: `.readFailed` when memory is out.
    init(_ key: SymmetricKey) throws(EngineError) {
        defer { wipeStack() }
        let gcm = key.withUnsafeBytes { key in
            key.count == BLAZE_GCM_KEY_SIZE ? blaze_gcm_new(key.baseAddress) : nil
        }
        guard let gcm else {
            throw EngineError(.readFailed, "the cipher could not be set up", hint: "memory may be short")
        }
        self.gcm = gcm
    }

    deinit {
        blaze_gcm_free(gcm)
        wipeStack()
    }

    /// Puts the plaintext behind a page's nonce and tag into a place of `count` bytes; false when the tag does not fit. The
    /// caller has checked `count` against the page's capacity.
    private func open(_ page: PageView, header: Int, count: Int, into place: UnsafeMutableRawPointer?) -> Bool {
        let tag = header + BLAZE_GCM_NONCE_SIZE
        let body = tag + BLAZE_GCM_TAG_SIZE
        return blaze_gcm_open(
            gcm, page.slice(header, tag - header).baseAddress, page.slice(tag, body - tag).baseAddress,
            page.slice(body, count).baseAddress, count, place) == 1
    }

    private func open(_ page: PageView, header: Int, count: Int) -> Data? {
        var plaintext = Data(count: count)
        let isOpen = plaintext.withUnsafeMutableBytes { open(page, header: header, count: count, into: $0.baseAddress) }
        return isOpen ? plaintext : nil
    }

    /// Puts the plaintext of a version 2 page into a page's buffer: its bytes there, until the buffer is used again; nil when
    /// it does not authenticate.
    func openRecord(_ page: PageView, into buffer: PageBuffer) -> UnsafeRawBufferPointer? {
        let count = Int(page.recordLength)
        guard count <= PageView.recordCapacity, open(page, header: 9, count: count, into: buffer.bytes.baseAddress)
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
    }

    /// The same for an overflow page.
    func openOverflow(_ page: PageView, into buffer: PageBuffer) -> UnsafeRawBufferPointer? {
        let count = Int(page.overflowLength)
        guard count <= PageView.overflowCapacity, open(page, header: 16, count: count, into: buffer.bytes.baseAddress)
        else { return nil }
        return UnsafeRawBufferPointer(rebasing: buffer.bytes[..<count])
    }

    /// The plaintext of a version 2 page; nil when it does not authenticate.
    func openRecord(_ page: PageView) -> Data? {
        guard page.recordLength <= PageView.recordCapacity else { return nil }
        return open(page, header: 9, count: Int(page.recordLength))
    }

    /// The plaintext of an overflow page; nil when it does not authenticate.
    func openOverflow(_ page: PageView) -> Data? {
        guard page.overflowLength <= PageView.overflowCapacity else { return nil }
        return open(page, header: 16, count: Int(page.overflowLength))
    }

    /// Fills a page with a record's plaintext, or the main page's part of it. Throws `.writeFailed` when the cipher fails.
    func sealRecord(_ plaintext: UnsafeRawBufferPointer, into page: PageBuffer.Place) throws(EngineError) {
        precondition(plaintext.count <= PageView.recordCapacity, "a record page holds \(PageView.recordCapacity) bytes")
        page.clear()
        page.put(PageView.recordMagic, at: 0)
        page.bytes[4] = 2
        page.put(UInt32(plaintext.count), at: 5)
        try seal(plaintext, into: page, header: 9)
    }

    /// Fills a page with a piece of a long record. Throws `.writeFailed` when the cipher fails.
    func sealOverflow(
        _ piece: UnsafeRawBufferPointer, next: UInt32, into page: PageBuffer.Place
    ) throws(EngineError) {
        precondition(
            piece.count <= PageView.overflowCapacity, "an overflow page holds \(PageView.overflowCapacity) bytes")
        page.clear()
        page.put(PageView.overflowMagic, at: 0)
        page.bytes[4] = 3
        page.put(next, at: 8)
        page.put(UInt32(piece.count), at: 12)
        try seal(piece, into: page, header: 16)
    }

    private func seal(
        _ plaintext: UnsafeRawBufferPointer, into page: PageBuffer.Place, header: Int
    ) throws(EngineError) {
        let tag = header + BLAZE_GCM_NONCE_SIZE
        let body = tag + BLAZE_GCM_TAG_SIZE
        let base = page.bytes.baseAddress!
        nonces.next(into: base + header)
        guard blaze_gcm_seal(gcm, base + header, plaintext.baseAddress, plaintext.count, base + tag, base + body) == 1
        else { throw EngineError(.writeFailed, "the cipher could not seal a page", hint: "memory may be short") }
    }

    /// Whether the page's tag proves that it was written with this key. A plain page proves nothing.
    func authenticates(_ page: PageView) -> Bool {
        switch page.kind {
        case .record: openRecord(page) != nil
        case .overflow: openOverflow(page) != nil
        case .compressed:
            // The older form without a ciphertext length is not told apart from damage.
            {
                let count = page.integer(at: 9)
                return (1...UInt32(PageView.byteCount - 41)).contains(count)
                    && open(page, header: 13, count: Int(count)) != nil
            }()
        default: false
        }
    }

    /// Whether a WAL image must leave the page alone: it is authentic, or plain and whole (FORMAT.md 8.1a).
    func isSound(_ page: PageView) -> Bool {
        page.kind == .plain ? page.recordLength <= PageView.plainCapacity : authenticates(page)
    }
}
