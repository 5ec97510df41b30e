internal import BlazeModel
public import BlazePlatform
internal import Crypto
public import SystemPackage

/// The directory of one backup: the files of the database under their own names, so that it opens without this program, and beside
/// them what says whether they still are what was copied (Protocol/backup.md).
///
///     manifest.json   what was copied, when and how; there is no backup before it is there
///     checksums.b2    BLAKE2b of every file and of the manifest, as `b2sum -l 256` writes and checks it
///     seal            HMAC-SHA256 of checksums.b2 by a key that is derived from the database's: nobody without that made it
///     verified        that the backup was restored to a scratch directory, opened and compared, and when
///     unfinished      locked by the process that makes the backup; without a manifest, what is there can go
public struct BackupDirectory: Sendable, Hashable {
    /// Where it is.
    public let path: FilePath

    /// A backup's directory, which need not exist.
    public init(_ path: FilePath) { self.path = path }

    static let manifestName = FilePath.Component("manifest.json")
    static let checksumsName = FilePath.Component("checksums.b2")
    static let sealName = FilePath.Component("seal")
    static let verifiedName = FilePath.Component("verified")
    static let unfinishedName = FilePath.Component("unfinished")
    private static let manifestNew = FilePath.Component("manifest.new")
    private static let verifiedNew = FilePath.Component("verified.new")
    /// Names that no file of a database has here.
    static let ownNames: Set<FilePath.Component> = [
        manifestName, checksumsName, sealName, verifiedName, unfinishedName, manifestNew, verifiedNew,
    ]

    var manifest: FilePath { path.appending(Self.manifestName) }
    var unfinished: FilePath { path.appending(Self.unfinishedName) }

    func file(_ name: FilePath.Component) -> FilePath { path.appending(name) }

    // MARK: Reading

    /// The manifest. Throws `.notFound` where there is no backup, `.damaged` for one that says nothing.
    public func readManifest(in storage: any Storage) throws(EngineError) -> BackupManifest {
        try manifestBytes(in: storage).manifest
    }

    private func manifestBytes(in storage: any Storage) throws(EngineError) -> (
        manifest: BackupManifest, bytes: [UInt8]
    ) {
        let bytes = try small(Self.manifestName, limit: BackupManifest.limit, in: storage)
        guard let manifest = BackupManifest(bytes) else {
            throw EngineError(
                .damaged, "\(self.manifest.displayString) is no backup's manifest, or of a later version",
                hint: "the database's files stand beside it under their own names", path: self.manifest)
        }
        return (manifest, bytes)
    }

    private func small(
        _ name: FilePath.Component, limit: Int, in storage: any Storage
    ) throws(EngineError) -> [UInt8] {
        let path = file(name)
        return try onStorage(path) {
            let file = try storage.open(path)
            let size = try file.status().size
            guard size <= UInt64(limit) else {
                throw EngineError(.damaged, "\(path.displayString) has \(size) bytes, which is too many", path: path)
            }
            return try file.bytes(count: Int(size), at: 0)
        }
    }

    /// What does not hold of manifest, checksums and seal, one sentence each; with the manifest where that can be read.
    ///
    /// - Parameter key: the database's key; without it the seal is not looked at.
    func checkPapers(
        key: SymmetricKey?, in storage: any Storage
    ) throws(EngineError) -> (manifest: BackupManifest?, problems: [Backup.Problem]) {
        var problems: [Backup.Problem] = []
        func read(_ name: FilePath.Component, _ limit: Int) throws(EngineError) -> [UInt8]? {
            do throws(EngineError) {
                return try small(name, limit: limit, in: storage)
            } catch {
                guard error.code == .notFound || error.code == .damaged else { throw error }
                problems.append(Backup.Problem(name, error.code == .notFound ? "it is missing" : error.message))
                return nil
            }
        }
        guard let manifestBytes = try read(Self.manifestName, BackupManifest.limit) else { return (nil, problems) }
        let manifest = BackupManifest(manifestBytes)
        if manifest == nil { problems.append(Backup.Problem(Self.manifestName, "it is no manifest")) }
        guard let checksums = try read(Self.checksumsName, BackupManifest.limit) else { return (manifest, problems) }
        if let manifest, checksums != Self.checksums(manifest, BLAKE2b.hex(of: manifestBytes)) {
            problems.append(Backup.Problem(Self.checksumsName, "it is not what the manifest says"))
        }
        if let seal = try read(Self.sealName, 256), let key, seal != Self.seal(checksums, key) {
            problems.append(
                Backup.Problem(
                    Self.sealName, "it does not fit: the manifest or the checksums were changed, or made by another key"
                ))
        }
        if let mark = try? small(Self.verifiedName, limit: 1024, in: storage), let key {
            if VerifiedMark(mark, checksums: checksums, key: key) == nil {
                problems.append(Backup.Problem(Self.verifiedName, "it does not fit the manifest"))
            }
        }
        return (manifest, problems)
    }

    /// When it was found sound last, in nanoseconds since 1970, as far as that can be told without a key; nil where it was not.
    public func verified(in storage: any Storage) -> Int64? {
        guard let mark = try? small(Self.verifiedName, limit: 1024, in: storage),
            let checksums = try? small(Self.checksumsName, limit: BackupManifest.limit, in: storage)
        else { return nil }
        return VerifiedMark(mark, checksums: checksums, key: nil)?.moment
    }

    // MARK: Writing

