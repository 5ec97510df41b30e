public import BlazeModel
public import BlazePlatform
public import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A known database.
public struct CatalogEntry: Sendable, Equatable {
    /// The data file's canonical path: unique in the catalogue.
    public internal(set) var path: FilePath
    /// The database's id when it was last seen; nil when it could not be told.
    public internal(set) var id: DatabaseID?
    /// Its alias: unique in the catalogue.
    public internal(set) var alias: String?
    /// Its tags.
    public internal(set) var tags: Set<String>
    /// When it became known, in whole seconds since 1970.
    public let addedAt: Int64
    /// The data file when it was last taken down: with the id it tells a moved database from a copy.
    public internal(set) var file: FileIdentity?
    /// The executable that was seen holding the database last; nil when none was.
    public internal(set) var lastHolder: String?

    init(
        path: FilePath, id: DatabaseID?, alias: String?, tags: Set<String> = [], addedAt: Int64,
        file: FileIdentity? = nil, lastHolder: String? = nil
    ) {
        self.path = path
        self.id = id
        self.alias = alias
        self.tags = tags
        self.addedAt = addedAt
        self.file = file
        self.lastHolder = lastHolder
    }

    /// Whether a text can be an alias: 1 to 64 ASCII letters, digits, dots, underscores and hyphens, the first a letter,
    /// digit or underscore; and not 6 or more hex digits alone, which would look like an id.
    public static func isValid(alias: String) -> Bool {
        let bytes = alias.utf8
        guard (1...64).contains(bytes.count), isWord(alias), let first = bytes.first,
            first != UInt8(ascii: "-"), first != UInt8(ascii: ".")
        else { return false }
        return bytes.count < DatabaseID.shortestPrefix || !alias.allSatisfy(\.isHexDigit)
    }

    /// Whether a text can be a tag: 1 to 64 ASCII letters, digits, dots, underscores and hyphens.
    public static func isValid(tag: String) -> Bool {
        (1...64).contains(tag.utf8.count) && isWord(tag)
    }

    private static func isWord(_ text: String) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                true
            default: false
            }
        }
    }
}

/// The entry as the file has it. A path that is not UTF-8 is kept as hex.
struct StoredEntry: Codable {
    var path: String?
    var pathHex: String?
    var id: String?
    var alias: String?
    var tags: [String]
    var addedAt: Int64
    var device: UInt64?
    var inode: UInt64?
    var lastHolder: String?

    enum CodingKeys: String, CodingKey {
        case path
        case pathHex = "path_hex"
        case id
        case alias
        case tags
        case addedAt = "added_at"
        case device
        case inode
        case lastHolder = "last_holder"
    }

    init(_ entry: CatalogEntry) {
        let stored = StoredPath(entry.path)
        path = stored.text
        pathHex = stored.hex
        id = entry.id?.description
        alias = entry.alias
        tags = entry.tags.sorted()
        addedAt = entry.addedAt
        device = entry.file?.device
        inode = entry.file?.inode
        lastHolder = entry.lastHolder
    }

    /// The entry; nil when what the file says cannot be one.
    var entry: CatalogEntry? {
        guard let path = StoredPath(text: path, hex: pathHex).path,
            alias.map(CatalogEntry.isValid(alias:)) ?? true, tags.allSatisfy(CatalogEntry.isValid(tag:))
        else { return nil }
        let file = device.flatMap { device in inode.map { FileIdentity(device: device, inode: $0) } }
        return CatalogEntry(
            path: path, id: id.flatMap { DatabaseID($0) }, alias: alias, tags: Set(tags), addedAt: addedAt, file: file,
            lastHolder: lastHolder)
    }
}

/// The whole file.
struct StoredCatalog: Codable {
    static let currentVersion = 1
    var version: Int
    var databases: [StoredEntry]
}
