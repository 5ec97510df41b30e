internal import BlazePlatform
internal import CSodium

/// The key that seals the data key in a slot: Argon2id of a secret (Protocol/vault.md 4).
struct SlotKey: ~Copyable {
    private static let label: [UInt8] = Array("blazedb vault 1 slot".utf8)
    private var key: SecretBytes

    /// Derives the key into guarded memory. Takes as long and as much memory as the costs say.
    init(secret: inout SecretBytes, salt: [UInt8], costs: KDFCosts) throws(VaultError) {
        try costs.checked()
        defer { wipeStack() }
        key = try .guarded(VaultKeys.byteCount) { out throws(VaultError) in
            let isDerived = Argon2id.derive(out, from: &secret, salt: salt, costs: costs)
            guard isDerived else {
                throw VaultError(
                    .noSecretMemory,
                    "Argon2id needs \(costs.memoryKiB >> 10) MiB of memory and could not get them",
                    hint: "free some memory, or raise the limit on it (ulimit -v)")
            }
        }
    }

    /// Seals a data key into a slot, with a fresh nonce.
    mutating func wrap(_ keys: inout VaultKeys, into slot: inout KeySlot, of image: VaultImage) throws(VaultError) {
        let header = Self.label + image.invariants + slot.header
        var nonce = [UInt8](repeating: 0, count: KeySlot.nonceBytes)
        randombytes_buf(&nonce, nonce.count)
        var out = [UInt8](repeating: 0, count: KeySlot.wrappedBytes)
        let status = key.withBytes { key in
            keys.data.withBytes { data in
                crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &out, nil, data.bytes, UInt64(data.count), header, UInt64(header.count), nil, nonce, key.bytes)
            }
        }
        guard status == 0 else { throw .noSecretMemory() }
        slot.nonce = nonce
        slot.wrapped = out
    }

    /// The data key that a slot holds; nil when this key does not open it.
    mutating func unwrap(_ slot: KeySlot, of image: VaultImage) throws(VaultError) -> SecretBytes? {
        let header = Self.label + image.invariants + slot.header
        var isOpen = false
        let data = try SecretBytes.guarded(VaultKeys.byteCount) { out in
            isOpen =
                key.withBytes { key in
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        out.bytes, nil, nil, slot.wrapped, UInt64(slot.wrapped.count), header, UInt64(header.count),
                        slot.nonce, key.bytes)
                } == 0
        }
        guard isOpen else { return nil }
        return data
    }
}

/// A slot that a secret opened.
struct OpenedSlot: ~Copyable {
    let slot: KeySlot
    var key: SlotKey
    var keys: VaultKeys
}

extension OpenedSlot {
    /// Opens a vault's file with a secret: the passphrase, or, when the text is a well-formed recovery code, one of the
    /// recovery slots.
    ///
    /// - Throws: `wrongSecret`, `malformedRecoveryCode` and `unfitSecret` (both before any key is derived), `damaged`
    ///   when the file was altered, `noSecretMemory`.
    init(_ file: VaultFile, secret: inout SecretBytes) throws(VaultError) {
        defer { wipeStack() }
        guard var text = try RecoveryCode.recognise(&secret) else {
            self = try Self.first(.passphrase, of: file, secret: &secret)
            return
        }
        self = try Self.first(.recovery, of: file, secret: &text)
    }

    private static func first(
        _ kind: KeySlot.Kind, of file: VaultFile, secret: inout SecretBytes
    ) throws(VaultError) -> OpenedSlot {
        for slot in file.image.slots where slot.kind == kind {
            var key = try SlotKey(secret: &secret, salt: slot.salt, costs: slot.costs)
            guard let data = try key.unwrap(slot, of: file.image) else { continue }
            var keys = try VaultKeys(data: data)
            guard keys.wrote(file.bytes) else {
                throw VaultError(
                    .damaged, "the vault's file was altered: its sealed sum does not hold",
                    hint: VaultError.restoreHint)
            }
            return OpenedSlot(slot: slot, key: key, keys: keys)
        }
        guard file.image.slots.contains(where: { $0.kind == kind }) else {
            throw kind == .passphrase
                ? VaultError(.wrongSecret, "the vault has no passphrase", hint: "give a recovery code")
                : VaultError(.wrongSecret, "the vault has no recovery code", hint: "give the passphrase")
        }
        throw kind == .passphrase
            ? VaultError(.wrongSecret, "wrong passphrase", hint: "try again, or give a recovery code")
            : VaultError(.wrongSecret, "this recovery code does not belong to this vault")
    }
}

extension OpenedSlot {
    /// The vault's keys; the rest is wiped.
    consuming func takeKeys() -> VaultKeys { keys }
}
