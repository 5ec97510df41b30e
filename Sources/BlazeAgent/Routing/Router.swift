internal import BlazePlatform
internal import BlazeProtocol

/// One request on its way to a handler.
struct Call {
    let state: AgentState
    let peer: Peer
    let responder: Responder
    /// Tells this connection from others.
    let connection: UInt64
}

/// Finds the operation of a request, checks what its properties demand, and calls its handler. A handler throws a
/// `Fault`, or an error of the engine or a service that `Fault.init(reporting:)` turns into one.
final class Router: Sendable {
    let state: AgentState

    init(state: AgentState) {
        self.state = state
    }

    /// Carries a request out and sends its reply.
    ///
    /// - Throws: `Fault` when it was not carried out, `ConnectionLost` when the client is gone.
    func route(
        _ number: UInt16, body: [UInt8], secret: inout SecretBytes?, responder: Responder, peer: Peer,
        connection: UInt64
    ) throws {
        guard let operation = Operation(rawValue: number) else {
            throw Fault(
                .unknownOperation, "the agent knows no operation \(number)",
                hint: "the client is newer than the agent: blazectl agent restart, then run the command again")
        }
        let hasSecret: Bool
        if let bytes = secret.take() {
            hasSecret = true
            secret = consume bytes
        } else {
            hasSecret = false
        }
        switch operation.properties.secret {
        case .none where hasSecret:
            throw Fault(.invalidRequest, "\(operation.properties.name) takes no secret")
        case .required where !hasSecret:
            throw Fault(.invalidRequest, "\(operation.properties.name) needs a secret")
        default: break
        }
        state.lockIfDue()
        let call = Call(state: state, peer: peer, responder: responder, connection: connection)
        do {
            try dispatch(operation, body, &secret, call)
        } catch let error as FrameError {
            throw Fault(.invalidRequest, error.message)
        } catch let lost as ConnectionLost {
            throw lost
        } catch let fault as Fault {
            throw fault
        } catch {
            throw Fault(reporting: error)
        }
    }

    private func dispatch(
        _ operation: Operation, _ body: [UInt8], _ secret: inout SecretBytes?, _ call: Call
    ) throws {
        func plain<R: RequestMessage>(_ handler: (R, Call) throws -> R.Reply) throws {
            try call.responder.reply(handler(R(decodingRequest: body), call))
        }
        func withSecret<R: RequestMessage>(_ handler: (R, inout SecretBytes?, Call) throws -> R.Reply) throws {
            try call.responder.reply(handler(R(decodingRequest: body), &secret, call))
        }
        func answeringSecret<R: RequestMessage>(
            _ handler: (R, inout SecretBytes?, inout SecretBytes?, Call) throws -> R.Reply
        ) throws {
            var answer: SecretBytes?
            let reply = try handler(R(decodingRequest: body), &secret, &answer, call)
            try call.responder.reply(reply, secret: &answer)
        }
        switch operation {
        case .hello: throw Fault(.invalidRequest, "hello comes once, first")
        case .ping: try plain(AgentHandlers.ping)
        case .status: try plain(AgentHandlers.status)
        case .stop: try plain(AgentHandlers.stop)
        case .scan: try plain(ScanHandler.scan)
        case .list: try plain(ListHandler.list)
        case .info: try withSecret(InfoHandler.info)
        case .watch: try plain(WatchHandler.watch)
        case .holders: try plain(HolderHandlers.holders)
        case .release: try plain(HolderHandlers.release)
        case .unlock: try withSecret(SessionHandlers.unlock)
        case .lock: try plain(SessionHandlers.lock)
        case .check: try withSecret(CheckHandler.check)
        case .export: try withSecret(ExportHandler.export)
        case .add: try plain(CatalogHandlers.add)
        case .forget: try plain(CatalogHandlers.forget)
        case .alias: try plain(CatalogHandlers.alias)
        case .tag: try plain(CatalogHandlers.tag)
        case .configShow: try plain(ConfigurationHandlers.show)
        case .configGet: try plain(ConfigurationHandlers.get)
        case .configSet: try plain(ConfigurationHandlers.set)
        case .configCheck: try plain(ConfigurationHandlers.check)
        case .vaultInit: try answeringSecret(VaultHandlers.initialize)
        case .vaultInfo: try plain(VaultHandlers.info)
        case .vaultVerify: try plain(VaultHandlers.verify)
        case .vaultBackup: try plain(VaultHandlers.backup)
        case .vaultUnlock: try withSecret(VaultHandlers.unlock)
        case .vaultPasswd: try withSecret(VaultKeyHandlers.passwd)
        case .vaultRekey: try answeringSecret(VaultKeyHandlers.rekey)
        case .vaultSlot: try answeringSecret(VaultKeyHandlers.slot)
        case .vaultList: try plain(VaultEntryHandlers.list)
        case .vaultAdd: try withSecret(VaultEntryHandlers.add)
        case .vaultRemove: try plain(VaultEntryHandlers.remove)
        case .vaultRename: try plain(VaultEntryHandlers.rename)
        case .vaultHint: try plain(VaultEntryHandlers.hint)
        case .vaultReveal: try answeringSecret(VaultEntryHandlers.reveal)
        case .vaultGenerate: try answeringSecret(PasswordHandlers.generate)
        case .strength: try withSecret(PasswordHandlers.strength)
        case .prompt: try plain(PromptHandlers.prompt)
        case .promptEnd: try plain(PromptHandlers.end)
        case .vacuum: try withSecret(MaintenanceHandlers.vacuum)
        case .gcStatus: try withSecret(MaintenanceHandlers.gcStatus)
        case .gcRun: try withSecret(MaintenanceHandlers.gcRun)
        case .exposure: try plain(ExposureHandlers.exposure)
        case .fixPermissions: try plain(ExposureHandlers.fixPermissions)
        case .repair: try withSecret(RepairHandlers.repair)
        case .repairUndo: try plain(RepairHandlers.undo)
        case .salvage: try withSecret(SalvageHandler.salvage)
        case .backupCreate: try withSecret(BackupHandlers.create)
        case .backupList: try plain(BackupHandlers.list)
        case .backupShow: try plain(BackupHandlers.show)
        case .backupVerify: try withSecret(BackupHandlers.verify)
        case .backupRemove: try plain(BackupHandlers.remove)
        case .backupPrune: try plain(BackupHandlers.prune)
        case .restore: try withSecret(RestoreHandlers.restore)
        case .restoreInPlace: try withSecret(RestoreHandlers.inPlace)
        case .restoreRollback: try plain(RestoreHandlers.rollback)
        case .dump: try withSecret(DumpHandler.dump)
        case .import: try withSecret(ImportHandler.importing)
        case .jobsList: try plain(JobHandlers.list)
        case .jobsShow: try plain(JobHandlers.show)
        case .jobsCancel: try plain(JobHandlers.cancel)
        case .handOver: try plain(HandOverHandler.handOver)
        }
    }
}
