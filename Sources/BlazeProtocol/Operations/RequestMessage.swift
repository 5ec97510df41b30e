// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// What the conformances below declare is documented once, at the protocol.

public import SwiftProtobuf

/// Ties a request message to its operation and answers, so that a client cannot mix them up.
public protocol RequestMessage: Message, Sendable {
    /// The last answer's message.
    associatedtype Reply: Message & Sendable
    /// The message of the answers before it.
    associatedtype Part: Message & Sendable = WireNothing
    /// The operation.
    static var operation: Operation { get }
}

/// The part type of operations that send none.
public typealias WireNothing = WirePingRequest

extension WireHelloRequest: RequestMessage {
    public typealias Reply = WireHelloReply
    public static var operation: Operation { .hello }
}
extension WirePingRequest: RequestMessage {
    public typealias Reply = WirePingReply
    public static var operation: Operation { .ping }
}
extension WireStatusRequest: RequestMessage {
    public typealias Reply = WireStatusReply
    public static var operation: Operation { .status }
}
extension WireStopRequest: RequestMessage {
    public typealias Reply = WireStopReply
    public static var operation: Operation { .stop }
}
extension WireScanRequest: RequestMessage {
    public typealias Reply = WireScanReply
    public typealias Part = WireScanPart
    public static var operation: Operation { .scan }
}
extension WireListRequest: RequestMessage {
    public typealias Reply = WireListReply
    public static var operation: Operation { .list }
}
extension WireInfoRequest: RequestMessage {
    public typealias Reply = WireInfoReply
    public static var operation: Operation { .info }
}
extension WireWatchRequest: RequestMessage {
    public typealias Reply = WireWatchReply
    public typealias Part = WireWatchPart
    public static var operation: Operation { .watch }
}
extension WireHoldersRequest: RequestMessage {
    public typealias Reply = WireHoldersReply
    public static var operation: Operation { .holders }
}
extension WireReleaseRequest: RequestMessage {
    public typealias Reply = WireReleaseReply
    public static var operation: Operation { .release }
}
extension WireUnlockRequest: RequestMessage {
    public typealias Reply = WireUnlockReply
    public static var operation: Operation { .unlock }
}
extension WireLockRequest: RequestMessage {
    public typealias Reply = WireLockReply
    public static var operation: Operation { .lock }
}
extension WireCheckRequest: RequestMessage {
    public typealias Reply = WireCheckReply
    public typealias Part = WireCheckPart
    public static var operation: Operation { .check }
}
extension WireExportRequest: RequestMessage {
    public typealias Reply = WireExportReply
    public typealias Part = WireExportPart
    public static var operation: Operation { .export }
}
extension WireAddRequest: RequestMessage {
    public typealias Reply = WireCatalogReply
    public static var operation: Operation { .add }
}
extension WireForgetRequest: RequestMessage {
    public typealias Reply = WireCatalogReply
    public static var operation: Operation { .forget }
}
extension WireAliasRequest: RequestMessage {
    public typealias Reply = WireCatalogReply
    public static var operation: Operation { .alias }
}
extension WireTagRequest: RequestMessage {
    public typealias Reply = WireCatalogReply
    public static var operation: Operation { .tag }
}
extension WireConfigShowRequest: RequestMessage {
    public typealias Reply = WireConfigReply
    public static var operation: Operation { .configShow }
}
extension WireConfigGetRequest: RequestMessage {
    public typealias Reply = WireConfigReply
    public static var operation: Operation { .configGet }
}
extension WireConfigSetRequest: RequestMessage {
    public typealias Reply = WireConfigReply
    public static var operation: Operation { .configSet }
}
extension WireConfigCheckRequest: RequestMessage {
    public typealias Reply = WireConfigReply
    public static var operation: Operation { .configCheck }
}
extension WireVaultInitRequest: RequestMessage {
    public typealias Reply = WireVaultInitReply
    public static var operation: Operation { .vaultInit }
}
extension WireVaultInfoRequest: RequestMessage {
    public typealias Reply = WireVaultInfoReply
    public static var operation: Operation { .vaultInfo }
}
extension WireVaultVerifyRequest: RequestMessage {
    public typealias Reply = WireVaultVerifyReply
    public static var operation: Operation { .vaultVerify }
}
extension WireVaultListRequest: RequestMessage {
    public typealias Reply = WireVaultListReply
    public static var operation: Operation { .vaultList }
}
extension WireVaultAddRequest: RequestMessage {
    public typealias Reply = WireVaultAddReply
    public static var operation: Operation { .vaultAdd }
}
extension WireVaultRemoveRequest: RequestMessage {
    public typealias Reply = WireVaultEntryReply
    public static var operation: Operation { .vaultRemove }
}
extension WireVaultRenameRequest: RequestMessage {
    public typealias Reply = WireVaultEntryReply
    public static var operation: Operation { .vaultRename }
}
extension WireVaultHintRequest: RequestMessage {
    public typealias Reply = WireVaultEntryReply
    public static var operation: Operation { .vaultHint }
}
extension WireVaultPasswdRequest: RequestMessage {
    public typealias Reply = WireVaultPasswdReply
    public static var operation: Operation { .vaultPasswd }
}
extension WireVaultRekeyRequest: RequestMessage {
    public typealias Reply = WireVaultRekeyReply
    public static var operation: Operation { .vaultRekey }
}
extension WireVaultSlotRequest: RequestMessage {
    public typealias Reply = WireVaultSlotReply
    public static var operation: Operation { .vaultSlot }
}
extension WireVaultRevealRequest: RequestMessage {
    public typealias Reply = WireVaultRevealReply
    public static var operation: Operation { .vaultReveal }
}
extension WireVaultGenerateRequest: RequestMessage {
    public typealias Reply = WireVaultGenerateReply
    public static var operation: Operation { .vaultGenerate }
}
extension WireVaultBackupRequest: RequestMessage {
    public typealias Reply = WireVaultBackupReply
    public static var operation: Operation { .vaultBackup }
}
extension WireVaultUnlockRequest: RequestMessage {
    public typealias Reply = WireVaultUnlockReply
    public static var operation: Operation { .vaultUnlock }
}
extension WireStrengthRequest: RequestMessage {
    public typealias Reply = WireStrengthReply
    public static var operation: Operation { .strength }
}
extension WirePromptRequest: RequestMessage {
    public typealias Reply = WirePromptReply
    public static var operation: Operation { .prompt }
}
extension WirePromptEndRequest: RequestMessage {
    public typealias Reply = WirePromptEndReply
    public static var operation: Operation { .promptEnd }
}
extension WireHandOverRequest: RequestMessage {
    public typealias Reply = WireHandOverReply
    public typealias Part = WireHandOverPart
    public static var operation: Operation { .handOver }
}
extension WireVacuumRequest: RequestMessage {
    public typealias Reply = WireVacuumReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .vacuum }
}
extension WireGcStatusRequest: RequestMessage {
    public typealias Reply = WireGcStatusReply
    public static var operation: Operation { .gcStatus }
}
extension WireGcRunRequest: RequestMessage {
    public typealias Reply = WireGcRunReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .gcRun }
}
extension WireJobsListRequest: RequestMessage {
    public typealias Reply = WireJobsListReply
    public static var operation: Operation { .jobsList }
}
extension WireJobsShowRequest: RequestMessage {
    public typealias Reply = WireJobsShowReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .jobsShow }
}
extension WireJobsCancelRequest: RequestMessage {
    public typealias Reply = WireJobsCancelReply
    public static var operation: Operation { .jobsCancel }
}
extension WireExposureRequest: RequestMessage {
    public typealias Reply = WireExposureReply
    public static var operation: Operation { .exposure }
}
extension WireFixPermissionsRequest: RequestMessage {
    public typealias Reply = WireFixPermissionsReply
    public static var operation: Operation { .fixPermissions }
}
extension WireRepairRequest: RequestMessage {
    public typealias Reply = WireRepairReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .repair }
}
extension WireRepairUndoRequest: RequestMessage {
    public typealias Reply = WireRepairUndoReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .repairUndo }
}
extension WireSalvageRequest: RequestMessage {
    public typealias Reply = WireSalvageReply
    public typealias Part = WireSalvagePart
    public static var operation: Operation { .salvage }
}
extension WireBackupCreateRequest: RequestMessage {
    public typealias Reply = WireBackupCreateReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .backupCreate }
}
extension WireBackupListRequest: RequestMessage {
    public typealias Reply = WireBackupListReply
    public static var operation: Operation { .backupList }
}
extension WireBackupShowRequest: RequestMessage {
    public typealias Reply = WireBackupShowReply
    public static var operation: Operation { .backupShow }
}
extension WireBackupVerifyRequest: RequestMessage {
    public typealias Reply = WireBackupVerifyReply
    public typealias Part = WireBackupPart
    public static var operation: Operation { .backupVerify }
}
extension WireBackupRemoveRequest: RequestMessage {
    public typealias Reply = WireBackupRemoveReply
    public static var operation: Operation { .backupRemove }
}
extension WireBackupPruneRequest: RequestMessage {
    public typealias Reply = WireBackupPruneReply
    public static var operation: Operation { .backupPrune }
}
extension WireRestoreRequest: RequestMessage {
    public typealias Reply = WireRestoreReply
    public typealias Part = WireBackupPart
    public static var operation: Operation { .restore }
}
extension WireRestoreInPlaceRequest: RequestMessage {
    public typealias Reply = WireRestoreInPlaceReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .restoreInPlace }
}
extension WireRestoreRollbackRequest: RequestMessage {
    public typealias Reply = WireRestoreRollbackReply
    public typealias Part = WireJobPart
    public static var operation: Operation { .restoreRollback }
}
extension WireDumpRequest: RequestMessage {
    public typealias Reply = WireDumpReply
    public typealias Part = WireDumpPart
    public static var operation: Operation { .dump }
}
extension WireImportRequest: RequestMessage {
    public typealias Reply = WireImportReply
    public typealias Part = WireImportPart
    public static var operation: Operation { .import }
}
