public import BlazeProtocol
import SwiftProtobuf

/// The input is what comes over one connection, from either side: frame after frame.
public enum FrameTarget: FuzzTarget {
    /// `frames`.
    public static let name = "frames"

    /// Every request, with its answers.
    public static let messages: [any RequestMessage.Type] = [
        WireHelloRequest.self, WirePingRequest.self, WireStatusRequest.self, WireStopRequest.self,
        WireScanRequest.self, WireListRequest.self, WireWatchRequest.self, WireInfoRequest.self,
        WireHoldersRequest.self,
        WireReleaseRequest.self, WireUnlockRequest.self, WireLockRequest.self, WireCheckRequest.self,
        WireExportRequest.self, WireAddRequest.self,
        WireForgetRequest.self, WireAliasRequest.self, WireTagRequest.self, WireConfigShowRequest.self,
        WireConfigGetRequest.self, WireConfigSetRequest.self, WireConfigCheckRequest.self,
        WireVaultInitRequest.self, WireVaultInfoRequest.self, WireVaultVerifyRequest.self, WireVaultListRequest.self,
        WireVaultAddRequest.self, WireVaultRemoveRequest.self, WireVaultRenameRequest.self, WireVaultHintRequest.self,
        WireVaultPasswdRequest.self, WireVaultRekeyRequest.self, WireVaultSlotRequest.self,
        WireVaultRevealRequest.self, WireVaultGenerateRequest.self, WireVaultBackupRequest.self,
        WireVaultUnlockRequest.self, WireStrengthRequest.self, WirePromptRequest.self, WirePromptEndRequest.self,
        WireHandOverRequest.self,
        WireVacuumRequest.self, WireGcStatusRequest.self, WireGcRunRequest.self, WireExposureRequest.self,
        WireFixPermissionsRequest.self, WireRepairRequest.self,
        WireRepairUndoRequest.self,
        WireSalvageRequest.self, WireBackupCreateRequest.self, WireBackupListRequest.self,
        WireBackupShowRequest.self, WireBackupVerifyRequest.self, WireBackupRemoveRequest.self,
        WireBackupPruneRequest.self, WireRestoreRequest.self, WireRestoreInPlaceRequest.self,
        WireRestoreRollbackRequest.self, WireJobsListRequest.self,
        WireJobsShowRequest.self, WireJobsCancelRequest.self, WireDumpRequest.self, WireImportRequest.self,
    ]

    /// A header that is accepted is within the limits and comes back; so does a message.
    public static func run(_ input: [UInt8]) throws(Violation) {
        var source = ByteSource(input)
        while !source.isAtEnd {
            let raw = source.bytes(FrameHeader.byteCount)
            guard raw.count == FrameHeader.byteCount, let header = try header(raw) else { return }
            let body = source.bytes(header.bodyLength)
            _ = source.bytes(header.secretLength)
            try message(header, body)
        }
    }

    private static func header(_ raw: [UInt8]) throws(Violation) -> FrameHeader? {
        let isRequest = raw[4] == FrameHeader.Kind.request.rawValue
        let bodyLimit = isRequest ? ProtocolLimits.requestBody : ProtocolLimits.replyBody
        let secretLimit = ProtocolLimits.secret
        let header: FrameHeader
        do throws(FrameError) {
            header = try FrameHeader(decoding: raw, bodyLimit: bodyLimit, secretLimit: secretLimit)
        } catch {
            return nil
        }
        try require((0...bodyLimit).contains(header.bodyLength), "a body over its limit")
        try require((0...secretLimit).contains(header.secretLength), "a secret over its limit")
        try require(header.encoded == raw, "a header does not come back")
        return header
    }

    private static func message(_ header: FrameHeader, _ body: [UInt8]) throws(Violation) {
        if header.kind == .fault {
            guard let wire = try answer(WireFault.self, body) else { return }
            let fault = Fault(wire)
            try require(Fault(fault.wire) == fault, "a fault does not come back")
            return
        }
        guard let request = messages.first(where: { $0.operation.rawValue == header.operation }) else { return }
        try exchange(request, header.kind, body)
    }

    private static func exchange<R: RequestMessage>(
        _: R.Type, _ kind: FrameHeader.Kind, _ body: [UInt8]
    ) throws(Violation) {
        switch kind {
        case .request:
            // What a request accepts, a tolerant reader accepts as well, and as the same.
            guard let strict = decoded({ () throws(FrameError) in try R(decodingRequest: body) }) else {
                _ = try answer(R.self, body)
                return
            }
            guard let tolerant = try answer(R.self, body) else {
                throw Violation("\(R.protoMessageName) is accepted by the strict reader only")
            }
            try require(encoded(strict) == encoded(tolerant), "\(R.protoMessageName) depends on its reader")
        case .reply: _ = try answer(R.Reply.self, body)
        case .part: _ = try answer(R.Part.self, body)
        case .fault: break
        }
    }

    /// Decodes, and holds what comes of it against its own encoding.
    private static func answer<M: Message>(_: M.Type, _ body: [UInt8]) throws(Violation) -> M? {
        guard let message = decoded({ () throws(FrameError) in try M(decodingReply: body) }) else { return nil }
        guard let bytes = encoded(message) else { throw Violation("\(M.protoMessageName) cannot be written") }
        guard let again = decoded({ () throws(FrameError) in try M(decodingReply: bytes) }) else {
            throw Violation("a written \(M.protoMessageName) is refused")
        }
        try require(encoded(again) == bytes, "\(M.protoMessageName) does not come back as it was written")
        return message
    }

    private static func decoded<M>(_ decode: () throws(FrameError) -> M) -> M? {
        do throws(FrameError) {
            return try decode()
        } catch {
            return nil
        }
    }

    private static func encoded(_ message: some Message) -> [UInt8]? {
        decoded { () throws(FrameError) in try message.encoded() }
    }
}
