internal import BlazeModel
internal import BlazePlatform
public import SystemPackage

/// What opening everything in a vault found.
public struct VaultReport: Sendable, Hashable {
    /// The generation kept beside the vault.
    public enum Previous: Sendable, Hashable {
        /// There is none.
        case missing
        /// It opens with the same keys.
        case intact(generation: UInt64)
        /// It is whole and has other keys, or is another vault.
        case foreign
        /// It cannot be used, for this reason.
        case unusable(VaultError.Code)
    }

    /// The vault's generation.
    public let generation: UInt64
    /// Its key slots.
    public let slots: [SlotFacts]
    /// Entries, all of which opened.
    public let entries: Int
    /// Entries with a password.
    public let passwords: Int
    /// Entries with a derived key.
    public let derivedKeys: Int
    /// The generation kept beside it.
    public let previous: Previous
}

extension OpenVault {
    /// Reads the vault anew and opens every entry.
    ///
    /// - Throws: `damaged` when one does not open, `changed`, `locked`, and what `VaultStore.facts` throws.
    public func verify() throws(VaultError) -> VaultReport {
        defer { wipeStack() }
        return try withBase { file, _ throws(VaultError) in
            var passwords = 0
            var derivedKeys = 0
            let place = store.place
            let kept: VaultFile?
            var unusable: VaultError.Code?
            do throws(VaultError) {
                kept = try place.exists(place.previous) ? place.read(place.previous).file : nil
            } catch {
                kept = nil
                unusable = error.code
            }
            return try withContents { contents throws(VaultError) in
                try file.image.forEachEntry(keys: &contents.keys) { _, entry in
                    if entry.hasPassword { passwords += 1 }
                    if entry.iterations > 0 { derivedKeys += 1 }
                }
                let previous: VaultReport.Previous
                if let unusable {
                    previous = .unusable(unusable)
                } else if let kept {
                    let isOurs = contents.keys.wrote(kept.bytes) && kept.image.id == file.image.id
                    previous = isOurs ? .intact(generation: kept.image.generation) : .foreign
                } else {
                    previous = .missing
                }
                return VaultReport(
                    generation: file.image.generation, slots: file.image.slots.map(SlotFacts.init),
                    entries: file.image.entries.count, passwords: passwords, derivedKeys: derivedKeys,
                    previous: previous)
            }
        }
    }

    /// Writes a sealed copy (0600) that opens with the same secrets; a path that is taken is never overwritten.
    ///
    /// - Throws: `exists`, `changed`, `locked`, `noSpace`, `writeFailed`, and what `VaultStore.facts` throws.
    public func backup(to path: FilePath) throws(VaultError) {
        defer { wipeStack() }
        try withBase { file, _ throws(VaultError) in try store.place.copy(file, to: path) }
    }
}
