public import BlazePlatform

/// What one try of a vault's secret costs.
public typealias KDFCosts = BlazePlatform.KDFCosts

extension KDFCosts {
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
