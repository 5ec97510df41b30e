/// What one try of a secret costs by Argon2id (RFC 9106), with one lane.
public struct KDFCosts: Sendable, Hashable {
    /// Passes over the memory.
    public let operations: UInt32
    /// Memory, in KiB.
    public let memoryKiB: UInt32

    /// Costs; `isAcceptable` tells whether a vault may have them.
    public init(operations: UInt32, memoryKiB: UInt32) {
        self.operations = operations
        self.memoryKiB = memoryKiB
    }

    /// What new vaults use: libsodium's MODERATE, 3 passes over 256 MiB.
    public static let moderate = KDFCosts(operations: 3, memoryKiB: 262_144)
    /// libsodium's INTERACTIVE: 2 passes over 64 MiB.
    public static let interactive = KDFCosts(operations: 2, memoryKiB: 65_536)
    /// The least that is accepted: for tests.
    public static let cheapest = KDFCosts(operations: 1, memoryKiB: 8192)

    /// Whether they are between the floor and the cap.
    public var isAcceptable: Bool {
        VaultLimits.operations.contains(operations) && VaultLimits.memoryKiB.contains(memoryKiB)
    }

    /// Refuses costs outside of the limits, before memory is taken for them.
    func checked() throws(VaultError) {
        guard isAcceptable else {
            throw VaultError(
                .limitExceeded,
                "the vault's Argon2id costs are outside of what is accepted: \(VaultLimits.operations.lowerBound) to "
                    + "\(VaultLimits.operations.upperBound) passes, \(VaultLimits.memoryKiB.lowerBound / 1024) to "
                    + "\(VaultLimits.memoryKiB.upperBound / 1024) MiB")
        }
    }
}
