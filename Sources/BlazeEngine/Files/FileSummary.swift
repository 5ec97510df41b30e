public import BlazeModel
public import BlazePlatform
internal import SystemPackage

/// What can be told of a database without a key and without a lock: the tier `file`.
///
/// Nothing in it is verified: whoever can write the metadata can write any record count into it.
public struct FileSummary: Sendable {
    /// The database's files.
    public let files: FileSet
    /// What stat tells about them.
    public let status: FileSetStatus
    /// Which database this is; nil when the salt cannot be read.
    public let identity: DatabaseID?
    /// Whether a process has the database open.
    public let ownership: Ownership
    /// Where the salt comes from; nil when it cannot be read.
    public let saltSource: SaltSource?
    /// How many records the metadata lists; nil when that is unknown, which is not the same as 0.
    public let recordCount: Int?
    /// Whether the count may be off: the WAL is not empty, an operation was interrupted, or a process has the database
    /// open, whose updates and deletes reach the metadata only now and then.
    public let recordCountIsEstimate: Bool
    /// The version of the metadata's wrapper; nil when the metadata cannot be read.
    public let wrapperVersion: Int?
    /// Why the metadata cannot be read; nil when it can.
    public let metadataProblem: EngineError?
    /// Why the salt cannot be read; nil when it can.
    public let saltProblem: EngineError?
    /// What the files tell, the gravest first.
    public let findings: [Finding]

    /// Looks at the files. Throws `.notFound`, `.notRegularFile` or `.permissionDenied` for the data file; a data
    /// file that an interrupted vacuum has moved aside is a finding instead.
    ///
    /// - Parameter ownership: who has the database open, where the caller knows better than the system's table of locks:
    ///   because it holds the lock itself.
    public static func read(
        _ files: FileSet, in storage: any Storage, ownership: Ownership? = nil
    ) throws(EngineError) -> FileSummary {
        try look(at: files, in: storage, ownership).summary
    }

    /// The findings, not judged yet by who has the database open, and the metadata that was read.
    static func looked(
        at files: FileSet, in storage: any Storage
    ) throws(EngineError) -> (findings: [Finding], metadata: MetadataFile?) {
        let (summary, metadata) = try look(at: files, in: storage, .free)
        return (summary.findings, metadata)
    }

    private static func look(
        at files: FileSet, in storage: any Storage, _ ownership: Ownership?
    ) throws(EngineError) -> (summary: FileSummary, metadata: MetadataFile?) {
        let start = ContinuousClock.now
        var pause: Int32 = 1
        while true {
            do throws(EngineError) {
                let found = try lookOnce(at: files, in: storage, ownership)
                guard found.summary.metadataProblem?.isPassing == true else { return found }
                guard isSwapped(files, in: storage), ContinuousClock.now - start < swapLimit else { return found }
            } catch {
                guard error.isPassing, isSwapped(files, in: storage), ContinuousClock.now - start < swapLimit else {
                    throw error
                }
            }
            waitMilliseconds(pause)
            pause = min(pause * 2, 32)
        }
    }

    /// How long a file may have no name while its owner swaps it.
    private static let swapLimit: Duration = .milliseconds(500)

    private static func isSwapped(_ files: FileSet, in storage: any Storage) -> Bool {
        files.ownership(in: storage).isOwned && files.isBeingSwapped(in: storage)
    }

    private static func lookOnce(
        at files: FileSet, in storage: any Storage, _ given: Ownership?
    ) throws(EngineError) -> (summary: FileSummary, metadata: MetadataFile?) {
        let status = try FileSetStatus.read(files, in: storage)
        // Asked after the files were listed, so that no owner comes between who explains what was seen.
        let ownership = given ?? files.ownership(in: storage)
        if status.data == nil, !status.has(.vacuumBackup, ".blazedb") {
            throw EngineError(StorageError(.notFound, operation: "open", path: files.data))
        }
        if status.data != nil {
            // Only opening tells whether this user may read it, and that it is no FIFO or device.
            do {
                _ = try storage.open(files.data)
            } catch {
                throw EngineError(error)
            }
        }
        var metadata: Result<MetadataFile, EngineError>
        do {
            metadata = .success(try MetadataFile(files, in: storage))
        } catch {
            metadata = .failure(error)
        }
        return (FileSummary(files, status, metadata, ownership, in: storage), try? metadata.get())
    }

