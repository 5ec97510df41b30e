internal import CSodium

/// What opens a sealed stream: a passphrase, or the secret half of a recipient.
public struct SealSecret: ~Copyable, Sendable {
    /// The recipient, where it is an identity's secret.
    fileprivate let recipient: SealRecipient?
    fileprivate var bytes: SecretBytes

    /// A passphrase.
    public init(passphrase: consuming SecretBytes) {
        recipient = nil
        bytes = passphrase
    }

    /// An identity.
    public init(identity: consuming SealIdentity) {
        recipient = identity.recipient
        bytes = identity.takeSecret()
    }
}

extension SealHeader.Slot {
    private static let label: [UInt8] = Array("blazedb seal 1 passphrase".utf8)

    /// Wraps a stream's key by a passphrase, with a fresh salt and nonce.
    static func sealing(
        _ key: inout SecretBytes, passphrase: inout SecretBytes, costs: KDFCosts
    ) throws(SealError) -> SealHeader.Slot {
        var salt = [UInt8](repeating: 0, count: Argon2id.saltBytes)
        var nonce = [UInt8](repeating: 0, count: SealHeader.nonceBytes)
        randombytes_buf(&salt, salt.count)
        randombytes_buf(&nonce, nonce.count)
        var wrapping = try derived(from: &passphrase, salt, costs)
        defer { wipeStack() }
        let bound = label + SealHeader.costBytes(costs) + salt
        var out = [UInt8](repeating: 0, count: SealHeader.wrappedBytes)
        let status = wrapping.withBytes { wrapping in
            key.withBytes { key in
                crypto_aead_xchacha20poly1305_ietf_encrypt(
                    &out, nil, key.sodium, UInt64(key.count), bound, UInt64(bound.count), nil, nonce, wrapping.sodium)
            }
        }
        guard status == 0 else { throw .noMemory }
        return .passphrase(costs: costs, salt: salt, nonce: nonce, wrapped: out)
    }

    /// Wraps a stream's key for a recipient.
    static func sealing(_ key: inout SecretBytes, for recipient: SealRecipient) throws(SealError) -> SealHeader.Slot {
        defer { wipeStack() }
        var out = [UInt8](repeating: 0, count: SealHeader.boxedBytes)
        let status = key.withBytes { key in
            crypto_box_seal(&out, key.sodium, UInt64(key.count), recipient.key)
        }
        guard status == 0 else {
            throw SealError(.invalidRecipient, "the recipient's key is one that nothing can be sealed for")
        }
        return .recipient(sealed: out)
    }

    private static func derived(
        from passphrase: inout SecretBytes, _ salt: [UInt8], _ costs: KDFCosts
    ) throws(SealError) -> SecretBytes {
        defer { wipeStack() }
        var isDerived = false
        let key: SecretBytes
        do {
            key = try SecretBytes(count: SealHeader.keyBytes) {
                isDerived = Argon2id.derive($0, from: &passphrase, salt: salt, costs: costs)
            }
        } catch {
            throw .noMemory
        }
        guard isDerived else {
            throw SealError(
                .noMemory, "Argon2id needs \(costs.memoryKiB >> 10) MiB of memory and could not get them")
        }
        return key
    }

    /// The stream's key; nil where the secret does not open this slot.
    func open(with secret: inout SealSecret) throws(SealError) -> SecretBytes? {
        defer { wipeStack() }
        switch self {
        case .passphrase(let costs, let salt, let nonce, let wrapped):
            guard secret.recipient == nil else { return nil }
            var wrapping = try Self.derived(from: &secret.bytes, salt, costs)
            let bound = Self.label + SealHeader.costBytes(costs) + salt
            return try Self.opened { out in
                wrapping.withBytes { wrapping in
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        out.sodium, nil, nil, wrapped, UInt64(wrapped.count), bound, UInt64(bound.count), nonce,
                        wrapping.sodium) == 0
                }
            }
        case .recipient(let sealed):
            guard let recipient = secret.recipient else { return nil }
            return try Self.opened { out in
                secret.bytes.withBytes { secret in
                    crypto_box_seal_open(
                        out.sodium, sealed, UInt64(sealed.count), recipient.key, secret.sodium) == 0
                }
            }
        }
    }

    private static func opened(
        _ body: (UnsafeMutableRawBufferPointer) -> Bool
    ) throws(SealError) -> SecretBytes? {
        var isOpen = false
        var key: SecretBytes?
        do {
            key = try SecretBytes(count: SealHeader.keyBytes) { isOpen = body($0) }
        } catch {
            throw .noMemory
        }
        return isOpen ? key.take() : nil
    }
}
