public import BlazeModel
public import BlazePlatform
internal import Synchronization
public import SystemPackage

extension OpenVault {
    /// Every entry without its secrets, by identity. From memory.
    ///
    /// - Throws: `locked`, `damaged`, `noSecretMemory`.
    public func entries() throws(VaultError) -> [VaultEntry] {
        defer { wipeStack() }
        let pending = uses.withLock { $0 }
        return try withContents { contents throws(VaultError) in
            var out: [VaultEntry] = []
            out.reserveCapacity(contents.file.image.entries.count)
            try contents.file.image.forEachEntry(keys: &contents.keys) { identity, entry in
                out.append(VaultEntry(entry, identity: identity, noted: pending[identity]))
            }
            return out
        }
    }

    /// A database's entry without its secrets; nil when there is none. From memory.
    ///
    /// - Throws: `locked`, `damaged`, `noSecretMemory`.
    public func entry(for identity: DatabaseID) throws(VaultError) -> VaultEntry? {
        defer { wipeStack() }
        let pending = uses.withLock { $0[identity] }
        return try withContents { contents throws(VaultError) in
            let entry = try contents.file.image.contents(of: identity, keys: &contents.keys, secrets: false)
            switch consume entry {
            case .none: return nil
            case .some(let entry): return VaultEntry(entry, identity: identity, noted: pending)
            }
        }
    }

    /// The derived key of a database, straight from its entry into guarded memory; nil without entry or key.
    ///
    /// - Throws: `locked`, `damaged`, `noSecretMemory`.
    public func derivedKey(of identity: DatabaseID) throws(VaultError) -> DerivedKey? {
        defer { wipeStack() }
        return try withContents { contents throws(VaultError) in
            guard var entry = try contents.file.image.contents(of: identity, keys: &contents.keys, secrets: true),
                let key = entry.key.take()
            else { return nil }
            return DerivedKey(key: key, saltFingerprint: entry.fingerprint, iterations: entry.iterations)
        }
    }

    /// The password of a database, straight from its entry into guarded memory; nil without entry or password.
    ///
    /// - Throws: `locked`, `damaged`, `noSecretMemory`.
    public func password(of identity: DatabaseID) throws(VaultError) -> SecretBytes? {
        defer { wipeStack() }
        return try withContents { contents throws(VaultError) in
            guard var entry = try contents.file.image.contents(of: identity, keys: &contents.keys, secrets: true)
            else { return nil }
            return entry.password.take()
        }
    }

    /// Adds an entry, or replaces the alias, path, password and derived key of the one that is there.
    ///
    /// - Parameters:
    ///   - password: nil for an entry that keeps none.
    ///   - hint: nil keeps the hint that is there.
    /// - Throws: `aliasTaken`, `limitExceeded`, and what every write throws: `locked`, `changed`, `busy`, `notFound`,
    ///   `damaged`, `exposed`, `noSecretMemory`, `noSpace`, `readFailed`, `writeFailed`.
    public func put(
        _ identity: DatabaseID, alias: String, path: FilePath?, password: inout SecretBytes?,
        derivedKey: inout DerivedKey?, hint: String? = nil
    ) throws(VaultError) {
        defer { wipeStack() }
        let now = store.clock()
        try change { image, keys throws(VaultError) in
            try image.checkAlias(alias, of: identity, keys: &keys)
            var entry = EntryContents()
            if let old = try image.contents(of: identity, keys: &keys, secrets: false) {
                entry.revision = old.revision
                entry.created = old.created
                entry.used = old.used
                entry.hint = old.hint
            } else {
                entry.created = now
            }
            entry.revision &+= 1
            entry.updated = now
            entry.alias = alias
            entry.path = path?.bytes ?? []
            if let hint { entry.hint = hint }
            entry.password = try password.copied()
            try entry.take(&derivedKey)
            try image.put(&entry, identity: identity, keys: &keys)
        }
    }

    /// Replaces an entry's derived key alone; nil removes it.
    ///
    /// - Throws: `noSuchEntry`, `limitExceeded`, and what every write throws (`put`).
    public func setKey(_ key: inout DerivedKey?, of identity: DatabaseID) throws(VaultError) {
        try update(identity) { entry throws(VaultError) in try entry.take(&key) }
    }

