internal import BlazeModel
internal import BlazePlatform
internal import CSodium

/// A vault's data key and the two keys that come from it (Protocol/vault.md 5): one seals entries, one makes the sum over
/// the whole file.
struct VaultKeys: ~Copyable, Sendable {
    static let byteCount = 32
    private static let context = "BDVault1"
    private static let entryLabel: [UInt8] = Array("blazedb vault 1 entry".utf8)

    var data: SecretBytes
    private var entries: SecretBytes
    private var sums: SecretBytes

    /// The keys of a data key.
    init(data key: consuming SecretBytes) throws(VaultError) {
        var data = key
        let entries = try Self.derive(1, from: &data)
        let sums = try Self.derive(2, from: &data)
        self.data = data
        self.entries = entries
        self.sums = sums
    }

    /// The keys of a new, random data key.
    static func random() throws(VaultError) -> VaultKeys {
        try VaultKeys(data: .guarded(byteCount) { randombytes_buf($0.bytes, $0.count) })
    }

    private static func derive(_ number: UInt64, from key: inout SecretBytes) throws(VaultError) -> SecretBytes {
        defer { wipeStack() }
        return try .guarded(byteCount) { out throws(VaultError) in
            let status = key.withBytes { key in
                crypto_kdf_derive_from_key(out.bytes, out.count, number, context, key.bytes)
            }
            guard status == 0 else { throw .noSecretMemory() }
        }
    }

    /// The keyed BLAKE2b-256 of a file's bytes in front of its two sums.
    mutating func sum(of body: [UInt8], count: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: VaultImage.sumBytes)
        // Fails only for lengths that are no BLAKE2b's; these are.
        _ = sums.withBytes { key in
            crypto_generichash(&out, out.count, body, UInt64(count), key.bytes, key.count)
        }
        return out
    }

    /// Whether a file was written with these keys. Its checksum holds.
    mutating func wrote(_ bytes: [UInt8]) -> Bool {
        let sum = sum(of: bytes, count: bytes.count - 2 * VaultImage.sumBytes)
        let stored = Array(bytes.suffix(2 * VaultImage.sumBytes).prefix(VaultImage.sumBytes))
        return isEqualInConstantTime(sum, stored)
    }

    /// Seals an entry's padded plaintext for its database.
    mutating func seal(
        _ plaintext: inout SecretBytes, identity: DatabaseID, vault: [UInt8]
    ) throws(VaultError) -> SealedEntry {
        let label = Self.entryLabel + vault + identity.bytes
        var nonce = [UInt8](repeating: 0, count: 24)
        randombytes_buf(&nonce, nonce.count)
        var out = [UInt8](repeating: 0, count: plaintext.count + SealedEntry.tagBytes)
        let status = entries.withBytes { key in
            plaintext.withBytes { plain in
                crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &out, nil, plain.bytes, UInt64(plain.count), label, UInt64(label.count), nil, nonce, key.bytes)
            }
        }
        guard status == 0 else { throw .noSecretMemory() }
        return SealedEntry(identity: identity, nonce: nonce[...], ciphertext: out[...])
    }

    /// Opens an entry into `buffer`, which must have room; what of it is plaintext, padding left off.
    ///
    /// - Throws: `damaged` when it was not sealed with these keys for this database and this vault.
    mutating func open(
        _ entry: SealedEntry, vault: [UInt8], into buffer: UnsafeMutableRawBufferPointer
    ) throws(VaultError) -> UnsafeRawBufferPointer {
        let label = Self.entryLabel + vault + entry.identity.bytes
        let count = entry.ciphertext.count - SealedEntry.tagBytes
        guard count >= 0, count <= buffer.count else { throw .malformed("an entry's length is wrong") }
        let nonce = Array(entry.nonce)
        let status = entries.withBytes { key in
            entry.ciphertext.withUnsafeBytes { sealed in
                crypto_aead_xchacha20poly1305_ietf_decrypt(
                    buffer.bytes, nil, nil, sealed.bytes, UInt64(sealed.count), label, UInt64(label.count), nonce,
                    key.bytes)
            }
        }
        guard status == 0 else {
            throw VaultError(
                .damaged, "an entry of the vault does not open: it was altered, or belongs to another database",
                hint: VaultError.restoreHint)
        }
        var unpadded = 0
        guard sodium_unpad(&unpadded, buffer.bytes, count, SealedEntry.block) == 0 else {
            throw .malformed("an entry's padding is wrong")
        }
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<unpadded])
    }
}

extension UnsafeRawBufferPointer {
    /// As libsodium takes it. Guarded memory always has an address, and so has an array that is not empty.
    var bytes: UnsafePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    /// As libsodium takes it. Guarded memory always has an address.
    var bytes: UnsafeMutablePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}
