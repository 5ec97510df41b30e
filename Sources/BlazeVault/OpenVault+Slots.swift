internal import BlazeModel
public import BlazePlatform
internal import Synchronization
internal import SystemPackage

extension OpenVault {
    /// Gives the vault another passphrase. Only the data key is sealed anew: no entry changes, and the passphrase before,
    /// and the generation before, no longer open anything.
    ///
    /// - Parameters:
    ///   - current: the passphrase, or a recovery code when the passphrase is forgotten.
    ///   - costs: nil keeps the costs of the passphrase's slot.
    /// - Throws: `wrongSecret`, `malformedRecoveryCode`, `unfitSecret`, `limitExceeded`, `noSuchSlot`, and what every
    ///   write throws (`put`).
    public func changePassphrase(
        current: inout SecretBytes, new: inout SecretBytes, costs: KDFCosts? = nil
    ) throws(VaultError) {
        defer { wipeStack() }
        try RecoveryCode.refuse(asPassphrase: &new)
        try costs?.checked()
        try withBase { file, _ throws(VaultError) in
            var opened = try OpenedSlot(file, secret: &current)
            // Derived before the keys are taken, so that nobody waits for it.
            var image = file.image
            let old = image.slots.first { $0.kind == .passphrase }
            image.slots.removeAll { $0.kind == .passphrase }
            try image.addSlot(
                .passphrase, secret: &new, costs: costs ?? old?.costs ?? .moderate, keys: &opened.keys,
                now: store.clock())
            let slots = image.slots
            try commit(file, forgets: true) { image, _ in image.slots = slots }
        }
    }

    /// Gives the vault another data key and seals everything anew.
    ///
    /// The secret keeps its slot. Recovery slots beside it are replaced by one, whose fresh code is returned; nil when
    /// there were none. Other open vaults of this file find `changed`.
    ///
    /// - Parameter secret: the passphrase; a recovery code only when the vault has no passphrase, because a passphrase
    ///   that is not given cannot be carried over.
    /// - Throws: `wrongSecret`, `malformedRecoveryCode`, `unfitSecret`, and what every write throws (`put`).
    public func rekey(with secret: inout SecretBytes) throws(VaultError) -> SecretBytes? {
        defer { wipeStack() }
        return try withBase { file, _ throws(VaultError) in
            var opened = try OpenedSlot(file, secret: &secret)
            guard opened.slot.kind == .passphrase || !file.image.slots.contains(where: { $0.kind == .passphrase })
            else {
                throw VaultError(
                    .wrongSecret, "a new data key needs the passphrase, not a recovery code",
                    hint: "change the passphrase with the recovery code first (vault passwd)")
            }
            var fresh = try VaultKeys.random()
            var image = file.image
            let recovery = image.slots.first { $0.kind == .recovery && $0.number != opened.slot.number }
            var kept = opened.slot
            try opened.key.wrap(&fresh, into: &kept, of: image)
            image.slots = [kept]
            var code: SecretBytes?
            if let recovery {
                code = try image.addRecoverySlot(costs: recovery.costs, keys: &fresh, now: store.clock())
            }
            let pending = uses.withLock { $0 }
            let next = try reseal(image, from: file, under: &fresh, noting: pending)
            try write(next, over: file, forgets: true, with: fresh)
            settle(pending)
            return code
        }
    }

    /// Adds a slot with a recovery code, which is returned this once.
    ///
    /// - Parameters:
    ///   - current: a secret of the vault to be verified first; nil trusts that the vault is open.
    ///   - costs: nil takes the costs of the first slot.
    /// - Throws: `noSuchSlot` when all are taken, `wrongSecret`, `malformedRecoveryCode`, `unfitSecret`, and what every
    ///   write throws (`put`).
    public func addRecoverySlot(
        with current: inout SecretBytes?, costs: KDFCosts? = nil
    ) throws(VaultError) -> SecretBytes {
        defer { wipeStack() }
        try costs?.checked()
        return try withBase { file, _ throws(VaultError) in
            var image = file.image
            let costs = costs ?? image.slots.first?.costs ?? .moderate
            if current != nil { _ = try OpenedSlot(file, secret: &current!) }
            var keys = try withContents { contents throws(VaultError) in try contents.keys.copy() }
            let code = try image.addRecoverySlot(costs: costs, keys: &keys, now: store.clock())
            let slots = image.slots
            try commit(file, forgets: false) { image, _ in image.slots = slots }
            return code
        }
    }

    /// Removes a slot: its secret no longer opens the vault, nor the generation before.
    ///
    /// - Throws: `noSuchSlot`, `lastSlot`, and what every write throws (`put`).
    public func removeSlot(_ number: Int) throws(VaultError) {
        defer { wipeStack() }
        try change(forgets: true) { image, _ throws(VaultError) in
            guard let index = image.slots.firstIndex(where: { Int($0.number) == number }) else {
                throw VaultError(.noSuchSlot, "the vault has no key slot \(number)", hint: "vault info lists them")
            }
            guard image.slots.count > 1 else {
                throw VaultError(
                    .lastSlot, "the only key slot of the vault cannot be removed", hint: "add another one first")
            }
            image.slots.remove(at: index)
        }
    }

    /// The file with every entry sealed anew.
    private func reseal(
        _ image: VaultImage, from file: VaultFile, under fresh: inout VaultKeys, noting uses: [DatabaseID: Int64]
    ) throws(VaultError) -> VaultFile {
        var image = image
        // Keys of our own, so that readers need not wait until all entries are through.
        var keys = try withContents { contents throws(VaultError) in try contents.keys.copy() }
        let newest = try withContents { $0.file }
        for entry in file.image.entries {
            guard var contents = try file.image.contents(of: entry.identity, keys: &keys, secrets: true) else {
                continue
            }
            contents.used = max(contents.used, uses[entry.identity] ?? 0)
            try image.put(&contents, identity: entry.identity, keys: &fresh)
        }
        return try fresh.file(of: image, after: [file, newest])
    }
}

extension VaultKeys {
    /// The same keys in guarded memory of their own.
    mutating func copy() throws(VaultError) -> VaultKeys {
        try VaultKeys(data: data.withBytes { bytes throws(VaultError) in try SecretBytes.guarded(copying: bytes) })
    }
}
