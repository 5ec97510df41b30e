public import BlazeModel

/// A database's verified metadata: what its signed payload says (FORMAT.md 5.2).
public struct Metadata: Sendable {
    /// The version of a schema that an app declares.
    public struct SchemaVersion: Sendable, Hashable {
        /// The major number.
        public let major: Int64
        /// The minor number.
        public let minor: Int64
    }

    /// A secondary index.
    public struct IndexSummary: Sendable, Hashable {
        /// The name: its fields joined by `+`.
        public let name: String
        /// The fields, in the defined order (trap T15: sorted by BlazeDB).
        public let fields: [String]
        /// Distinct keys.
        public let keys: Int
        /// Record ids under all keys.
        public let entries: Int
        /// Those of them that the index of records does not have.
        public let dangling: Int
    }

    /// A member of the metadata as its bytes stand, kept for rewriting.
    public struct RawMember: Sendable, Hashable {
        /// Its name.
        public let key: String
        /// The JSON text of its value.
        public let value: [UInt8]
    }

    /// 2 since BlazeDB 2.7.1, 1 before.
    public let wrapperVersion: Int
    /// When it was signed, ISO 8601, as written. Not covered by the signature.
    public let signedAt: String?
    /// The version of the database format, usually `1.0.0`; nil when absent, which means the same.
    public let formatVersion: String?
    /// The app's schema version, if one is recorded (trap T14).
    public let schemaVersion: SchemaVersion?
    /// `blazeBinary`, or what is written in its place.
    public let encodingFormat: String
    /// The first page number never used.
    public let nextPageIndex: UInt64
    /// The free list, in stored order.
    public let freePages: [UInt32]
    /// The secondary indexes, sorted by name.
    public let indexes: [IndexSummary]
    /// Fields with a search index.
    public let searchIndexedFields: [String]
    /// Members of the wrapper that are not known here.
    public let unknownWrapperMembers: [RawMember]
    /// Members of the payload that a rewrite keeps as they are: `metaData`, `fieldTypes`,
    /// `secondaryIndexDefinitions`, `searchIndexedFields`, `searchIndex`, `version` and whatever is not known here.
    public let keptPayloadMembers: [RawMember]

    /// `encodingFormat` outside the signed payload, where `json` starts a page migration (FORMAT.md 5.1).
    let unsignedEncodingFormat: String?
    let index: RecordIndex
    /// Free pages that are no 32-bit page numbers.
    let freePagesOutOfRange: Int

    /// How many records are indexed.
    public var recordCount: Int { index.count }

    /// The ids of all indexed records, in ascending order.
    public var recordIDs: some Collection<RecordID> { index.entries.lazy.map(\.id) }
}

extension Metadata {
    init(_ payload: MetadataPayload, wrapper: MetadataWrapper) {
        wrapperVersion = wrapper.version
        signedAt = wrapper.signedAt
        formatVersion = payload.formatVersion
        schemaVersion = payload.schemaVersion
        encodingFormat = payload.encodingFormat
        unsignedEncodingFormat = wrapper.encodingFormat
        nextPageIndex = payload.nextPageIndex
        freePages = payload.freePages
        indexes = payload.indexes
        searchIndexedFields = payload.searchIndexedFields
        unknownWrapperMembers = wrapper.unknownMembers
        keptPayloadMembers = payload.keptMembers
        index = payload.index
        freePagesOutOfRange = payload.freePagesOutOfRange
    }
}
