internal import CSodium

/// What stands in front of a sealed stream's chunks (Protocol/dump.md 2). Integers are big-endian.
///
///     0  8 "BLZSEAL\n"   8 2 version 1   10 2 count of slots   12 4 bytes of a chunk: 65536
///     16 slots: 1 kind, 1 zero, 2 length, body      24 the secretstream's header
///     kind 1: 4 passes, 4 KiB, 16 salt, 24 nonce, 48 the stream's key, sealed by Argon2id of a passphrase
///     kind 2: 80 the stream's key, sealed for an X25519 key
///
/// The BLAKE2b-256 of all of it is associated data of every chunk.
public struct SealHeader: Sendable {
    /// A way to open the stream.
    enum Slot: Sendable, Equatable {
        case passphrase(costs: KDFCosts, salt: [UInt8], nonce: [UInt8], wrapped: [UInt8])
        case recipient(sealed: [UInt8])
    }

    /// What every sealed stream begins with.
    public static let magic: [UInt8] = Array("BLZSEAL\n".utf8)
    static let streamHeaderBytes = Int(crypto_secretstream_xchacha20poly1305_HEADERBYTES)
    static let keyBytes = Int(crypto_secretstream_xchacha20poly1305_KEYBYTES)
    static let tagBytes = Int(crypto_secretstream_xchacha20poly1305_ABYTES)
    static let nonceBytes = 24
    static let wrappedBytes = 48
    static let boxedBytes = 80
    private static let fixedBytes = 16
    private static let passphraseBytes = 96

    /// The longest header.
    public static let longest = fixedBytes + SealLimits.slots * (4 + passphraseBytes) + streamHeaderBytes

    var slots: [Slot]
    var stream: [UInt8]

    /// Whether a passphrase opens the stream.
    public var takesPassphrase: Bool { Self.takesPassphrase(slots) }

    private static func takesPassphrase(_ slots: [Slot]) -> Bool {
        slots.contains { if case .passphrase = $0 { true } else { false } }
    }

    /// Whether identities open the stream.
    public var takesIdentity: Bool {
        slots.contains { if case .recipient = $0 { true } else { false } }
    }

    init(slots: [Slot], stream: [UInt8]) {
        self.slots = slots
        self.stream = stream
    }

    /// Reads a header from the first bytes of a stream, of which `longest` are enough. Throws `.notSealed`,
    /// `.unsupportedVersion`, `.malformed`, `.costs`, and `.damaged` where the bytes break off.
    public init(_ bytes: [UInt8]) throws(SealError) {
        var rest = bytes[...]
        func take(_ count: Int) throws(SealError) -> [UInt8] {
            guard count <= rest.count else { throw .cutOff }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        func number(_ count: Int) throws(SealError) -> Int { try take(count).reduce(0) { $0 << 8 | Int($1) } }
        guard bytes.starts(with: Self.magic) else {
            throw SealError(.notSealed, "the bytes do not begin like a sealed stream")
        }
        _ = try take(Self.magic.count)
        let version = try number(2)
        guard version == 1 else {
            throw SealError(.unsupportedVersion, "the sealed stream is of version \(version); known is 1")
        }
        let count = try number(2)
        guard (1...SealLimits.slots).contains(count), try number(4) == SealLimits.chunk else {
            throw Self.malformed
        }
        var slots: [Slot] = []
        for _ in 0..<count {
            let kind = try number(2)
            let body = try take(try number(2))
            switch (kind, body.count) {
            case (0x100, Self.passphraseBytes):
                // One, because each takes a derivation to be tried.
                guard !Self.takesPassphrase(slots) else { throw Self.malformed }
                let costs = KDFCosts(
                    operations: body[0..<4].reduce(0) { $0 << 8 | UInt32($1) },
                    memoryKiB: body[4..<8].reduce(0) { $0 << 8 | UInt32($1) })
                guard costs.isAcceptable else {
                    throw SealError(.costs, "the sealed stream asks for Argon2id costs that are not accepted")
                }
                slots.append(
                    .passphrase(
                        costs: costs, salt: Array(body[8..<24]), nonce: Array(body[24..<48]),
                        wrapped: Array(body[48...])))
            case (0x200, Self.boxedBytes): slots.append(.recipient(sealed: body))
            default: throw Self.malformed
            }
        }
        self.slots = slots
        stream = try take(Self.streamHeaderBytes)
    }

    private static let malformed = SealError(.malformed, "the beginning of the sealed stream is out of shape")

    /// The header's bytes.
    var bytes: [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
        }
        var out = Self.magic + number(1, 2) + number(slots.count, 2) + number(SealLimits.chunk, 4)
        for slot in slots {
            switch slot {
            case .passphrase(let costs, let salt, let nonce, let wrapped):
                out += number(0x100, 2) + number(Self.passphraseBytes, 2)
                out += Self.costBytes(costs) + salt + nonce + wrapped
            case .recipient(let sealed): out += number(0x200, 2) + number(Self.boxedBytes, 2) + sealed
            }
        }
        return out + stream
    }

    /// Passes and memory as they stand in a slot.
    static func costBytes(_ costs: KDFCosts) -> [UInt8] {
        [costs.operations, costs.memoryKiB].flatMap { value in
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
        }
    }

    /// What every chunk is bound to.
    var digest: [UInt8] {
        let bytes = bytes
        var out = [UInt8](repeating: 0, count: 32)
        // Fails only for lengths that are no BLAKE2b's; this is one.
        _ = crypto_generichash(&out, out.count, bytes, UInt64(bytes.count), nil, 0)
        return out
    }
}
