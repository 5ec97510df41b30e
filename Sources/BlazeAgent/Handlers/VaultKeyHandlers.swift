internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

/// What opens the vault: vault-passwd, vault-rekey, vault-slot. Each wants the passphrase again, so that an unlocked
/// terminal is not enough to change the locks.
enum VaultKeyHandlers {
    static func passwd(
        _ request: WireVaultPasswdRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultPasswdReply {
        guard var both = secret.take(), request.currentLength > 0, request.currentLength < both.count else {
            throw Fault(.invalidRequest, "vault-passwd brings the current passphrase and the new one")
        }
        let length = Int(request.currentLength)
        let count = both.count
        var current = try both.copy(of: 0..<length)
        var new = try both.copy(of: length..<count)
        var reply = WireVaultPasswdReply()
        reply.strength = try WireStrength(PasswordStrength.assess(&new))
        try attempt(call) { try call.state.vault.required().changePassphrase(current: &current, new: &new) }
        reply.facts = try VaultHandlers.facts(call.state)
        return reply
    }

    static func rekey(
        _ request: WireVaultRekeyRequest, secret: inout SecretBytes?, answer: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultRekeyReply {
        guard var passphrase = secret.take() else { throw Fault(.invalidRequest, "vault-rekey needs the passphrase") }
        var fresh: SecretBytes?
        try attempt(call) { fresh = try call.state.vault.required().rekey(with: &passphrase) }
        answer = fresh.take()
        var reply = WireVaultRekeyReply()
        reply.facts = try VaultHandlers.facts(call.state)
        return reply
    }

    static func slot(
        _ request: WireVaultSlotRequest, secret: inout SecretBytes?, answer: inout SecretBytes?, _ call: Call
    ) throws -> WireVaultSlotReply {
        guard var passphrase = secret.take() else { throw Fault(.invalidRequest, "vault-slot needs the passphrase") }
        let vault = try call.state.vault.required()
        var reply = WireVaultSlotReply()
        switch request.action {
        case .addRecovery(true):
            let before = Set(try call.state.vault.store.facts().slots.map(\.number))
            var code: SecretBytes?
            var current: SecretBytes? = consume passphrase
            try attempt(call) { code = try vault.addRecoverySlot(with: &current) }
            answer = code.take()
            let made = try call.state.vault.store.facts().slots.first { !before.contains($0.number) }
            reply.number = UInt32(clamping: made?.number ?? 0)
        case .remove(let number):
            // The slot that is taken away need not be the one that the passphrase opens.
            let opened = try VaultHandlers.open(with: &passphrase, waiting: true, call)
            opened.wipe()
            try vault.removeSlot(Int(number))
            reply.number = number
        default:
            throw Fault(.invalidRequest, "vault-slot adds a recovery code or removes a slot")
        }
        reply.facts = try VaultHandlers.facts(call.state)
        return reply
    }

    /// One attempt at a passphrase: a wrong one makes the next wait, here as at unlock.
    private static func attempt(_ call: Call, _ body: () throws -> Void) throws {
        let epoch = call.state.sessions.epoch()
        let attempt = try call.state.attempts.begin(uid: call.peer.userID, wait: true) {
            !call.responder.isForNobody && !call.state.connections.isStopping
                && call.state.sessions.epoch() == epoch
        }
        do {
            try body()
            attempt.succeeded()
        } catch let error as VaultError where error.code == .wrongSecret {
            attempt.failed()
            throw error
        }
        call.state.timer.touch()
    }
}
