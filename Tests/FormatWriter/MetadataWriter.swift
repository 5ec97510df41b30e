public import BlazeModel
public import Crypto
import Foundation

/// Writes metadata as FORMAT.md 5 says.
public enum MetadataWriter {
    /// An index entry.
    public struct Entry: Sendable {
        /// The record's id.
        public var id: RecordID
        /// Its page list.
        public var pages: [UInt32]

        /// An entry.
        public init(_ id: RecordID, pages: [UInt32]) {
            self.id = id
            self.pages = pages
        }
    }

    /// The payload for an index, a free list and the first page number never used; no secondary indexes.
    public static func payload(index: [Entry], nextPageIndex: UInt64, free: [UInt32] = []) -> [UInt8] {
        var out = Array("{\"deletedPages\":\(free),\"encodingFormat\":\"blazeBinary\",\"fieldTypes\":[],".utf8)
        out += "\"indexMap\":[".utf8
        for (place, entry) in index.enumerated() {
            if place > 0 { out.append(UInt8(ascii: ",")) }
            out += "{\"id\":\"\(entry.id)\",\"pages\":[".utf8
            out += entry.pages.map(String.init).joined(separator: ",").utf8
            out += "]}".utf8
        }
        out += "],\"metaData\":[{\"key\":\"formatVersion\",\"value\":\"1.0.0\"}],".utf8
        out += "\"nextPageIndex\":\(nextPageIndex),\"searchIndexedFields\":[],".utf8
        out += "\"secondaryIndexDefinitions\":[],\"secondaryIndexes\":[],\"version\":1}".utf8
        return out
    }

    /// The file around a payload, signed with a key; `layout` is the unsigned mirror.
    public static func file(payload: [UInt8], key: SymmetricKey, layout: [UInt8] = Array("{}".utf8)) -> [UInt8] {
        let signature = Data(HMAC<SHA256>.authenticationCode(for: payload, using: key)).base64EncodedString()
        var out = Array("{\"encodingFormat\":\"blazeBinary\",\"layout\":".utf8)
        out += layout
        out += ",\"secureLayoutVersion\":2,\"signature\":\"\(signature)\",".utf8
        out += "\"signedAt\":\"2026-01-01T00:00:00Z\",\"signedPayload\":\"".utf8
        out += Data(payload).base64EncodedData()
        out += "\"}".utf8
        return out
    }
}
