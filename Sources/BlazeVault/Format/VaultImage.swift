package import BlazeModel

/// A sealed entry as it stands in the file.
package struct SealedEntry: Sendable, Equatable {
    static let headerBytes = DatabaseID.byteCount + 24 + 4
    static let tagBytes = 16
    /// Plaintexts are padded to a multiple of this, so that lengths of passwords do not show.
    static let block = 256
    static let longest = (EntryContents.longest / block + 1) * block + tagBytes

    package let identity: DatabaseID
    let nonce: ArraySlice<UInt8>
    let ciphertext: ArraySlice<UInt8>

    var byteCount: Int { Self.headerBytes + ciphertext.count }

    static func read(_ fields: inout FieldReader<[UInt8]>) throws(VaultError) -> SealedEntry {
        guard let identity = fields.take(DatabaseID.byteCount).flatMap({ DatabaseID(bytes: Array($0)) }),
            let nonce = fields.take(24), let count = fields.integer(UInt32.self)
        else { throw .malformed("it ends within an entry") }
        let padded = Int(count) - tagBytes
        guard padded >= block, padded % block == 0, Int(count) <= longest else {
            throw .malformed("an entry's length is wrong")
        }
        guard let ciphertext = fields.take(Int(count)) else { throw .malformed("it ends within an entry") }
        return SealedEntry(identity: identity, nonce: nonce, ciphertext: ciphertext)
    }
}

/// What a vault's file says, without the two sums at its end (Protocol/vault.md 3).
package struct VaultImage: Sendable, Equatable {
    static let magic: [UInt8] = Array("BDVault\n".utf8)
    static let version: UInt32 = 1
    static let headerBytes = 64
    static let sumBytes = 32
    static let shortest = headerBytes + KeySlot.byteCount + 2 * sumBytes

    package var id: [UInt8]
    package var generation: UInt64
    package var created: Int64
    package var slots: [KeySlot]
    /// Sorted by identity, each once.
    package var entries: [SealedEntry]

    /// What never changes in a vault's life, associated data of every sealed data key.
    var invariants: [UInt8] { Self.magic + Self.version.bigEndianBytes + id }

    var byteCount: Int {
        Self.headerBytes + slots.count * KeySlot.byteCount + entries.reduce(0) { $0 + $1.byteCount }
            + 2 * Self.sumBytes
    }

    /// Where an identity's entry is, or would be.
    func position(of identity: DatabaseID) -> (index: Int, exists: Bool) {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].identity < identity { low = middle + 1 } else { high = middle }
        }
        return (low, low < entries.count && entries[low].identity == identity)
    }

    subscript(identity: DatabaseID) -> SealedEntry? {
        let place = position(of: identity)
        return place.exists ? entries[place.index] : nil
    }

    mutating func put(_ entry: SealedEntry) {
        let place = position(of: entry.identity)
        if place.exists { entries[place.index] = entry } else { entries.insert(entry, at: place.index) }
    }

    /// The bytes in front of the two sums.
    ///
    /// - Throws: `limitExceeded` for more than a vault may hold.
    package func body() throws(VaultError) -> [UInt8] {
        guard entries.count <= VaultLimits.entries, byteCount <= VaultLimits.fileBytes else {
            throw VaultError(
                .limitExceeded, "a vault holds \(VaultLimits.entries) entries and \(VaultLimits.fileBytes >> 20) MiB",
                hint: "remove entries that are not needed any more")
        }
        var out: [UInt8] = []
        out.reserveCapacity(byteCount)
        out += invariants
        out += generation.bigEndianBytes
        out += created.bigEndianBytes
        out += UInt32(slots.count).bigEndianBytes
        out += UInt32(entries.count).bigEndianBytes
        out += UInt32(0).bigEndianBytes
        out += UInt64(byteCount).bigEndianBytes
        for slot in slots { out += slot.bytes }
        for entry in entries {
            out += entry.identity.bytes
            out += entry.nonce
            out += UInt32(entry.ciphertext.count).bigEndianBytes
            out += entry.ciphertext
        }
        return out
    }

    /// Reads a whole file; without a key only accidents show, by the checksum.
    package static func parse(_ bytes: [UInt8]) throws(VaultError) -> VaultImage {
        guard bytes.count <= VaultLimits.fileBytes else {
            throw VaultError(.limitExceeded, "the file is larger than a vault can be")
        }
        guard bytes.starts(with: magic) else {
            throw VaultError(.damaged, "the file is no vault", hint: VaultError.restoreHint)
        }
        guard bytes.count >= shortest, Checksum.holds(for: bytes) else {
            throw VaultError(
                .damaged, "the vault's file is damaged: its checksum does not hold", hint: VaultError.restoreHint)
        }
        var fields = FieldReader(bytes)
        _ = fields.take(magic.count)
        guard let version = fields.integer(UInt32.self) else { throw .malformed("it ends within the header") }
        guard version == Self.version else {
            throw VaultError(
                .unsupportedVersion, "the vault has version \(version) of the format; this program knows version 1",
                hint: "use a newer program")
        }
        guard let id = fields.take(16), let generation = fields.integer(UInt64.self),
            let created = fields.integer(Int64.self), let slotCount = fields.integer(UInt32.self),
            let entryCount = fields.integer(UInt32.self), let reserved = fields.integer(UInt32.self),
            let total = fields.integer(UInt64.self)
        else { throw .malformed("it ends within the header") }
        guard generation > 0, reserved == 0, total == UInt64(bytes.count) else {
            throw .malformed("the header is wrong")
        }
        guard (1...UInt32(VaultLimits.slots)).contains(slotCount), entryCount <= UInt32(VaultLimits.entries) else {
            throw VaultError(.limitExceeded, "the vault counts more slots or entries than it can have")
        }
        var image = VaultImage(id: Array(id), generation: generation, created: created, slots: [], entries: [])
        for _ in 0..<slotCount { image.slots.append(try KeySlot.read(&fields)) }
        guard Set(image.slots.map(\.number)).count == image.slots.count,
            image.slots.count(where: { $0.kind == .passphrase }) <= 1
        else { throw .malformed("its key slots are not distinct") }
        for _ in 0..<entryCount {
            let entry = try SealedEntry.read(&fields)
            if let last = image.entries.last, !(last.identity < entry.identity) {
                throw .malformed("its entries are not in order")
            }
            image.entries.append(entry)
        }
        guard fields.left == 2 * sumBytes else { throw .malformed("bytes are left over") }
        return image
    }
}
