internal import CSodium

/// What one try of a secret costs by Argon2id (RFC 9106), with one lane.
public struct KDFCosts: Sendable, Hashable {
    /// Passes over the memory.
    public let operations: UInt32
    /// Memory, in KiB.
    public let memoryKiB: UInt32

    /// Costs; `isAcceptable` tells whether a file may ask for them.
    public init(operations: UInt32, memoryKiB: UInt32) {
        self.operations = operations
        self.memoryKiB = memoryKiB
    }

    /// What new files use: libsodium's MODERATE, 3 passes over 256 MiB.
    public static let moderate = KDFCosts(operations: 3, memoryKiB: 262_144)
    /// libsodium's INTERACTIVE: 2 passes over 64 MiB.
    public static let interactive = KDFCosts(operations: 2, memoryKiB: 65_536)
    /// The least that is accepted: for tests.
    public static let cheapest = KDFCosts(operations: 1, memoryKiB: 8192)

    /// The passes that are accepted.
    public static let operationsRange: ClosedRange<UInt32> = 1...16
    /// The memory that is accepted, in KiB: from 8 MiB to 1 GiB.
    public static let memoryKiBRange: ClosedRange<UInt32> = 8192...1_048_576

    /// Whether they are between the floor and the cap.
    public var isAcceptable: Bool {
        Self.operationsRange.contains(operations) && Self.memoryKiBRange.contains(memoryKiB)
    }
}

/// Argon2id of a secret, version 1.3, one lane.
public enum Argon2id {
    /// The bytes of a salt.
    public static let saltBytes = Int(crypto_pwhash_SALTBYTES)

    /// Writes a key into `out`. Takes as long and as much memory as the costs say; false where that memory cannot be had, and
    /// for costs that are not acceptable or a salt of another length, before any memory is taken.
    ///
    /// The caller clears the stack (`wipeStack`).
    public static func derive(
        _ out: UnsafeMutableRawBufferPointer, from secret: inout SecretBytes, salt: [UInt8], costs: KDFCosts
    ) -> Bool {
        guard costs.isAcceptable, salt.count == saltBytes, let key = out.baseAddress else { return false }
        return secret.withBytes { secret in
            guard let text = secret.baseAddress else { return false }
            return crypto_pwhash(
                key.assumingMemoryBound(to: UInt8.self), UInt64(out.count), text.assumingMemoryBound(to: CChar.self),
                UInt64(secret.count), salt, UInt64(costs.operations), Int(costs.memoryKiB) << 10,
                crypto_pwhash_ALG_ARGON2ID13) == 0
        }
    }
}
