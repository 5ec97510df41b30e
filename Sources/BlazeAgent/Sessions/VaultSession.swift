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

    /// Keeps an unlocked vault, unless everything was locked since `epoch`.
    ///
    /// - Returns: false when it was: the vault is wiped then.
    func keep(_ vault: OpenVault, since epoch: SessionRegistry.Epoch, _ sessions: SessionRegistry) -> Bool {
        var old: OpenVault?
        let isKept = sessions.ifUnlocked(since: epoch) {
            old = opened.withLock { current in
                defer { current = vault }
                return current
            }
        }
        old?.wipe()
        if !isKept { vault.wipe() }
        return isKept
    }

    /// Wipes the data key; false when there was none.
    @discardableResult
    func lock() -> Bool {
        let vault = opened.withLock { current in
            defer { current = nil }
            return current
        }
        vault?.wipe()
        return vault != nil
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
