internal import CSodium

/// The unkeyed BLAKE2b-256 at the end of a file: it tells an accident from a wrong secret before any key is derived.
package enum Checksum {
    static let byteCount = 32

    /// The sum of `bytes`.
    package static func of(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: byteCount)
        let input = Array(bytes)
        // Fails only for lengths that are no BLAKE2b's; these are.
        _ = crypto_generichash(&out, out.count, input, UInt64(input.count), nil, 0)
        return out
    }

    /// Whether the last 32 bytes are the sum of those in front of them.
    static func holds(for bytes: [UInt8]) -> Bool {
        guard bytes.count >= byteCount else { return false }
        var out = [UInt8](repeating: 0, count: byteCount)
        _ = crypto_generichash(&out, out.count, bytes, UInt64(bytes.count - byteCount), nil, 0)
        return bytes.suffix(byteCount).elementsEqual(out)
    }
}
