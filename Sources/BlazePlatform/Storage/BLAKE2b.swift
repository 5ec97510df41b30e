internal import CSodium

/// BLAKE2b with 32 bytes of digest (RFC 7693), over bytes that come piece by piece: what tells whether a file is still the one that
/// was written. It has no key, and so says nothing of who wrote it.
///
/// One thread at a time.
public final class BLAKE2b {
    /// Bytes of a digest.
    public static let digestBytes = 32

    /// The library's state, which it wants at a multiple of 64.
    private let memory: UnsafeMutableRawPointer
    private var state: OpaquePointer { OpaquePointer(memory) }

    /// A hash of nothing yet.
    public init() {
        memory = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
        _ = crypto_generichash_init(state, nil, 0, Self.digestBytes)
    }

    deinit { memory.deallocate() }

    /// Adds bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        _ = crypto_generichash_update(state, base.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
    }

    /// Adds bytes.
    public func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// The digest of what was added. Nothing is added afterwards, and it is asked for once.
    public func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Self.digestBytes)
        _ = crypto_generichash_final(state, &digest, digest.count)
        return digest
    }

    /// The digest of bytes, as hex digits.
    public static func hex(of bytes: [UInt8]) -> String {
        let hash = BLAKE2b()
        hash.update(bytes)
        return hash.finishHex()
    }

    /// The digest as hex digits.
    public func finishHex() -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: finish().flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
