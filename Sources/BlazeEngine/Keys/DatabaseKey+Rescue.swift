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
        let place = try RescueSource.places(of: files, in: storage).data
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

/// What tells whether a key fits a damaged database.
private struct RescueEvidence {
    private let metadata: [MetadataFile]
    private let data: [FilePath]
    private let wal: FilePath
    private let storage: any Storage

    init(_ files: FileSet, in storage: any Storage) throws(EngineError) {
        self.storage = storage
        let leftovers = try FileSetStatus.read(files, in: storage).leftovers.map(\.path)
        var metadata: [MetadataFile] = []
        for path in [files.meta] + leftovers.filter({ $0.extension == "meta" }) {
            // One that cannot be read proves nothing.
            if let file = try? MetadataFile(path, in: storage) { metadata.append(file) }
        }
        self.metadata = metadata
        data = [files.data] + leftovers.filter { $0.extension != "meta" && $0.extension != "state" }
        wal = files.wal
    }

    func isFitted(by key: SymmetricKey) throws(EngineError) -> Bool {
        for file in metadata {
            if let texts = try? file.signedTexts(), file.isVerified(by: key, texts: texts) { return true }
        }
        let cipher = try PageCipher(key)
        for path in data {
            guard let store = try? PageStore(path, in: storage, cipher: cipher) else { continue }
            if opensPage(store) { return true }
        }
        return opensImage(cipher)
    }

    /// Whether any page opens; a page that cannot be read proves nothing.
    private func opensPage(_ store: PageStore) -> Bool {
        let pageBytes = UInt64(PageView.byteCount)
        var page: UInt64 = 0
        while page < store.filePages {
            guard let data = try? store.file.nextData(from: page * pageBytes) else { return false }
            page = max(page, data / pageBytes)
            guard let number = UInt32(exactly: page) else { return false }
            if let (view, kind) = try? store.page(number), kind.isBlazeDB, store.cipher.authenticates(view) {
                return true
            }
            page += 1
        }
        return false
    }

    private func opensImage(_ cipher: PageCipher) -> Bool {
        guard let file = try? storage.open(wal), let size = try? file.status().size, size > 0 else { return false }
        var scanner = WALScanner(file, size: size)
        while let entry = try? scanner.next() {
            guard case .legacy(_, let image, _) = entry,
                let bytes = try? file.bytes(count: PageView.byteCount, at: image), bytes.count == PageView.byteCount
            else { continue }
            if bytes.withUnsafeBytes({ cipher.authenticates(PageView($0)) }) { return true }
        }
        return false
    }
}
