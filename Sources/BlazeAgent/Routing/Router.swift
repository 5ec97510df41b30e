internal import BlazePlatform
internal import BlazeProtocol

/// One request on its way to a handler.
struct Call {
    let state: AgentState
    let peer: Peer
    let responder: Responder
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
        _ number: UInt16, body: [UInt8], secret: inout SecretBytes?, responder: Responder, peer: Peer
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
        let call = Call(state: state, peer: peer, responder: responder)
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
        }
    }
}
