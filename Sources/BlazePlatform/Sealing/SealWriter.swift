internal import CSodium

/// Seals a stream of bytes: XChaCha20-Poly1305 by libsodium's secretstream, in chunks of one length (Protocol/dump.md 2).
///
/// What comes out is the header, then a chunk for every `SealLimits.chunk` bytes; the last one is marked as such, so that a
/// stream which was cut off at a chunk's border is told from a whole one. Not Sendable: one thread at a time.
public final class SealWriter {
    /// What the sealed stream begins with.
    public let header: [UInt8]
    private let digest: [UInt8]
    private var state: SecretBytes
    private var pending: [UInt8] = []
    private var isFinished = false

    /// Draws a key and seals it for everybody who is to open the stream.
    ///
    /// - Parameter passphrase: is used up.
    /// - Throws: `.unfit` when that is nobody, or too many; `.invalidRecipient`, `.costs`, `.noMemory`.
    public init(
        passphrase: inout SecretBytes?, costs: KDFCosts = .moderate, recipients: [SealRecipient] = []
    ) throws(SealError) {
        defer { wipeStack() }
        guard recipients.count < SealLimits.slots else {
            throw SealError(.unfit, "a stream is sealed for at most \(SealLimits.slots - 1) recipients")
        }
        guard costs.isAcceptable else { throw SealError(.costs, "these Argon2id costs are not accepted") }
        var key: SecretBytes
        do {
            key = try SecretBytes(count: SealHeader.keyBytes) { randombytes_buf($0.sodium, $0.count) }
        } catch {
            throw .noMemory
        }
        var slots: [SealHeader.Slot] = []
        if var text = passphrase.take() {
            guard (1...SealLimits.passphrase).contains(text.count) else {
                throw SealError(.unfit, "a passphrase has 1 to \(SealLimits.passphrase) bytes")
            }
            slots.append(try .sealing(&key, passphrase: &text, costs: costs))
        }
        for recipient in recipients { slots.append(try .sealing(&key, for: recipient)) }
        guard !slots.isEmpty else { throw SealError(.unfit, "a stream is sealed by a passphrase or for a recipient") }
        var stream = [UInt8](repeating: 0, count: SealHeader.streamHeaderBytes)
        let state: SecretBytes
        do {
            state = try SecretBytes(count: SealState.byteCount) { state in
                key.withBytes { key in
                    _ = crypto_secretstream_xchacha20poly1305_init_push(SealState.of(state), &stream, key.sodium)
                }
            }
        } catch {
            throw .noMemory
        }
        let made = SealHeader(slots: slots, stream: stream)
        header = made.bytes
        digest = made.digest
        self.state = state
    }

    /// Takes more of the plaintext, and appends to `out` what is sealed of it by now.
    public func write(_ bytes: [UInt8], to out: inout [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            // The last chunk is another one, so a full chunk waits until something follows.
            if pending.count == SealLimits.chunk {
                push(UInt8(crypto_secretstream_xchacha20poly1305_TAG_MESSAGE), &out)
            }
            let count = min(rest.count, SealLimits.chunk - pending.count)
            pending += rest.prefix(count)
            rest = rest.dropFirst(count)
        }
    }

    /// Appends the last chunk to `out`. Nothing may be written behind it.
    public func finish(to out: inout [UInt8]) {
        guard !isFinished else { return }
        isFinished = true
        push(UInt8(crypto_secretstream_xchacha20poly1305_TAG_FINAL), &out)
    }

    private func push(_ tag: UInt8, _ out: inout [UInt8]) {
        let digest = digest
        var sealed = [UInt8](repeating: 0, count: pending.count + SealHeader.tagBytes)
        // Fails only for messages of 256 GiB.
        state.withMutableBytes { state in
            _ = crypto_secretstream_xchacha20poly1305_push(
                SealState.of(state), &sealed, nil, pending, UInt64(pending.count), digest, UInt64(digest.count), tag)
        }
        out += sealed
        pending.removeAll(keepingCapacity: true)
    }
}

/// What secretstream keeps between two chunks, in guarded memory.
enum SealState {
    static let byteCount = MemoryLayout<crypto_secretstream_xchacha20poly1305_state>.size

    static func of(
        _ bytes: UnsafeMutableRawBufferPointer
    ) -> UnsafeMutablePointer<crypto_secretstream_xchacha20poly1305_state> {
        bytes.sodium.withMemoryRebound(to: crypto_secretstream_xchacha20poly1305_state.self, capacity: 1) { $0 }
    }
}
