public import BlazeModel
public import BlazePlatform
public import Crypto

/// A database's key, verified against its metadata, in guarded memory.
///
/// The 32 bytes are the AES-256-GCM key of every page and the HMAC-SHA256 key of the metadata (FORMAT.md 2).
public struct DatabaseKey: ~Copyable, Sendable {
    /// The PBKDF2 iteration count that fitted.
    public let iterations: Int
    /// Which salt fitted.
    public let saltSource: SaltSource
    /// Which database it is for.
    public let identity: DatabaseID
    private var secret: SecretBytes

    private init(
        _ key: SymmetricKey, _ derivation: KeyDerivation, identity: DatabaseID
    ) throws(EngineError) {
        let secret: SecretBytes
        do {
            secret = try SecretBytes(count: key.bitCount / 8) { out in
                key.withUnsafeBytes { out.copyMemory(from: $0) }
            }
        } catch {
            throw EngineError(
                .noSecretMemory, "locked memory for the key could not be had",
                hint: "raise the limit on locked memory (ulimit -l)")
        }
        iterations = derivation.iterations
        saltSource = derivation.salt.source
        self.identity = identity
        self.secret = secret
    }

    /// The key, for as long as `body` runs. Take it once per operation: each use changes page protection.
    public mutating func withKey<R, E: Error>(_ body: (SymmetricKey) throws(E) -> R) throws(E) -> R {
        try secret.withBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in
            try body(SymmetricKey(data: bytes))
        }
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
        let candidates = try KeyDerivation.candidates(salt: salt, iterations: iterations)
        guard let identity = salt.identity(dataFile: dataStatus) else {
            throw EngineError(
                .notFound, "data file \(files.data.displayString) is missing, and there is no salt file either",
                path: files.data)
        }
        let texts = try metadata.signedTexts()
        var tried: [SymmetricKey] = []
        for candidate in candidates {
            let key = try candidate.key(password: &password)
            if metadata.isVerified(by: key, texts: texts) { return try DatabaseKey(key, candidate, identity: identity) }
            tried.append(key)
        }
        throw KeyProbe.explainUnverified(
            files, in: storage, keys: tried, counts: candidates.map(\.iterations), salt: salt.source)
    }

    /// What `body` reads. While an owner swaps the files, each of them has no name for a moment: then it is tried again.
    private static func patiently<R>(
        _ files: FileSet, in storage: any Storage, _ body: () throws(EngineError) -> R
    ) throws(EngineError) -> R {
        let start = ContinuousClock.now
        var patience = Patience()
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
