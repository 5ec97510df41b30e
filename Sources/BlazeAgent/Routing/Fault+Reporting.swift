internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

extension Fault {
    /// The fault by which an error of a lower floor leaves the agent.
    init(reporting error: any Error) {
        switch error {
        case let error as EngineError: self.init(error)
        case let error as CatalogError: self.init(error)
        case let error as ConfigurationError: self.init(error)
        case let error as StorageError: self.init(error)
        case let error as SealError: self.init(error)
        case let error as VaultError: self.init(error)
        case let error as AttemptError: self.init(error)
        case let error as JobError: self.init(error)
        case is SecretMemoryError:
            self.init(
                .insufficient, "no locked memory is left for secrets",
                hint: "raise the limit on locked memory: ulimit -l")
        case is ThreadError:
            self.init(.insufficient, "the agent has no thread or descriptor left for this", hint: "try again")
        default:
            // Its text is not sent: an error that nobody foresaw may carry anything.
            self.init(.internal, "the agent failed in a way that it does not know", hint: "see the agent's log")
        }
    }

    private init(_ error: VaultError) {
        let code: FaultCode =
            switch error.code {
            case .notFound: .noVault
            case .exists, .aliasTaken: .exists
            case .damaged: .vaultDamaged
            case .wrongSecret: .wrongPassphrase
            case .malformedRecoveryCode, .unfitSecret, .lastSlot, .noSuchSlot: .invalidRequest
            case .locked, .changed: .vaultLocked
            case .unsupportedVersion: .unsupportedFormat
            case .limitExceeded: .limitExceeded
            case .exposed: .accessDenied
            case .noSuchEntry: .notFound
            case .busy: .busy
            case .noSecretMemory, .noSpace: .insufficient
            case .readFailed: .readFailed
            case .writeFailed: .writeFailed
            }
        self.init(code, error.message, hint: error.hint ?? "", target: error.path?.displayString ?? "")
    }

    private init(_ error: AttemptError) {
        switch error.code {
        case .rateLimited:
            self.init(.rateLimited, error.description, hint: "without --no-wait it waits for that by itself")
        case .cancelled: self = .vaultLockedMeanwhile
        }
    }

    private init(_ error: JobError) {
        let code: FaultCode =
            switch error.code {
            case .busy: .busy
            case .notFound: .notFound
            case .journalFailed: .writeFailed
            case .stopping: .stopping
            }
        self.init(code, error.message, hint: error.hint)
    }

    private init(_ error: EngineError) {
        let code: FaultCode =
            switch error.code {
            case .notFound: .notFound
            case .permissionDenied: .accessDenied
            case .notRegularFile, .notADatabase: .notADatabase
            case .wrongPassword: .wrongPassword
            case .unsupportedFormat: .unsupportedFormat
            case .limitExceeded: .limitExceeded
            case .readFailed: .readFailed
            case .changedWhileReading: .unstable
            case .noSpace, .noMemory, .noSecretMemory: .insufficient
            case .readOnly: .accessDenied
            case .writeFailed, .poisoned: .writeFailed
            case .replacedMeanwhile: .busy
            case .alreadyExists, .recordExists: .exists
            case .recordNotFound, .nothingKept: .notFound
            case .changedSince: .changedSince
            case .malformedInput: .malformedInput
            case .notOpened: .dumpNotOpened
            case .notRepresentable: .notRepresentable
            case .invalidRecord, .invalidIterations: .invalidRequest
            default: .damaged
            }
        self.init(
            code, error.description, hint: error.hint ?? "", target: error.path?.displayString ?? "")
    }

    private init(_ error: SealError) {
        let code: FaultCode =
            switch error.code {
            case .notSealed, .invalidRecipient, .invalidIdentity, .unfit: .invalidRequest
            case .unsupportedVersion: .unsupportedFormat
            case .malformed, .damaged: .damaged
            case .notOpened: .dumpNotOpened
            case .costs: .limitExceeded
            case .noMemory: .insufficient
            }
        self.init(code, error.description)
    }

    private init(_ error: CatalogError) {
        let code: FaultCode =
            switch error.code {
            case .notFound: .notFound
            case .ambiguous: .ambiguous
            case .aliasTaken: .exists
            case .full: .insufficient
            case .writeFailed: .writeFailed
            default: .invalidRequest
            }
        self.init(code, error.message, hint: error.hint)
    }

    private init(_ error: ConfigurationError) {
        self.init(.invalidConfiguration, error.description, hint: "see blazectl config check and blazectl config path")
    }

    private init(_ error: StorageError) {
        let code: FaultCode =
            switch error.code {
            case .notFound: .notFound
            case .permissionDenied, .unsafePermissions, .readOnly: .accessDenied
            case .notRegularFile, .notDirectory: .notADatabase
            case .noSpace: .insufficient
            default: .readFailed
            }
        self.init(code, error.description, target: error.path.displayString)
    }
}
