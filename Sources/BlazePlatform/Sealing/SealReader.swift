internal import CSodium

/// Opens a sealed stream, chunk by chunk: nothing is handed out that was not authenticated, and the end is an end only where
/// it was sealed as such. Whoever acts on what comes out waits for that end.
public final class SealReader: ByteStream {
    /// The bytes of the sealed file.
    public let length: UInt64
    /// What was read of them.
    public private(set) var done: UInt64
    private let file: any StorageFile
    private let digest: [UInt8]
    private var state: SecretBytes
    private var isOver = false

    /// Reads the header and opens the first slot that the secret fits.
    ///
    /// - Throws: `SealError`: what `SealHeader.init` throws, `.notOpened`, `.noMemory`; `StorageError`.
    public init(_ file: any StorageFile, with secret: inout SealSecret) throws {
        self.file = file
        length = try file.status().size
        let header = try SealHeader(file.bytes(count: SealHeader.longest, at: 0))
        done = UInt64(header.bytes.count)
        digest = header.digest
        var opened: SecretBytes?
        for slot in header.slots {
            opened = try slot.open(with: &secret)
            if opened != nil { break }
        }
        guard var key = opened.take() else {
            throw SealError(.notOpened, "what was given does not open the sealed stream")
        }
        defer { wipeStack() }
        var status: Int32 = -1
        state = try SecretBytes(count: SealState.byteCount) { state in
            status = key.withBytes { key in
                crypto_secretstream_xchacha20poly1305_init_pull(SealState.of(state), header.stream, key.sodium)
            }
        }
        guard status == 0 else { throw SealError.altered }
    }

    /// The next chunk. Throws `.damaged` for one that was altered, moved, doubled or cut, for an end that was not sealed as
    /// one, and for bytes behind the end; `StorageError`.
    public func next() throws -> [UInt8]? {
        while !isOver {
            let sealed = try file.bytes(count: SealLimits.chunk + SealHeader.tagBytes, at: done)
            guard sealed.count >= SealHeader.tagBytes else { throw SealError.cutOff }
            var out = [UInt8](repeating: 0, count: sealed.count - SealHeader.tagBytes)
            var tag: UInt8 = 0
            let digest = digest
            let status = state.withMutableBytes { state in
                out.withUnsafeMutableBufferPointer { out in
                    // An empty chunk has no address; libsodium wants one all the same.
                    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { spare in
                        crypto_secretstream_xchacha20poly1305_pull(
                            SealState.of(state), out.baseAddress ?? spare.baseAddress, nil, &tag, sealed,
                            UInt64(sealed.count), digest, UInt64(digest.count))
                    }
                }
            }
            guard status == 0 else { throw SealError.altered }
            done += UInt64(sealed.count)
            switch tag {
            case UInt8(crypto_secretstream_xchacha20poly1305_TAG_FINAL):
                isOver = true
                guard try file.bytes(count: 1, at: done).isEmpty else {
                    throw SealError(.damaged, "there are bytes behind the end of the sealed stream")
                }
            case UInt8(crypto_secretstream_xchacha20poly1305_TAG_MESSAGE) where out.count == SealLimits.chunk: break
            default: throw SealError(.damaged, "the sealed stream ends in the middle, or has a chunk of a wrong length")
            }
            if !out.isEmpty { return out }
        }
        return nil
    }
}
