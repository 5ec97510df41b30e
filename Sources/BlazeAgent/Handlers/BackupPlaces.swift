internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Where backups are looked for and made.
struct BackupPlaces {
    let root: FilePath
    let repository: BackupRepository

    /// - Parameter named: a repository's path as a request has it; empty for the user's own.
    init(_ named: Data, _ state: AgentState) throws {
        if named.isEmpty {
            root = state.paths.backups
        } else {
            guard let path = FilePath(bytes: [UInt8](named)), path.isAbsolute else {
                throw Fault(.invalidRequest, "a place for backups is named by its absolute path")
            }
            root = path.lexicallyNormalized()
        }
        repository = BackupRepository(root, in: state.changing)
    }

    /// The backup that a request names, and the repository that it is in.
    static func find(
        _ selector: WireBackupSelector, _ state: AgentState
    ) throws -> (places: BackupPlaces, entry: BackupRepository.Entry) {
        let name = [UInt8](selector.name)
        guard !name.isEmpty, name.count <= 4096, let path = FilePath(bytes: name) else {
            throw Fault(.invalidRequest, "a backup is named by its id or by its directory")
        }
        if name.contains(UInt8(ascii: "/")) {
            guard let directory = FilePath(bytes: [UInt8](selector.workingDirectory)), directory.isAbsolute else {
                throw Fault(.invalidRequest, "a backup's directory needs a directory to be looked up from")
            }
            let whole = path.canonical(from: directory)
            let places = try BackupPlaces(
                Data(whole.removingLastComponent().removingLastComponent().bytes), state)
            guard let entry = try places.repository.entry(at: whole) else { throw notFound(path.displayString) }
            return (places, entry)
        }
        let places = try BackupPlaces(selector.repository, state)
        let text = path.displayString
        let found = try places.repository.list().filter { $0.id.text.hasPrefix(text) }
        guard let entry = found.first else { throw notFound(text) }
        guard found.count == 1 || entry.id.text == text else {
            throw Fault(
                .ambiguous, "\(found.count) backups have an id that begins with \(text)",
                hint: "blazectl backup ls shows them", target: text)
        }
        return (places, entry)
    }

    private static func notFound(_ text: String) -> Fault {
        Fault(
            .notFound, "there is no backup \(text)", hint: "blazectl backup ls shows those that are there",
            target: text)
    }
}

extension BackupRepository.Entry {
    /// The manifest. Throws `Fault.damaged` for one that cannot be read.
    func readable() throws -> BackupManifest {
        guard let manifest else {
            throw Fault(.damaged, "backup \(id.text) cannot be read: \(problem ?? "")", target: id.text)
        }
        return manifest
    }

    /// The database that is in the backup, as a database of its own.
    func located(_ manifest: BackupManifest) -> LocatedDatabase {
        LocatedDatabase(path: directory.path.appending(manifest.dataName), entry: nil)
    }
}

/// The key that a backup has.
enum BackupKey {
    /// From the password that came along, from a session whose key opens it, or from the vault.
    ///
    /// - Throws: `Fault.locked` and `vault-locked` where there is none.
    static func find(
        _ entry: BackupRepository.Entry, secret: inout SecretBytes?, iterations: UInt32?, _ state: AgentState
    ) throws -> JobKey {
        let manifest = try entry.readable()
        let database = entry.located(manifest)
        if let problem = try BackupVerification.problemsBeforeKey(of: entry.directory, in: state.storage)
            .first(where: { $0.file != "verified" })
        {
            throw Fault(
                .damaged, "backup \(manifest.id) is damaged: \(problem.file): \(problem.message)",
                hint: "blazectl backup verify tells all of it", target: manifest.id)
        }
        if secret == nil {
            let files = database.files
            for session in state.sessions.all where session.identity == manifest.database {
                guard let key = session.symmetricKey(), opens(key, files, state) else { continue }
                return JobKey(session, of: LocatedDatabase(path: session.path, state: state), state)
            }
        }
        do {
            return try JobKey(
                database, secret: &secret, iterations: iterations, state, isRescue: manifest.method == .raw)
        } catch let fault as Fault where fault.code == .locked {
            throw Fault(
                .locked, "the key of backup \(manifest.id) is not at hand",
                hint: "unlock the database, or give the password by --password-fd and its like", target: manifest.id)
        }
    }

    /// Whether a key opens the files: their metadata is signed with it.
    private static func opens(_ key: DatabaseKey.Shared, _ files: FileSet, _ state: AgentState) -> Bool {
        (try? DatabaseReader(files, in: state.storage, key: key, underLease: true)) != nil
    }
}
