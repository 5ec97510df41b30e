internal import BlazeClient
internal import BlazePlatform

/// Exit codes. Scripts rely on them: numbers are never reused.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    case success = 0
    case failure = 1
    case usage = 2
    case partial = 3
    case advice = 4
    case damage = 5
    case notFound = 10
    case busy = 11
    case wrongPassword = 12
    case locked = 13
    case noAgent = 14
    case protocolMismatch = 15
    case denied = 16
    case rateLimited = 17
    case timeout = 18
    case promptNeeded = 19
    case insufficient = 20
    case unsupported = 21
    case wouldOverwrite = 22
    case interrupted = 130

    /// The status by which a fault of the agent ends the command.
    init(_ code: FaultCode) {
        self =
            switch code {
            case .internal, .malformed, .readFailed, .writeFailed, .released, .cancelled, .changedSince,
                .malformedInput, .notRepresentable:
                .failure
            case .tooLarge, .invalidRequest, .ambiguous, .invalidConfiguration: .usage
            case .unsupportedProtocol, .unknownOperation: .protocolMismatch
            case .tooManyConnections, .unstable, .busy: .busy
            case .stopping: .noAgent
            case .peerRefused, .accessDenied: .denied
            case .notFound, .noVault: .notFound
            case .notADatabase, .unsupportedFormat: .unsupported
            case .wrongPassword, .wrongPassphrase, .dumpNotOpened: .wrongPassword
            case .locked, .vaultLocked, .lockedMeanwhile: .locked
            case .rateLimited: .rateLimited
            case .promptEnded, .nobodyToAsk: .promptNeeded
            case .damaged, .vaultDamaged: .damage
            case .limitExceeded, .insufficient: .insufficient
            case .exists: .wouldOverwrite
            }
    }
}

/// Why a command ends without its result.
struct CommandFailure: Error {
    var status: ExitStatus
    var name: String
    var message: String
    var hint: String
    var target: String?
    /// The signal that ended the command; it decides the exit code then, as shells count (128 and the signal).
    var signal: Int32?
    /// Who holds the lock that was wanted.
    var holder: LockHolder?

    var exitCode: Int32 { signal.map { 128 + $0 } ?? status.rawValue }

    init(_ status: ExitStatus, _ name: String, _ message: String, hint: String = "", target: String? = nil) {
        self.status = status
        self.name = name
        self.message = message
        self.hint = hint
        self.target = target
    }

    init(_ error: ClientError) {
        if let fault = error.fault {
            self.init(
                ExitStatus(fault.code), fault.code.name, fault.message, hint: fault.hint,
                target: fault.target.isEmpty ? nil : fault.target)
            holder = fault.holder
            return
        }
        let (status, name): (ExitStatus, String) =
            switch error.code {
            case .noAgent: (.noAgent, "no-agent")
            case .cannotStart: (.noAgent, "cannot-start-agent")
            case .unsupportedProtocol: (.protocolMismatch, "unsupported-protocol")
            case .timedOut: (.timeout, "timeout")
            case .connectionLost: (.noAgent, "connection-lost")
            case .invalidReply: (.protocolMismatch, "invalid-reply")
            case .foreignAgent: (.denied, "foreign-agent")
            case .fault: (.failure, "fault")
            }
        self.init(status, name, error.message, hint: error.hint)
    }
}
