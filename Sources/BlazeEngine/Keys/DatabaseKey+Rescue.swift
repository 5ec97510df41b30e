internal import BlazeModel
public import BlazePlatform
internal import Crypto
public import SystemPackage

/// Keys of databases whose metadata does not verify them any more: a page that opens proves one as well.
extension DatabaseKey {
    /// Derives the key from a password, and verifies it by whatever is left of the database: a metadata file of the set, or
    /// any page of its data files or its WAL.
    ///
    /// Throws `.wrongPassword` with the counts that were tried when it opens nothing, and what reading the salt throws.
    ///
    /// - Parameter saltFile: takes the place of the database's own, which may be lost.
    public static func deriveForRescue(
        of files: FileSet, in storage: any Storage, password: inout SecretBytes, iterations: Int?,
        saltFile: FilePath? = nil
    ) throws(EngineError) -> DatabaseKey {
        let (salt, identity) = try facts(files, in: storage, saltFile)
        let candidates = try KeyDerivation.candidates(salt: salt, iterations: iterations)
        let evidence = try RescueEvidence(files, in: storage)
        for candidate in candidates {
            var secret = try candidate.key(password: &password)
            let key = secret.withBytes { SymmetricKey(data: $0) }
            guard try evidence.isFitted(by: key) else { continue }
            return DatabaseKey(
                secret, iterations: candidate.iterations, identity: identity, saltFingerprint: salt.fingerprint)
        }
        let counts = candidates.map(\.iterations)
        throw EngineError(
            .wrongPassword,
            "no key derived from this password opens anything that is left of \(files.data.displayString) "
                + "(PBKDF2 iteration counts tried: \(counts.map(String.init).joined(separator: ", ")))",
            hint: salt.source == .constant
                ? "check the password; there is no salt file, which databases since BlazeDB 2.7.1 need"
                : "check the password; name an unusual iteration count with --kdf-iterations",
            path: files.data, triedIterations: counts)
    }

    /// A key that was derived earlier, verified in the same way. Throws `.wrongPassword` when it opens nothing.
    public init(
        storedForRescue stored: consuming SecretBytes, iterations: Int, of files: FileSet, in storage: any Storage
    ) throws(EngineError) {
        let iterations = try KeyDerivation.checked(iterations)
        let (salt, identity) = try Self.facts(files, in: storage, nil)
        let key = stored.withBytes { SymmetricKey(data: $0) }
        guard key.bitCount == Self.byteCount * 8, try RescueEvidence(files, in: storage).isFitted(by: key) else {
            throw EngineError(
                .wrongPassword, "the key kept for \(files.data.displayString) opens nothing that is left of it",
                path: files.data)
        }
        self.init(stored, iterations: iterations, identity: identity, saltFingerprint: salt.fingerprint)
    }

    private static func facts(
        _ files: FileSet, in storage: any Storage, _ saltFile: FilePath?
    ) throws(EngineError) -> (Salt, DatabaseID) {
        let salt: Salt
        if let saltFile {
            salt = try Salt.read(saltFile, in: storage)
        } else {
            salt = try Salt.read(files, in: storage)
        }
        let place = try Salvage.places(of: files, in: storage).data
        let status = try place.map { path throws(EngineError) in
            try onStorage(path) { try storage.open(path).status() }
        }
        guard let identity = salt.identity(dataFile: status) else {
            throw EngineError(
                .notFound, "neither a data file nor a salt file is left of \(files.data.displayString)",
                path: files.data)
        }
        return (salt, identity)
    }

    /// The salt that a file holds. Throws what reading it throws.
    public static func salt(at path: FilePath, in storage: any Storage) throws(EngineError) -> [UInt8] {
        try Salt.read(path, in: storage).bytes
    }
}

/// What tells whether a key fits a damaged database: a page that its records are to come from, or metadata of the set that the key
/// has signed. The latter proves little, because BlazeDB signs a rebuilt index with whatever was typed (trap T8): a repair that
/// then opens no record is refused.
struct RescueEvidence {
    private let metadata: [MetadataFile]
    private let data: FilePath?
    private let wal: FilePath
    private let storage: any Storage

    /// How many pages are tried: a wrong password is not to read a large file from end to end.
    private static let tried = 16_384

    init(_ files: FileSet, in storage: any Storage) throws(EngineError) {
        self.storage = storage
        let (data, meta) = try Salvage.places(of: files, in: storage)
        var metadata: [MetadataFile] = []
        for path in [meta, files.meta] {
            // One that cannot be read proves nothing.
            if let file = try? MetadataFile(path, in: storage) { metadata.append(file) }
        }
        (self.data, self.metadata, wal) = (data, metadata, files.wal)
    }

    func isFitted(by key: SymmetricKey) throws(EngineError) -> Bool {
        let cipher = try PageCipher(key)
        if let data, opensPage(try PageStore(data, in: storage, cipher: cipher)) { return true }
        if opensImage(cipher) { return true }
        // All pages that were tried may be damaged.
        return metadata.contains { file in
            (try? file.signedTexts()).map { file.isVerified(by: key, texts: $0) } ?? false
        }
    }

    /// Whether any page opens; one that cannot be read proves nothing.
    private func opensPage(_ store: PageStore) -> Bool {
        let pageBytes = UInt64(PageView.byteCount)
        var page: UInt64 = 0
        var count = 0
        while page < store.filePages, count < Self.tried {
            guard let data = try? store.file.nextData(from: page * pageBytes) else { return false }
            page = max(page, data / pageBytes)
            guard let number = UInt32(exactly: page) else { return false }
            if let (view, kind) = try? store.page(number), kind.isBlazeDB {
                count += 1
                if store.cipher.authenticates(view) { return true }
            }
            page += 1
        }
        return false
    }

    private func opensImage(_ cipher: PageCipher) -> Bool {
        guard let file = try? storage.open(wal), let size = try? file.status().size, size > 0 else { return false }
        var scanner = WALScanner(file, size: size)
        var count = 0
        while count < Self.tried, let entry = try? scanner.next() {
            count += 1
            guard case .legacy(_, let image, _) = entry,
                let bytes = try? file.bytes(count: PageView.byteCount, at: image), bytes.count == PageView.byteCount
            else { continue }
            if bytes.withUnsafeBytes({ cipher.authenticates(PageView($0)) }) { return true }
        }
        return false
    }
}
