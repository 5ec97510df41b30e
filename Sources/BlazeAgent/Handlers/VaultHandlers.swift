internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The vault as a whole: vault-init, vault-info, vault-verify, vault-backup, vault-unlock.
enum VaultHandlers {
    static func initialize(
        _ request: WireVaultInitRequest, secret: inout SecretBytes?, answer: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultInitReply {
        let state = call.state
        guard var passphrase = secret.take() else { throw Fault(.invalidRequest, "a vault needs a passphrase") }
        let epoch = state.sessions.epoch()
        var reply = WireVaultInitReply()
        reply.strength = try WireStrength(PasswordStrength.assess(&passphrase))
        var made = try state.vault.store.create(
            passphrase: &passphrase, costs: .moderate, withRecovery: request.recovery)
        answer = made.recoveryCode.take()
        // Whatever comes now, the vault is there, and nobody will see its recovery code again: a lock that has come
        // meanwhile is told by the facts.
        _ = state.keep(made.vault, since: epoch)
        reply.facts = try facts(state)
        return reply
    }

    static func info(_ request: WireVaultInfoRequest, _ call: Call) throws -> WireVaultInfoReply {
        var reply = WireVaultInfoReply()
        reply.facts = try facts(call.state)
        return reply
    }

    static func verify(_ request: WireVaultVerifyRequest, _ call: Call) throws -> WireVaultVerifyReply {
        let report = try call.state.vault.required().verify()
        call.state.timer.touch()
        var reply = WireVaultVerifyReply()
        reply.facts = try facts(call.state)
        reply.passwords = UInt32(clamping: report.passwords)
        reply.derivedKeys = UInt32(clamping: report.derivedKeys)
        switch report.previous {
        case .missing: reply.previous = .missing
        case .intact: reply.previous = .intact
        case .foreign: reply.previous = .foreign
        case .unusable: reply.previous = .unusable
        }
        return reply
    }

    static func backup(_ request: WireVaultBackupRequest, _ call: Call) throws -> WireVaultBackupReply {
        guard let path = FilePath(bytes: [UInt8](request.path)), path.isAbsolute else {
            throw Fault(.invalidRequest, "a backup goes to an absolute path")
        }
        try call.state.vault.required().backup(to: path)
        var reply = WireVaultBackupReply()
        reply.path = Data(path.bytes)
        reply.size = try call.state.storage.status(of: path)?.size ?? 0
        return reply
    }

    static func unlock(
        _ request: WireVaultUnlockRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultUnlockReply {
        let state = call.state
        guard var passphrase = secret.take() else {
            throw Fault(.invalidRequest, "the vault is unlocked by a passphrase or a recovery code")
        }
        guard try state.vault.store.exists() else { throw Fault.noVault }
        let epoch = state.sessions.epoch()
        let opened = try open(with: &passphrase, waiting: !request.noWait, call)
        var reply = WireVaultUnlockReply()
        switch state.keep(opened, since: epoch) {
        case .kept: break
        case .already: reply.already = true
        case .locked: throw Fault.vaultLockedMeanwhile
        }
        state.prompts.satisfied(.vault)
        reply.facts = try facts(state)
        return reply
    }

    /// Opens the vault's file, one attempt of a user at a time: after wrong ones the next has to wait.
    static func open(with secret: inout SecretBytes, waiting: Bool, _ call: Call) throws -> OpenVault {
        let epoch = call.state.sessions.epoch()
        let attempt = try call.state.attempts.begin(uid: call.peer.userID, wait: waiting) {
            !call.responder.isForNobody && !call.state.connections.isStopping
                && call.state.sessions.epoch() == epoch
        }
        do throws(VaultError) {
            let vault = try call.state.vault.store.open(with: &secret)
            attempt.succeeded()
            return vault
        } catch {
            if error.code == .wrongSecret { attempt.failed() }
            throw error
        }
    }

    /// What the file tells, and whether the vault is unlocked.
    static func facts(_ state: AgentState) throws -> WireVaultFacts {
        guard try state.vault.store.exists() else { throw Fault.noVault }
        var facts = WireVaultFacts(try state.vault.store.facts())
        facts.state = state.vault.current == nil ? .locked : .unlocked
        return facts
    }

    /// The vault in the agent's status: what is wrong with it is part of the answer, not a fault.
    static func status(_ state: AgentState) -> WireVaultStatus {
        var status = WireVaultStatus()
        status.path = Data(state.vault.store.path.bytes)
        do {
            let facts = try facts(state)
            status.state = facts.state
            status.entries = facts.entries
        } catch let fault as Fault where fault.code == .noVault {
            status.state = .none
        } catch {
            let fault = Fault(reporting: error)
            status.state = .unusable
            status.problem = fault.message
            status.hint = fault.hint
        }
        return status
    }
}
