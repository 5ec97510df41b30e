internal import BlazeModel
internal import BlazePlatform

extension VaultImage {
    /// Opens one entry; nil when there is none.
    func contents(
        of identity: DatabaseID, keys: inout VaultKeys, secrets: Bool
    ) throws(VaultError) -> EntryContents? {
        guard let entry = self[identity] else { return nil }
        var out: EntryContents?
        // Guarded memory that is gone when this returns; what is kept has been copied into guarded memory of its own.
        _ = try SecretBytes.guarded(entry.ciphertext.count) { buffer throws(VaultError) in
            out = try EntryContents.read(keys.open(entry, vault: id, into: buffer), secrets: secrets)
        }
        return out
    }

    /// Opens every entry, less its secrets, in one guarded buffer.
    func forEachEntry(
        keys: inout VaultKeys, _ body: (DatabaseID, borrowing EntryContents) throws(VaultError) -> Void
    ) throws(VaultError) {
        guard let longest = entries.map(\.ciphertext.count).max() else { return }
        _ = try SecretBytes.guarded(longest) { buffer throws(VaultError) in
            for entry in entries {
                let contents = try EntryContents.read(keys.open(entry, vault: id, into: buffer), secrets: false)
                try body(entry.identity, contents)
            }
        }
    }

    /// Seals an entry and puts it in its place.
    mutating func put(
        _ contents: inout EntryContents, identity: DatabaseID, keys: inout VaultKeys
    ) throws(VaultError) {
        var plaintext = try contents.plaintext()
        put(try keys.seal(&plaintext, identity: identity, vault: id))
    }

    /// Changes an entry that is there and counts its revision up.
    mutating func update(
        _ identity: DatabaseID, keys: inout VaultKeys, now: Int64,
        _ edit: (inout EntryContents) throws(VaultError) -> Void
    ) throws(VaultError) {
        guard var contents = try contents(of: identity, keys: &keys, secrets: true) else { throw .noSuchEntry() }
        try edit(&contents)
        contents.updated = now
        contents.revision &+= 1
        try put(&contents, identity: identity, keys: &keys)
    }

    /// Refuses an alias that another entry has.
    func checkAlias(_ alias: String, of identity: DatabaseID, keys: inout VaultKeys) throws(VaultError) {
        guard !alias.isEmpty else {
            throw VaultError(.limitExceeded, "an alias has 1 to \(VaultLimits.aliasBytes) bytes")
        }
        try forEachEntry(keys: &keys) { other, contents throws(VaultError) in
            guard other == identity || contents.alias != alias else {
                throw VaultError(
                    .aliasTaken, "another entry of the vault has this alias", hint: "rename one of them")
            }
        }
    }

    /// Writes down when entries were used; an entry that is gone meanwhile has no use to note.
    mutating func note(_ uses: [DatabaseID: Int64], keys: inout VaultKeys) throws(VaultError) {
        for (identity, time) in uses {
            guard var contents = try contents(of: identity, keys: &keys, secrets: true), contents.used < time else {
                continue
            }
            contents.used = time
            try put(&contents, identity: identity, keys: &keys)
        }
    }
}
