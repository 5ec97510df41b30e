internal import CBoringSSL
internal import Synchronization

/// Random nonces of 96 bits, drawn from the generator many at a time: a call for each costs more than sealing a page.
final class NonceSource: Sendable {
    private static let batch = 256

    private struct Drawn {
        var bytes: [UInt8] = []
        var used = 0
    }

    private let drawn = Mutex(Drawn())

    /// Writes the next nonce. Each one is handed out once.
    func next(into place: UnsafeMutableRawPointer) {
        drawn.withLock { drawn in
            if drawn.used == drawn.bytes.count {
                drawn.bytes = [UInt8](unsafeUninitializedCapacity: Self.batch * BLAZE_GCM_NONCE_SIZE) { buffer, count in
                    blaze_random(buffer.baseAddress, buffer.count)
                    count = buffer.count
                }
                drawn.used = 0
            }
            drawn.bytes.withUnsafeBytes {
                place.copyMemory(from: $0.baseAddress! + drawn.used, byteCount: BLAZE_GCM_NONCE_SIZE)
            }
            drawn.used += BLAZE_GCM_NONCE_SIZE
        }
    }
}
