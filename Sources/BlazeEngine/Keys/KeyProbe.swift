internal import BlazePlatform
internal import Crypto

/// Finds out why no key verifies the metadata: by whether one of them opens a page of data.
enum KeyProbe {
    /// How many pages from the first data on are looked at, and how many of them are tried.
    private static let pagesRead = 256
    private static let pagesTried = 8

    /// The error for keys of which none verifies the metadata.
    static func explainUnverified(
        _ files: FileSet, in storage: any Storage, keys: [SymmetricKey], counts: [Int] = [], salt: SaltSource? = nil
    ) -> EngineError {
        if opensAnyPage(files, in: storage, keys: keys) {
            return EngineError(
                .metadataUnverified,
                "the metadata signature does not verify although the key opens pages of the data file: "
                    + "\(files.meta.displayString) was altered, forged or damaged",
                hint: "restore the metadata from a backup", path: files.meta, triedIterations: counts)
        }
        let list = counts.map(String.init).joined(separator: ", ")
        var hint = "check the password; name an unusual iteration count with --kdf-iterations"
        if salt == .constant { hint += "; there is no salt file, which databases since BlazeDB 2.7.1 need" }
        return EngineError(
            .wrongPassword,
            counts.isEmpty
                ? "wrong key: the metadata signature does not verify"
                : "wrong password: the metadata signature does not verify with any key derived from it "
                    + "(PBKDF2 iteration counts tried: \(list))",
            hint: hint, path: files.meta, triedIterations: counts)
    }

    /// `error`, or, where there is no metadata and nothing in the data file looks like a page, that it is no database.
    static func explainMissingMetadata(
        _ error: EngineError, _ files: FileSet, in storage: any Storage
    ) -> EngineError {
        guard let file = try? storage.open(files.data), let status = try? file.status(), status.size > 0,
            let pages = try? candidatePages(file), pages.isEmpty
        else { return error }
        return EngineError(
            .notADatabase,
            "\(files.data.displayString) is no BlazeDB database: no metadata, and no page in its first \(pagesRead)",
            path: files.data)
    }

    private static func opensAnyPage(_ files: FileSet, in storage: any Storage, keys: [SymmetricKey]) -> Bool {
        guard let file = try? storage.open(files.data), let pages = try? candidatePages(file) else { return false }
        return keys.contains { key in
            guard let cipher = try? PageCipher(key) else { return false }
            return pages.prefix(pagesTried).contains { page in
                page.withUnsafeBytes { cipher.authenticates(PageView($0)) }
            }
        }
    }

    /// Pages near the first data of the file that look like encrypted ones.
    private static func candidatePages(_ file: any StorageFile) throws(StorageError) -> [[UInt8]] {
        guard let start = try file.nextData(from: 0) else { return [] }
        let first = start / UInt64(PageView.byteCount) * UInt64(PageView.byteCount)
        let bytes = try file.bytes(count: pagesRead * PageView.byteCount, at: first)
        return stride(from: 0, to: bytes.count, by: PageView.byteCount).compactMap { at in
            var page = Array(bytes[at..<min(at + PageView.byteCount, bytes.count)])
            page += [UInt8](repeating: 0, count: PageView.byteCount - page.count)
            let kind = page.withUnsafeBytes { PageView($0).kind }
            return kind.isBlazeDB ? page : nil
        }
    }
}
