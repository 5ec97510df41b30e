public import BlazeModel
public import BlazePlatform
public import Crypto

/// A database's key, verified against its metadata, in guarded memory.
///
/// The 32 bytes are the AES-256-GCM key of every page and the HMAC-SHA256 key of the metadata (FORMAT.md 2).
public struct DatabaseKey: ~Copyable, Sendable {
    /// How many bytes a key has.
    public static let byteCount = KeyDerivation.keyBytes

    /// The PBKDF2 iteration count that fitted.
    public let iterations: Int
    /// Which database it is for.
    public let identity: DatabaseID
    /// The salt that the database had when the key was verified, as `saltFingerprint(of:in:)` tells it: while the
    /// database has the same, this key may be used again without deriving it anew.
    public let saltFingerprint: [UInt8]
    private var secret: SecretBytes

    init(
        _ secret: consuming SecretBytes, iterations: Int, identity: DatabaseID, saltFingerprint: [UInt8]
    ) {
        self.iterations = iterations
        self.identity = identity
        self.saltFingerprint = saltFingerprint
        self.secret = secret
    }

    /// The key, for as long as `body` runs. Take it once per operation: each use changes page protection.
    public mutating func withKey<R, E: Error>(_ body: (SymmetricKey) throws(E) -> R) throws(E) -> R {
        try secret.withBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in
            try body(SymmetricKey(data: bytes))
        }
    }

    /// The key's `byteCount` bytes, for whoever stores it sealed; readable until `body` returns.
    public mutating func withSecret<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try secret.withBytes(body)
    }

    /// The same key in guarded memory of its own.
    ///
    /// - Throws: `.noSecretMemory`.
    public mutating func duplicate() throws(EngineError) -> DatabaseKey {
        let (iterations, identity, fingerprint) = (iterations, identity, saltFingerprint)
        do {
            return DatabaseKey(
                try secret.duplicate(), iterations: iterations, identity: identity, saltFingerprint: fingerprint)
        } catch {
            throw .noSecretMemory()
        }
    }

    /// A key that was derived earlier, verified by the metadata's signature: it costs no derivation.
    ///
    /// - Parameter stored: `byteCount` bytes, as `withSecret` gave them.
    /// - Parameter iterations: the count that it was derived with.
    /// - Throws: `.wrongPassword` when it does not fit the database (any more), `.metadataUnverified` when it opens data
    ///   pages but does not verify the metadata, `.invalidIterations`, and whatever keeps salt or metadata from being
    ///   read.
    public init(
        stored: consuming SecretBytes, iterations: Int, for files: FileSet, in storage: any Storage
    ) throws(EngineError) {
        let iterations = try KeyDerivation.checked(iterations)
        let lookedAt = try Subject(files, in: storage)
        let key = stored.withBytes { SymmetricKey(data: $0) }
        guard key.bitCount == Self.byteCount * 8,
            lookedAt.metadata.isVerified(by: key, texts: try lookedAt.metadata.signedTexts())
        else { throw KeyProbe.explainUnverified(files, in: storage, keys: [key]) }
        self.init(
            stored, iterations: iterations, identity: lookedAt.identity,
            saltFingerprint: lookedAt.salt.fingerprint)
    }

    /// Which salt a database has now: 16 bytes that say nothing about the salt, and are the same as long as it is the
    /// same. All databases without a salt file have one in common.
    public static func saltFingerprint(
        of files: FileSet, in storage: any Storage
    ) throws(EngineError) -> [UInt8] {
        try patiently(files, in: storage) { () throws(EngineError) in try Salt.read(files, in: storage) }.fingerprint
    }

    /// Derives the key from a password and verifies it by the metadata's signature. Reads the metadata once.
    ///
    /// Without `iterations`, 600,000, then 100,000, then the form before 2.7.1 (10,000 with the constant salt) are
    /// tried, the last one first where there is no salt file. Throws `.wrongPassword` with the counts that were
    /// tried, `.metadataUnverified` when a derived key opens data pages but no signature verifies, and whatever
    /// keeps salt or metadata from being read.
    public static func derive(
        for files: FileSet, in storage: any Storage, password: inout SecretBytes, iterations: Int?
    ) throws(EngineError) -> DatabaseKey {
        let lookedAt = try Subject(files, in: storage)
        let candidates = try KeyDerivation.candidates(salt: lookedAt.salt, iterations: iterations)
        let texts = try lookedAt.metadata.signedTexts()
        var tried: [SymmetricKey] = []
        for candidate in candidates {
            var secret = try candidate.key(password: &password)
            let key = secret.withBytes { SymmetricKey(data: $0) }
            if lookedAt.metadata.isVerified(by: key, texts: texts) {
                return DatabaseKey(
                    secret, iterations: candidate.iterations, identity: lookedAt.identity,
                    saltFingerprint: lookedAt.salt.fingerprint)
            }
            tried.append(key)
        }
        throw KeyProbe.explainUnverified(
            files, in: storage, keys: tried, counts: candidates.map(\.iterations), salt: lookedAt.salt.source)
    }

    /// Derives the key of a database that is to be made with a salt. Throws `.invalidIterations` and `.noSecretMemory`.
    ///
    /// - Parameter iterations: 600,000 is what BlazeDB uses; no other count opens without being named.
    public static func derive(
        salt bytes: [UInt8], password: inout SecretBytes, iterations: Int
    ) throws(EngineError) -> DatabaseKey {
        let salt = Salt(bytes: bytes, source: .file)
        guard let identity = salt.identity(dataFile: nil) else {
            throw EngineError(.emptySalt, "a database is made with a salt")
        }
        let derivation = KeyDerivation(salt: salt, iterations: try KeyDerivation.checked(iterations))
        return DatabaseKey(
            try derivation.key(password: &password), iterations: iterations, identity: identity,
            saltFingerprint: salt.fingerprint)
    }

    /// What a key is verified against, read once.
    private struct Subject {
        let salt: Salt
        let metadata: MetadataFile
        let identity: DatabaseID

        init(_ files: FileSet, in storage: any Storage) throws(EngineError) {
            let (dataStatus, salt, metadata) = try patiently(files, in: storage) {
                () throws(EngineError) -> (FileStatus, Salt, MetadataFile) in
                // What is wrong with the data file is told before anything that is wrong beside it.
                let dataStatus = try files.dataStatus(in: storage)
                let salt = try Salt.read(files, in: storage)
                do throws(EngineError) {
                    return (dataStatus, salt, try MetadataFile(files, in: storage))
                } catch {
                    throw error == EngineError(.metadataMissing, "")
                        ? KeyProbe.explainMissingMetadata(error, files, in: storage) : error
                }
            }
            guard let identity = salt.identity(dataFile: dataStatus) else {
                throw EngineError(
                    .notFound, "data file \(files.data.displayString) is missing, and there is no salt file either",
                    path: files.data)
            }
            (self.salt, self.metadata, self.identity) = (salt, metadata, identity)
        }
    }

    /// What `body` reads. While an owner swaps the files, each of them has no name for a moment: then it is tried again.
    private static func patiently<R>(
        _ files: FileSet, in storage: any Storage, _ body: () throws(EngineError) -> R
    ) throws(EngineError) -> R {
        let start = ContinuousClock.now
        let patience = Patience()
        var pause: Int32 = 1
        while true {
            do throws(EngineError) {
                return try body()
            } catch {
                guard error.isPassing, files.ownership(in: storage).isOwned, !patience.isExhausted(since: start) else {
                    throw error
                }
            }
            patience.rest(pause)
            pause = min(pause * 2, 64)
        }
    }
}
