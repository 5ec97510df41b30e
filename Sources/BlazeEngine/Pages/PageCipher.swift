internal import Crypto

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// AES-256-GCM over pages: 96-bit nonce, 128-bit tag, no associated data (FORMAT.md 3).
struct PageCipher {
    private static let nonceBytes = 12
    private static let tagBytes = 16
    private let key: SymmetricKey

    init(_ key: SymmetricKey) {
        self.key = key
    }

    /// The plaintext of a record or overflow page; nil when the tag does not fit. A length over the page's capacity
    /// is the caller's to refuse.
    func open(_ page: PageView, header: Int, count: Int) -> Data? {
        let nonce = page.slice(header, Self.nonceBytes)
        let tag = page.slice(header + Self.nonceBytes, Self.tagBytes)
        let body = page.slice(header + Self.nonceBytes + Self.tagBytes, count)
        guard let nonce = try? AES.GCM.Nonce(data: nonce),
            let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: body, tag: tag)
        else { return nil }
        return try? AES.GCM.open(box, using: key)
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
