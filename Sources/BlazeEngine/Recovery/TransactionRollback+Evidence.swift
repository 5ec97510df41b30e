internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What tells whether a database was changed after the transaction whose copies stand beside it.
extension TransactionRollback {
    /// The pages of the copy that the data file has otherwise. Throws `.recoveryUndecided` where a record page is not of the
    /// transaction.
    func compare(_ backup: Backup, isDecided: Bool) throws -> [UInt64] {
        let images = isDecided ? [:] : try walImages()
        let cipher = try PageCipher(key)
        let now = try data.status().size
        let pageBytes = UInt64(PageView.byteCount)
        var differing: [UInt64] = []
        let old = PageBuffer(pages: 1)
        let new = PageBuffer(pages: 1)
        var hole: UInt64 = 0
        for page in 0..<((max(now, backup.status.size) + pageBytes - 1) / pageBytes) {
            let at = page * pageBytes
            if page < hole { continue }
            old.zero(from: try backup.data.read(into: old.bytes, at: at))
            new.zero(from: try data.read(into: new.bytes, at: at))
            guard !old.page(0).bytes.elementsEqual(new.page(0).bytes) else {
                if new.page(0).kind == .empty { hole = try nextData(behind: at, backup) }
                continue
            }
            if at < backup.status.size { differing.append(page) }
            guard !isDecided, new.page(0).kind == .record, cipher.authenticates(new.page(0)) else { continue }
            let written = UInt32(exactly: page).flatMap { images[$0] } ?? []
            guard written.contains(Checksum.crc32(new.page(0).bytes)) else {
                throw undecided("page \(page) was written after it, and would be lost")
            }
        }
        return differing
    }

    /// The first page behind a position at which either file has data.
    private func nextData(behind at: UInt64, _ backup: Backup) throws(StorageError) -> UInt64 {
        let pageBytes = UInt64(PageView.byteCount)
        let next = at + pageBytes
        return min(try data.nextData(from: next) ?? .max, try backup.data.nextData(from: next) ?? .max) / pageBytes
    }

    /// That the metadata tells nothing of a later change.
    func checkNothingFollowed(_ copies: Copies, _ backup: Backup) throws {
        let now = try MetadataFile(files, in: storage)
        if now.bytes != backup.meta.bytes, try (storage.status(of: files.wal)?.size ?? 0) == 0 {
            throw undecided("the database was closed after it")
        }
        guard !isOfThisPath(backup.path) else { return }
        let style = Date.ISO8601FormatStyle()
        guard let began = begun(copies).flatMap({ try? style.parse($0) }),
            let saved = now.wrapper.signedAt.flatMap({ try? style.parse($0) }),
            (-1.0...Self.sameSession).contains(saved.timeIntervalSince(began)),
            Double(try FileSetStatus.read(files, in: storage).modified) - Double(backup.status.modified)
                <= Self.sameSession * 1e9
        else { throw undecided("its files are of another path, and the database may have been opened since") }
    }

    /// Seconds within which no other process can have opened the database, after it was moved.
    private static let sameSession = 10.0

    /// Whether the copies are named after the path that the database has now (FORMAT.md 1).
    private func isOfThisPath(_ copy: FilePath) -> Bool {
        let hash = SHA256.hash(data: files.data.bytes).map { byte in
            let hex = String(byte, radix: 16)
            return hex.count == 1 ? "0" + hex : hex
        }
        return copy.withoutExtension.bytes.suffix(64).elementsEqual(hash.joined().utf8)
    }

    /// The checksums of each page's images in the WAL.
    private func walImages() throws -> [UInt32: Set<UInt32>] {
        guard let status = try storage.status(of: files.wal), status.size > 0 else { return [:] }
        let wal = try storage.open(files.wal)
        var scanner = WALScanner(wal, size: status.size)
        var images: [UInt32: Set<UInt32>] = [:]
        while let entry = try scanner.next() {
            switch entry {
            case .legacy(let page, _, let checksum): images[page, default: []].insert(checksum)
            case .unified(_, _, let page, let image):
                guard let image else { continue }
                let bytes = try wal.bytes(count: PageView.byteCount, at: image)
                images[page, default: []].insert(bytes.withUnsafeBytes { Checksum.crc32($0) })
            }
        }
        return images
    }

    /// When the transaction began, as its state says; nil when that cannot be read.
    func begun(_ copies: Copies) -> String? {
        guard let path = copies.state, let file = try? storage.open(path),
            let bytes = try? file.bytes(count: 4096, at: 0),
            var scanner = Optional(JSONScanner(bytes)), let value = try? scanner.value(),
            let text = value["startedAtISO8601"]?.string, text.utf8.count <= 40
        else { return nil }
        return text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || "-:.+".contains($0)) }
    }
}
