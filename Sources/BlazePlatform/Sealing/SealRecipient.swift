internal import CSodium

/// Whom a stream is sealed for: an X25519 public key.
///
/// As text `blazedb-recipient-` and 72 hex digits; see `SealIdentity` for its other half.
public struct SealRecipient: Sendable, Hashable, CustomStringConvertible {
    /// The bytes of a public key.
    public static let byteCount = SealText.keyBytes
    private static let prefix = "blazedb-recipient-"

    /// The public key.
    public let key: [UInt8]

    /// A recipient from a public key's bytes; nil for another count of them.
    public init?(key: [UInt8]) {
        guard key.count == Self.byteCount else { return nil }
        self.key = key
    }

    /// A recipient from its text. Throws `.invalidRecipient` for anything else, also for a mistyped one.
    public init(_ text: String) throws(SealError) {
        let bytes = Array(text.utf8)
        var key = [UInt8](repeating: 0, count: Self.byteCount)
        let isRead = bytes.withUnsafeBytes { text in
            key.withUnsafeMutableBytes { SealText.read(text, prefix: Self.prefix, to: $0) }
        }
        guard isRead else {
            throw SealError(
                .invalidRecipient,
                "that is no recipient, or a mistyped one: a recipient is \(Self.prefix) and 72 hex digits")
        }
        self.key = key
    }

    /// The text form.
    public var description: String {
        var out = [UInt8](repeating: 0, count: SealText.count(Self.prefix))
        key.withUnsafeBytes { key in
            out.withUnsafeMutableBytes { SealText.write(key, prefix: Self.prefix, to: $0) }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// The secret half of a recipient, in guarded memory.
///
/// As text `blazedb-identity-` and 72 hex digits, which is what an identity file holds on its one line.
public struct SealIdentity: ~Copyable, Sendable {
    private static let prefix = "blazedb-identity-"

    /// The public half.
    public let recipient: SealRecipient
    private var secret: SecretBytes

    /// A new one. Throws `.noMemory`.
    public static func random() throws(SealError) -> SealIdentity {
        var secret: SecretBytes
        do {
            secret = try SecretBytes(count: SealText.keyBytes) { randombytes_buf($0.sodium, $0.count) }
        } catch {
            throw .noMemory
        }
        let key = try publicKey(of: &secret)
        return SealIdentity(recipient: key, secret: secret)
    }

    private init(recipient: SealRecipient, secret: consuming SecretBytes) {
        self.recipient = recipient
        self.secret = secret
    }

    /// An identity from its text, white space around it left off. Throws `.invalidIdentity` and `.noMemory`.
    public init(text: inout SecretBytes) throws(SealError) {
        var isRead = false
        var secret: SecretBytes
        do {
            secret = try SecretBytes(count: SealText.keyBytes) { out in
                isRead = text.withBytes { text in
                    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
                    guard let first = text.firstIndex(where: { !isBlank($0) }),
                        let last = text.lastIndex(where: { !isBlank($0) })
                    else { return false }
                    return SealText.read(
                        UnsafeRawBufferPointer(rebasing: text[first...last]), prefix: Self.prefix, to: out)
                }
            }
        } catch {
            throw .noMemory
        }
        guard isRead else {
            throw SealError(
                .invalidIdentity, "that is no identity: an identity is \(Self.prefix) and 72 hex digits on one line")
        }
        recipient = try Self.publicKey(of: &secret)
        self.secret = secret
    }

    private static func publicKey(of secret: inout SecretBytes) throws(SealError) -> SealRecipient {
        defer { wipeStack() }
        var key = [UInt8](repeating: 0, count: SealText.keyBytes)
        let status = secret.withBytes { crypto_scalarmult_base(&key, $0.sodium) }
        guard status == 0, let recipient = SealRecipient(key: key) else {
            throw SealError(.invalidIdentity, "that is no identity: it has no public half")
        }
        return recipient
    }

    /// The text form, in guarded memory. Throws `.noMemory`.
    public mutating func text() throws(SealError) -> SecretBytes {
        do {
            return try secret.withBytes { key in
                try SecretBytes(count: SealText.count(Self.prefix)) {
                    SealText.write(key, prefix: Self.prefix, to: $0)
                }
            }
        } catch {
            throw .noMemory
        }
    }

    /// The secret key; the identity is used up.
    consuming func takeSecret() -> SecretBytes { secret }
}

extension UnsafeRawBufferPointer {
    /// As libsodium takes it. Guarded memory always has an address.
    var sodium: UnsafePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
    /// As libsodium takes it. Guarded memory always has an address.
    var sodium: UnsafeMutablePointer<UInt8> { baseAddress!.assumingMemoryBound(to: UInt8.self) }
}
