public import SystemPackage

/// What a vault tells without a key.
public struct VaultFacts: Sendable, Hashable {
    /// Its file.
    public let path: FilePath
    /// The format's version.
    public let version: UInt32
    /// 16 random bytes that stay the same for the vault's life.
    public let id: [UInt8]
    /// How often it was written; from 1.
    public let generation: UInt64
    /// When it was made, in nanoseconds since 1970.
    public let created: Int64
    /// Its key slots, by number.
    public let slots: [SlotFacts]
    /// How many entries it has.
    public let entryCount: Int
    /// The file's size in bytes.
    public let size: Int
    /// The file's permission bits.
    public let mode: UInt16
    /// The generation that is kept beside it; nil when there is none, or it is damaged.
    public let previousGeneration: UInt64?
}

/// What a key slot tells without a key.
public struct SlotFacts: Sendable, Hashable {
    /// What kind of secret opens it.
    public enum Kind: String, Sendable, CaseIterable {
        /// A passphrase; a vault has one such slot at most.
        case passphrase
        /// A recovery code.
        case recovery
    }

    /// From 1 to `VaultLimits.slots`.
    public let number: Int
    /// What kind of secret opens it.
    public let kind: Kind
    /// What one try costs.
    public let costs: KDFCosts
    /// When it was made, in nanoseconds since 1970.
    public let created: Int64
}

extension SlotFacts {
    init(_ slot: KeySlot) {
        self.init(
            number: Int(slot.number), kind: slot.kind == .passphrase ? .passphrase : .recovery, costs: slot.costs,
            created: slot.created)
    }
}

extension VaultFacts {
    init(_ file: VaultFile, mode: UInt16, place: VaultPlace) {
        var previous: UInt64?
        if let kept = try? place.read(place.previous).file, kept.image.id == file.image.id {
            previous = kept.image.generation
        }
        self.init(
            path: place.path, version: VaultImage.version, id: file.image.id, generation: file.image.generation,
            created: file.image.created, slots: file.image.slots.map(SlotFacts.init).sorted { $0.number < $1.number },
            entryCount: file.image.entries.count, size: file.bytes.count, mode: mode, previousGeneration: previous)
    }
}