    /// Writes manifest, checksums and seal, the manifest's name last: from then on there is a backup.
    func commit(_ manifest: BackupManifest, key: SymmetricKey, in storage: any ChangingStorage) throws(EngineError) {
        let bytes = try manifest.encoded()
        let checksums = Self.checksums(manifest, BLAKE2b.hex(of: bytes))
        try onStorage(path) {
            try write(checksums, to: Self.checksumsName, in: storage)
            try write(Self.seal(checksums, key), to: Self.sealName, in: storage)
            try write(bytes, to: Self.manifestNew, in: storage)
            try storage.syncDirectory(of: self.manifest)
            try storage.rename(file(Self.manifestNew), to: self.manifest)
            try storage.syncDirectory(of: self.manifest)
            try storage.remove(unfinished)
            try storage.syncDirectory(of: self.manifest)
        }
    }

    /// Notes that it was found sound.
    func markVerified(at moment: Int64, key: SymmetricKey, in storage: any ChangingStorage) throws(EngineError) {
        let checksums = try small(Self.checksumsName, limit: BackupManifest.limit, in: storage)
        try onStorage(path) {
            try storage.remove(file(Self.verifiedNew))
            try write(VerifiedMark.bytes(moment, checksums: checksums, key: key), to: Self.verifiedNew, in: storage)
            try storage.rename(file(Self.verifiedNew), to: file(Self.verifiedName))
            try storage.syncDirectory(of: file(Self.verifiedName))
        }
    }

    /// Takes the mark away: it was found not to be sound. Needs no key.
    public func unmarkVerified(in storage: any ChangingStorage) throws(EngineError) {
        try onStorage(path) {
            try storage.remove(file(Self.verifiedName))
            try storage.syncDirectory(of: file(Self.verifiedName))
        }
    }

    private func write(_ bytes: [UInt8], to name: FilePath.Component, in storage: any ChangingStorage)
        throws(StorageError)
    {
        let file = try storage.create(file(name), like: nil)
        try file.write(bytes, at: 0)
        try file.sync()
    }

    /// Takes it away with every file that is in it. The manifest becomes what says that the rest may go: from then on there is no
    /// backup, wherever this ends.
    func remove(in storage: any ChangingStorage) throws(EngineError) {
        try onStorage(path) {
            // A link leads to what is not ours.
            guard try storage.ownStatus(of: path).map({ $0.kind == .directory }) ?? true else {
                throw EngineError(.notRegularFile, "\(path.displayString) is no directory", path: path)
            }
            let names: [FilePath.Component]
            do throws(StorageError) {
                names = try storage.names(in: path)
            } catch {
                guard error.code == .notFound else { throw error }
                return
            }
            for name in names where try storage.ownStatus(of: file(name))?.kind == .directory {
                throw EngineError(
                    .writeFailed, "\(file(name).displayString) is a directory, which no backup has",
                    hint: "move it away", path: file(name))
            }
            if try storage.ownStatus(of: manifest) != nil { try storage.rename(manifest, to: unfinished) }
            try storage.syncDirectory(of: manifest)
            // What tells that the rest may go goes last, also on the disk.
            for name in names where name != Self.unfinishedName { try storage.remove(file(name)) }
            try storage.syncDirectory(of: manifest)
            try storage.remove(unfinished)
            try storage.removeDirectory(path)
            try storage.syncDirectory(of: path)
        }
    }

    // MARK: Checksums and seals

    /// `HEX  NAME` for each file, as b2sum has it; names with a backslash or a line break are escaped as it does.
    private static func checksums(_ manifest: BackupManifest, _ own: String) -> [UInt8] {
        var out: [UInt8] = []
        func line(_ digest: String, _ name: FilePath.Component) {
            let bytes = FilePath(root: nil, [name]).bytes
            let isEscaped = bytes.contains { $0 == UInt8(ascii: "\\") || $0 == 10 || $0 == 13 }
            if isEscaped { out.append(UInt8(ascii: "\\")) }
            out += Array("\(digest)  ".utf8)
            for byte in bytes {
                switch byte {
                case UInt8(ascii: "\\"): out += Array("\\\\".utf8)
                case 10: out += Array("\\n".utf8)
                case 13: out += Array("\\r".utf8)
                default: out.append(byte)
                }
            }
            out.append(10)
        }
        for file in manifest.files { line(file.digest, file.name) }
        line(own, manifestName)
        return out
    }

    private static func seal(_ checksums: [UInt8], _ key: SymmetricKey) -> [UInt8] {
        BackupSeal.line(of: checksums, key: key)
    }
}

/// What only who has the database's key can have written: HMAC-SHA256 with a key of its own, derived by HKDF-SHA256.
private enum BackupSeal {
    static func line(of bytes: [UInt8], key: SymmetricKey) -> [UInt8] {
        let own = HKDF<SHA256>.deriveKey(
            inputKeyMaterial: key, info: Array("blazedb-agent backup seal v1".utf8), outputByteCount: 32)
        let digits = Array("0123456789abcdef".utf8)
        let code = HMAC<SHA256>.authenticationCode(for: bytes, using: own)
        return code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] } + [10]
    }
}

/// `verified`: the moment in nanoseconds since 1970, the BLAKE2b of `checksums.b2`, and the seal of both lines.
private struct VerifiedMark {
    let moment: Int64

    static func bytes(_ moment: Int64, checksums: [UInt8], key: SymmetricKey) -> [UInt8] {
        let body = Array("\(moment)\n\(BLAKE2b.hex(of: checksums))\n".utf8)
        return body + BackupSeal.line(of: body, key: key)
    }

    /// Nil for a mark of something else. Without a key its seal is not looked at.
    init?(_ bytes: [UInt8], checksums: [UInt8], key: SymmetricKey?) {
        let lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, let moment = Int64(String(decoding: lines[0], as: UTF8.self)),
            String(decoding: lines[1], as: UTF8.self) == BLAKE2b.hex(of: checksums)
        else { return nil }
        if let key { guard bytes == Self.bytes(moment, checksums: checksums, key: key) else { return nil } }
        self.moment = moment
    }
}
