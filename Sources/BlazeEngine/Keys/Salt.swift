internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Where a key derivation's salt came from.
public enum SaltSource: String, Sendable, Hashable {
    /// `NAME.salt`.
    case file
    /// The constant that BlazeDB used before 2.7.1: one password gives one key in every such database.
    case constant
}

/// A salt and where it came from (FORMAT.md 2).
struct Salt {
    /// `AshPileSalt`, of databases without a salt file.
    static let constant = Salt(bytes: Array("AshPileSalt".utf8), source: .constant)

    let bytes: [UInt8]
    let source: SaltSource

    /// The salt of a database: its salt file's content, or the constant where there is no such file. An empty salt
    /// file is refused, as BlazeDB does.
    static func read(_ files: FileSet, in storage: any Storage) throws(EngineError) -> Salt {
        do throws(EngineError) {
            return try read(files.salt, in: storage)
        } catch {
            guard error.code == .notFound else { throw error }
            return .constant
        }
    }

    /// The salt that a file holds. Throws `.notFound`, `.emptySalt`, `.limitExceeded`, and what reading throws.
    static func read(_ path: FilePath, in storage: any Storage) throws(EngineError) -> Salt {
        try onStorage(path) {
            let file = try storage.open(path)
            let size = try file.status().size
            guard size > 0 else {
                throw EngineError(
                    .emptySalt, "salt file \(path.displayString) is empty",
                    hint: "restore it from a backup; without the salt the key is lost", path: path)
            }
            guard size <= EngineLimits.saltBytes else {
                throw EngineError(
                    .limitExceeded,
                    "salt file \(path.displayString) has \(size) bytes; at most \(EngineLimits.saltBytes) are read",
                    path: path)
            }
            let bytes = try file.bytes(count: Int(size), at: 0)
            guard bytes.count == Int(size) else { throw EngineError.changed(path) }
            return Salt(bytes: bytes, source: .file)
        }
    }

    /// The identity that a database has by its salt: the first 16 bytes of
    /// `SHA-256("blazedb-agent database identity v1\0" + salt)`, or, without a salt file, of
    /// `SHA-256("blazedb-agent database identity v1 legacy\0" + inode of the data file, 8 bytes big-endian)`.
    func identity(dataFile: FileStatus?) -> DatabaseID? {
        var hash = SHA256()
        switch source {
        case .file:
            hash.update(data: Array("blazedb-agent database identity v1\0".utf8))
            hash.update(data: bytes)
        case .constant:
            guard let inode = dataFile?.identity.inode else { return nil }
            hash.update(data: Array("blazedb-agent database identity v1 legacy\0".utf8))
            withUnsafeBytes(of: inode.bigEndian) { hash.update(bufferPointer: $0) }
        }
        return DatabaseID(bytes: Array(hash.finalize().prefix(DatabaseID.byteCount)))
    }

    /// The first 16 bytes of `SHA-256("blazedb-agent salt fingerprint v1\0" + source + "\0" + salt)`, where the source
    /// is `file` or `constant`.
    var fingerprint: [UInt8] {
        var hash = SHA256()
        hash.update(data: Array("blazedb-agent salt fingerprint v1\0\(source.rawValue)\0".utf8))
        hash.update(data: bytes)
        return Array(hash.finalize().prefix(16))
    }
}