    private init(
        _ files: FileSet, _ status: FileSetStatus, _ metadata: Result<MetadataFile, EngineError>,
        _ ownership: Ownership, in storage: any Storage
    ) {
        self.files = files
        self.ownership = ownership
        self.status = status
        var salt: Salt?
        var saltProblem: EngineError?
        do {
            salt = try Salt.read(files, in: storage)
        } catch {
            saltProblem = error
        }
        saltSource = salt?.source
        identity = salt?.identity(dataFile: status.data)
        self.saltProblem = saltProblem
        var count: Int?
        var problem: EngineError?
        do throws(EngineError) {
            count = try metadata.get().payload().index.count
        } catch {
            problem = error
        }
        wrapperVersion = (try? metadata.get())?.wrapper.version
        recordCount = count
        metadataProblem = problem
        let interrupted = status.leftovers.contains { $0.kind == .transactionCopy || $0.kind == .vacuumBackup }
        recordCountIsEstimate = (status.wal?.size ?? 0) > 0 || interrupted || ownership.isOwned
        var findings = FindingCollector()
        // A database that is new has no metadata until its owner first saves, and one being swapped none for a moment.
        let mayLackMetadata =
            !ownership.isQuiet
            && (status.data?.size == 0
                || status.leftovers.contains { $0.kind == .vacuumBackup || $0.kind == .vacuumMarker })
        findings.add(contentsOf: Self.findings(problem, saltProblem, salt?.source, mayLackMetadata: mayLackMetadata))
        findings.add(contentsOf: status.findings)
        self.findings = findings.findings(judgedBy: ownership)
    }

    private static func findings(
        _ metadata: EngineError?, _ salt: EngineError?, _ source: SaltSource?, mayLackMetadata: Bool
    ) -> [Finding] {
        var out: [Finding] = []
        switch metadata?.code {
        case .metadataMissing:
            out.append(
                mayLackMetadata
                    ? Finding(.noMeta, .note, "the metadata file is missing, as it may be while a process works on it")
                    : Finding(.noMeta, .damage, "the metadata file is missing: BlazeDB would open the database empty"))
        case .metadataUnsigned:
            out.append(
                Finding(
                    .unsignedMeta, .damage, "the metadata is not signed: BlazeDB would discard it and scan the pages"))
        case nil: break
        default: out.append(Finding(.badMeta, .damage, metadata?.message ?? "the metadata cannot be read"))
        }
        if let salt { out.append(Finding(.badSalt, .damage, salt.message)) }
        if source == .constant {
            out.append(
                Finding(
                    .legacySalt, .note, "there is no salt file: the constant salt of BlazeDB before 2.7.1 is in use"))
        }
        return out
    }
}

extension FileSetStatus {
    /// Whether a leftover of a kind is there whose name ends in `suffix`.
    func has(_ kind: Leftover.Kind, _ suffix: String) -> Bool {
        leftovers.contains { $0.kind == kind && $0.path.bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
    }

    /// What the files beside the database tell (FORMAT.md 1, 7.4, traps T5 and T5b).
    var findings: [Finding] {
        func count(_ kinds: Leftover.Kind...) -> Int { leftovers.filter { kinds.contains($0.kind) }.count }
        var out: [Finding] = []
        func add(_ name: Finding.Name, _ severity: Finding.Severity, _ count: Int, _ message: String) {
            if count > 0 { out.append(Finding(name, severity, count: count, message)) }
        }
        add(
            .transactionInterrupted, .damage, count(.transactionCopy),
            "a transaction did not end: its changes stand in the database, and copies of the state before beside it")
        let isFinished = has(.vacuumMarker, ".vacuum_success")
        let backups = count(.vacuumBackup)
        if backups > 0, !isFinished {
            let state = data == nil ? "the data file is moved aside" : "files of two states may stand side by side"
            add(.vacuumInterrupted, .damage, backups, "a vacuum did not end: \(state)")
        } else {
            add(.vacuumLeftover, .advice, backups, "old files of a vacuum that is over")
        }
        add(
            .vacuumLeftover, .advice,
            count(.vacuumNew, .asyncVacuum) + (backups > 0 && !isFinished ? 0 : count(.vacuumMarker)),
            "files that a vacuum left behind")
        add(
            .openLeftover, .advice, count(.openBackup),
            "copies in this directory that BlazeDB made while opening a database: a process died while opening one")
        add(
            .agentLeftover, .advice, count(.agentTemporary),
            "files of a change by this program that did not end: the next one removes them")
        add(.oldTransactionLog, .note, count(.transactionLog), "transaction logs that BlazeDB deletes unread")
        add(
            .keptBeforeRepair, .note, kept,
            "\(kept) directories beside the database keep its files from before a repair or a restore: remove them when all is well"
        )
        add(
            .separateIndexFile, .advice, indexes == nil ? 0 : 1,
            "a separate index file, which BlazeDB prefers over the metadata's indexes and nothing writes any more")
        return out
    }
}
