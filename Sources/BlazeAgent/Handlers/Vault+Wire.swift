internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeVault

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireVaultFacts {
    init(_ facts: VaultFacts) {
        self.init()
        path = Data(facts.path.bytes)
        version = facts.version
        id = Data(facts.id)
        generation = facts.generation
        created = facts.created
        slots = facts.slots.map(WireVaultSlot.init)
        entries = UInt32(clamping: facts.entryCount)
        size = UInt64(clamping: facts.size)
        mode = UInt32(facts.mode)
        if let previous = facts.previousGeneration { previousGeneration = previous }
    }
}

extension WireVaultSlot {
    init(_ slot: SlotFacts) {
        self.init()
        number = UInt32(clamping: slot.number)
        kind =
            switch slot.kind {
            case .passphrase: .passphrase
            case .recovery: .recovery
            }
        operations = UInt32(clamping: slot.costs.operations)
        memory = UInt32(clamping: slot.costs.memoryKiB)
        created = slot.created
    }
}

extension WireVaultEntry {
    init(_ entry: VaultEntry) {
        self.init()
        id = Data(entry.identity.bytes)
        alias = entry.alias
        if let known = entry.path { path = Data(known.bytes) }
        hasPassword_p = entry.hasPassword
        if let count = entry.kdfIterations { kdfIterations = count }
        if let hint = entry.hint { self.hint = hint }
        created = entry.created
        updated = entry.updated
        if let used = entry.used { self.used = used }
        revision = entry.revision
    }
}

extension WireStrength {
    init(_ report: StrengthReport) {
        self.init()
        if let score = report.score { self.score = UInt32(clamping: score) }
        if let guesses = report.log10Guesses { guessesLog10 = guesses }
        unmet = report.unmet.map(\.rawValue)
    }
}
