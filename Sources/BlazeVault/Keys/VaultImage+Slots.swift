internal import BlazePlatform

extension VaultImage {
    /// Adds a slot that opens with `secret`, under the lowest number that is free.
    ///
    /// - Parameter secret: a passphrase, or the symbols of a recovery code in their one spelling.
    /// - Throws: `noSuchSlot` when all are taken.
    mutating func addSlot(
        _ kind: KeySlot.Kind, secret: inout SecretBytes, costs: KDFCosts, keys: inout VaultKeys, now: Int64
    ) throws(VaultError) {
        let taken = Set(slots.map(\.number))
        guard let number = (1...UInt32(VaultLimits.slots)).first(where: { !taken.contains($0) }) else {
            throw VaultError(
                .noSuchSlot, "all \(VaultLimits.slots) key slots of the vault are taken", hint: "remove one first")
        }
        var slot = KeySlot(
            kind: kind, number: number, costs: costs, created: now, salt: randomBytes(KeySlot.saltBytes), nonce: [],
            wrapped: [])
        var key = try SlotKey(secret: &secret, salt: slot.salt, costs: costs)
        try key.wrap(&keys, into: &slot, of: self)
        slots.append(slot)
    }

    /// Adds a slot that opens with a new recovery code, which is returned as it is shown.
    mutating func addRecoverySlot(costs: KDFCosts, keys: inout VaultKeys, now: Int64) throws(VaultError) -> SecretBytes
    {
        var shown = try RecoveryCode.random()
        guard var symbols = try RecoveryCode.recognise(&shown) else {
            throw .malformed("a new recovery code does not read as one")
        }
        try addSlot(.recovery, secret: &symbols, costs: costs, keys: &keys, now: now)
        return shown
    }
}
