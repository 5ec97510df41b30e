public import SwiftProtobuf

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension Message {
    /// The message in a request's body. Fields and enum numbers that this version does not know are refused at any
    /// depth: an agent that ignored a new `dry_run` would really do the work.
    public init(decodingRequest bytes: [UInt8]) throws(FrameError) {
        do {
            self = try Self(serializedBytes: bytes)
        } catch {
            throw FrameError(.badBody, "the body is not a \(Self.protoMessageName)")
        }
        var finder = UnknownFinder()
        do {
            try traverse(visitor: &finder)
        } catch {
            throw FrameError(.badBody, "the body of \(Self.protoMessageName) cannot be walked")
        }
        if finder.found {
            throw FrameError(.badBody, "\(Self.protoMessageName) has a field or number that this agent does not know")
        }
    }

    /// The message in a reply, part or fault. What this version does not know is passed over.
    public init(decodingReply bytes: [UInt8]) throws(FrameError) {
        do {
            self = try Self(serializedBytes: bytes)
        } catch {
            throw FrameError(.badBody, "the body is not a \(Self.protoMessageName)")
        }
    }

    /// The message's bytes. Our own messages hold nothing that cannot be written.
    public func encoded() throws(FrameError) -> [UInt8] {
        do {
            return try serializedBytes()
        } catch {
            throw FrameError(.badBody, "\(Self.protoMessageName) cannot be written")
        }
    }
}

/// Sees every nested message and notes unknown fields and enum numbers.
private struct UnknownFinder: Visitor {
    var found = false

    mutating func visitUnknown(bytes: Data) { if !bytes.isEmpty { found = true } }

    mutating func visitSingularMessageField<M: Message>(value: M, fieldNumber: Int) throws {
        try value.traverse(visitor: &self)
    }
    mutating func visitRepeatedMessageField<M: Message>(value: [M], fieldNumber: Int) throws {
        for element in value { try element.traverse(visitor: &self) }
    }
    mutating func visitSingularEnumField<E: SwiftProtobuf.Enum>(value: E, fieldNumber: Int) throws {
        if !isKnown(value) { found = true }
    }
    mutating func visitRepeatedEnumField<E: SwiftProtobuf.Enum>(value: [E], fieldNumber: Int) throws {
        for element in value where !isKnown(element) { found = true }
    }
    mutating func visitMapField<K, V: Message>(
        fieldType: _ProtobufMessageMap<K, V>.Type, value: _ProtobufMessageMap<K, V>.BaseType, fieldNumber: Int
    ) throws {
        for element in value.values { try element.traverse(visitor: &self) }
    }
    mutating func visitMapField<K, V: SwiftProtobuf.Enum>(
        fieldType: _ProtobufEnumMap<K, V>.Type, value: _ProtobufEnumMap<K, V>.BaseType, fieldNumber: Int
    ) throws where V.RawValue == Int {
        for element in value.values where !isKnown(element) { found = true }
    }

    // Nothing lies inside these.
    mutating func visitMapField<K, V>(
        fieldType: _ProtobufMap<K, V>.Type, value: _ProtobufMap<K, V>.BaseType, fieldNumber: Int
    ) throws {}
    mutating func visitSingularDoubleField(value: Double, fieldNumber: Int) throws {}
    mutating func visitSingularInt64Field(value: Int64, fieldNumber: Int) throws {}
    mutating func visitSingularUInt64Field(value: UInt64, fieldNumber: Int) throws {}
    mutating func visitSingularBoolField(value: Bool, fieldNumber: Int) throws {}
    mutating func visitSingularStringField(value: String, fieldNumber: Int) throws {}
    mutating func visitSingularBytesField(value: Data, fieldNumber: Int) throws {}

    private func isKnown<E: SwiftProtobuf.Enum>(_ value: E) -> Bool {
        func isListed<C: CaseIterable>(_ type: C.Type) -> Bool {
            type.allCases.contains { ($0 as? E)?.rawValue == value.rawValue }
        }
        guard let type = E.self as? any CaseIterable.Type else { return true }
        return isListed(type)
    }
}