    /// Gives an entry another alias.
    ///
    /// - Throws: `noSuchEntry`, `aliasTaken`, `limitExceeded`, and what every write throws (`put`).
    public func rename(_ identity: DatabaseID, to alias: String) throws(VaultError) {
        defer { wipeStack() }
        let now = store.clock()
        try change { image, keys throws(VaultError) in
            try image.checkAlias(alias, of: identity, keys: &keys)
            try image.update(identity, keys: &keys, now: now) { entry in entry.alias = alias }
        }
    }

    /// Replaces an entry's hint; nil removes it.
    ///
    /// - Throws: `noSuchEntry`, `limitExceeded`, and what every write throws (`put`).
    public func setHint(_ hint: String?, for identity: DatabaseID) throws(VaultError) {
        try update(identity) { entry in entry.hint = hint ?? "" }
    }

    /// Notes where a database is now.
    ///
    /// - Throws: `noSuchEntry`, `limitExceeded`, and what every write throws (`put`).
    public func moved(_ identity: DatabaseID, to path: FilePath) throws(VaultError) {
        try update(identity) { entry in entry.path = path.bytes }
    }

    /// Removes an entry; the previous generation forgets it as well.
    ///
    /// - Throws: `noSuchEntry`, and what every write throws (`put`).
    public func remove(_ identity: DatabaseID) throws(VaultError) {
        defer { wipeStack() }
        try change(forgets: true) { image, _ throws(VaultError) in
            let place = image.position(of: identity)
            guard place.exists else { throw .noSuchEntry() }
            image.entries.remove(at: place.index)
        }
        uses.withLock { $0[identity] = nil }
    }

    /// Notes that an entry's secrets are being used: in memory, to be written with the next change or by `flushUses`.
    public func noteUse(_ identity: DatabaseID) {
        let now = store.clock()
        uses.withLock { $0[identity] = now }
    }

    /// Writes the noted uses down, if there are any.
    ///
    /// - Throws: what every write throws (`put`).
    public func flushUses() throws(VaultError) {
        defer { wipeStack() }
        guard uses.withLock({ !$0.isEmpty }) else { return }
        try change { _, _ in }
    }

    private func update(
        _ identity: DatabaseID, _ edit: (inout EntryContents) throws(VaultError) -> Void
    ) throws(VaultError) {
        defer { wipeStack() }
        let now = store.clock()
        try change { image, keys throws(VaultError) in
            try image.update(identity, keys: &keys, now: now, edit)
        }
    }
}

extension EntryContents {
    /// Takes a copy of a derived key, or lets go of the one that is there.
    fileprivate mutating func take(_ derived: inout DerivedKey?) throws(VaultError) {
        key = nil
        iterations = 0
        fingerprint = []
        try derived?.copy(into: &self)
    }
}

extension DerivedKey {
    fileprivate mutating func copy(into entry: inout EntryContents) throws(VaultError) {
        guard key.count == Self.byteCount, iterations > 0, !saltFingerprint.isEmpty else {
            throw VaultError(
                .limitExceeded,
                "a derived key has \(Self.byteCount) bytes, a salt's fingerprint and an iteration count")
        }
        entry.key = try key.guardedCopy()
        entry.iterations = iterations
        entry.fingerprint = saltFingerprint
    }
}

extension Optional where Wrapped == SecretBytes {
    /// Another allocation with the same bytes; nil for none and for an empty secret.
    fileprivate mutating func copied() throws(VaultError) -> SecretBytes? {
        guard secretCount > 0 else { return nil }
        guard secretCount <= VaultLimits.passwordBytes else {
            throw VaultError(.limitExceeded, "a password is limited to \(VaultLimits.passwordBytes) bytes in the vault")
        }
        return try self!.guardedCopy()
    }
}

extension SecretBytes {
    fileprivate mutating func guardedCopy() throws(VaultError) -> SecretBytes {
        try withBytes { bytes throws(VaultError) in try SecretBytes.guarded(copying: bytes) }
    }
}

extension VaultEntry {
    fileprivate init(_ contents: borrowing EntryContents, identity: DatabaseID, noted: Int64?) {
        self.init(contents, identity: identity, used: max(contents.used, noted ?? 0))
    }
}
