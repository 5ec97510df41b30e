internal import CSodium

/// Keys as text: a prefix, 64 hex digits of the key, and 8 hex digits of a checksum, the first four bytes of the BLAKE2b-256
/// of the key, keyed by the prefix.
enum SealText {
    static let keyBytes = 32
    static let checkBytes = 4

    private static func digit(_ n: UInt8) -> UInt8 { n < 10 ? UInt8(ascii: "0") + n : UInt8(ascii: "a") + n - 10 }

    private static func value(_ c: UInt8) -> UInt8? {
        switch c {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): c - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): c - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// How many bytes a text with this prefix has.
    static func count(_ prefix: String) -> Int { prefix.utf8.count + 2 * (keyBytes + checkBytes) }

    /// Writes the text; both places are guarded memory where the key is a secret.
    static func write(_ key: UnsafeRawBufferPointer, prefix: String, to out: UnsafeMutableRawBufferPointer) {
        var check = self.check(key, prefix)
        out.copyBytes(from: Array(prefix.utf8))
        var at = prefix.utf8.count
        for byte in key {
            out[at] = digit(byte >> 4)
            out[at + 1] = digit(byte & 15)
            at += 2
        }
        for byte in check {
            out[at] = digit(byte >> 4)
            out[at + 1] = digit(byte & 15)
            at += 2
        }
        check.withUnsafeMutableBytes { wipe($0) }
    }

    /// Reads the key of a text into a place of `keyBytes`; false for anything but one such text.
    static func read(_ text: UnsafeRawBufferPointer, prefix: String, to out: UnsafeMutableRawBufferPointer) -> Bool {
        let start = prefix.utf8.count
        guard text.count == count(prefix), text.starts(with: prefix.utf8) else { return false }
        var given: [UInt8] = []
        for i in 0..<keyBytes + checkBytes {
            guard let high = value(text[start + 2 * i]), let low = value(text[start + 2 * i + 1]) else { return false }
            if i < keyBytes { out[i] = high << 4 | low } else { given.append(high << 4 | low) }
        }
        return isEqualInConstantTime(given, check(UnsafeRawBufferPointer(out), prefix))
    }

    private static func check(_ key: UnsafeRawBufferPointer, _ prefix: String) -> [UInt8] {
        // Keyed by the prefix, and of the key alone: no copy of a secret is made for it.
        let label = Array(prefix.utf8)
        var out = [UInt8](repeating: 0, count: 32)
        _ = crypto_generichash(&out, out.count, key.sodium, UInt64(key.count), label, label.count)
        return Array(out.prefix(checkBytes))
    }
}
