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
