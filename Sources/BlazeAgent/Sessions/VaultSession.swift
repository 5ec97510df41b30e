internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault
internal import Synchronization
internal import SystemPackage

/// The vault as the session has it: its place, and its data key while it is unlocked.
final class VaultSession: Sendable {
    let store: VaultStore
    private let opened = Mutex<OpenVault?>(nil)

    init(path: FilePath) {
        store = VaultStore(path: path)
    }

    /// The unlocked vault; nil while it is locked.
    var current: OpenVault? { opened.withLock { $0 } }

    /// The unlocked vault.
    ///
    /// - Throws: `Fault`: `no-vault`, or `vault-locked` with the command that unlocks it.
    func required(_ target: String = "") throws -> OpenVault {
        if let current { return current }
        guard try store.exists() else { throw Fault.noVault }
        throw Fault.vaultLocked(target)
    }

    /// What came of an unlocked vault.
    enum Keeping {
        case kept
        /// There was one already, which others work with; the new one was wiped.
        case already
        /// Everything was locked meanwhile; it was wiped.
        case locked
    }

    /// Keeps an unlocked vault, unless everything was locked since `epoch` or there is one.
    func keep(
        _ vault: OpenVault, since epoch: SessionRegistry.Epoch, _ sessions: SessionRegistry, whileHeld: () -> Void
    ) -> Keeping {
        var outcome = Keeping.locked
        _ = sessions.ifUnlocked(since: epoch) {
            outcome = opened.withLock { current in
                guard current == nil else { return .already }
                current = vault
                return .kept
            }
            whileHeld()
        }
        if outcome != .kept { vault.wipe() }
        return outcome
    }

    /// Gives the unlocked vault away, to be wiped; nil when it is locked.
    func close() -> OpenVault? {
        opened.withLock { current in
            defer { current = nil }
            return current
        }
    }

    /// Writes down when entries were used last, where that is still to be done.
    func writeUses() throws { try current?.flushUses() }
}

extension Fault {
    static let noVault = Fault(
        .noVault, "there is no vault yet", hint: "make one: blazectl vault init")

    /// A lock came while the data key was derived, and has won.
    static let vaultLockedMeanwhile = Fault(
        .lockedMeanwhile, "the vault was locked while it was being unlocked", hint: "unlock it again: blazectl unlock")

    static func vaultLocked(_ target: String = "") -> Fault {
        Fault(.vaultLocked, "the vault is locked", hint: "unlock it: blazectl unlock", target: target)
    }
}
