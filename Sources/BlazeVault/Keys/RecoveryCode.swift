package import BlazePlatform
internal import CSodium

/// A recovery code: 34 random symbols of 5 bits and a check symbol, in seven groups of five (Protocol/vault.md 6).
///
/// The symbols are Crockford's base32. What people write instead is understood: small letters, O for 0, I and L for 1,
/// and any dashes and blanks.
package enum RecoveryCode {
    package static let symbols = 35
    static let groupLength = 5
    private static let alphabet: [UInt8] = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    /// A new code as it is shown, with dashes.
    package static func random() throws(VaultError) -> SecretBytes {
        try .guarded(symbols + symbols / groupLength - 1) { out in
            var check: UInt8 = 0
            var at = 0
            for i in 0..<symbols {
                // 32 divides the range: no symbol is likelier than another.
                let value = i == symbols - 1 ? times2(check) : UInt8(truncatingIfNeeded: randombytes_random() & 31)
                check = times2(check) ^ value
                if i > 0, i % groupLength == 0 {
                    out[at] = UInt8(ascii: "-")
                    at += 1
                }
                out[at] = alphabet[Int(value)]
                at += 1
            }
        }
    }

    /// The symbols of a code in their one spelling, which is what keys are derived from; nil for a text that has not a
    /// code's shape and therefore is a passphrase.
    ///
    /// - Throws: `malformedRecoveryCode` for a text of a code's shape that is mistyped, `unfitSecret` for a text that
    ///   cannot be a secret of a vault.
    package static func recognise(_ text: inout SecretBytes) throws(VaultError) -> SecretBytes? {
        guard text.count > 0, text.count <= VaultLimits.passphraseBytes else {
            throw VaultError(
                .unfitSecret,
                "a passphrase has 1 to \(VaultLimits.passphraseBytes) bytes")
        }
        let isShaped = text.withBytes { hasShape($0) }
        guard isShaped else { return nil }
        var check: UInt8 = 0
        var count = 0
        let code = try SecretBytes.guarded(symbols) { out in
            text.withBytes { text in
                for value in text.lazy.compactMap(value(of:)) {
                    check = times2(check) ^ value
                    if count < out.count { out[count] = alphabet[Int(value)] }
                    count += 1
                }
            }
        }
        guard count == symbols, check == 0 else {
            throw VaultError(
                .malformedRecoveryCode,
                count == symbols
                    ? "the recovery code is mistyped: its check symbol does not fit"
                    : "the recovery code is mistyped: it has \(count) symbols instead of \(symbols)",
                hint: "compare it with what was written down, group by group")
        }
        return code
    }

    /// Whether a text reads as a code, mistyped or not: nothing but symbols, dashes and blanks, and either as many
    /// symbols as a code has, or nearly as many in as many groups. No passphrase may have that shape.
    private static func hasShape(_ text: UnsafeRawBufferPointer) -> Bool {
        var count = 0
        var separators = 0
        for byte in text {
            if isSeparator(byte) {
                separators += 1
            } else if value(of: byte) != nil {
                count += 1
            } else {
                return false
            }
        }
        return count == symbols || (abs(count - symbols) <= 2 && separators >= symbols / groupLength - 1)
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: " ")
    }

    private static func value(of byte: UInt8) -> UInt8? {
        var symbol = byte
        if (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(symbol) { symbol -= 32 }
        switch symbol {
        case UInt8(ascii: "O"): symbol = UInt8(ascii: "0")
        case UInt8(ascii: "I"), UInt8(ascii: "L"): symbol = UInt8(ascii: "1")
        default: break
        }
        return alphabet.firstIndex(of: symbol).map { UInt8($0) }
    }

    /// Multiplication by 2 in the field of 32 elements with x^5 + x^2 + 1. A code is a polynomial that is zero at 2,
    /// which no code with one wrong symbol is, nor one with two neighbours swapped.
    private static func times2(_ value: UInt8) -> UInt8 {
        let doubled = value << 1
        return doubled & 32 == 0 ? doubled : doubled ^ 0x25
    }
}

extension RecoveryCode {
    /// Refuses a text that cannot be a passphrase: an empty or too long one, and one of a recovery code's shape, which
    /// would be taken for one.
    static func refuse(asPassphrase text: inout SecretBytes) throws(VaultError) {
        var isShaped = true
        do throws(VaultError) {
            isShaped = try recognise(&text) != nil
        } catch  where error.code == .malformedRecoveryCode {
            isShaped = true
        }
        guard !isShaped else {
            throw VaultError(
                .unfitSecret, "a passphrase must not have the shape of a recovery code",
                hint: "choose one with other characters or of another length")
        }
    }
}
