/// The protocol's versions. An integer of its own, never derived from the package's version.
public enum ProtocolVersion {
    /// The version that this code speaks.
    public static let current: UInt32 = 1
    /// Every version that this code speaks, highest first.
    public static let supported: [UInt32] = [1]

    /// The highest version that both speak.
    public static func common(with offered: [UInt32]) -> UInt32? {
        supported.first { offered.contains($0) }
    }
}

/// What the agent can be asked to do, and what the router must know about each before it calls a handler.
public enum Operation: UInt16, Sendable, CaseIterable {
    /// The handshake.
    case hello = 0
    /// Is anybody there?
    case ping = 1
    /// The agent's own state.
    case status = 2
    /// Stop the agent.
    case stop = 3
    /// Look for databases.
    case scan = 10
    /// The known databases.
    case list = 11
    /// One database.
    case info = 12
    /// The known databases, and what changes about them from then on.
    case watch = 13
    /// Who holds a database's lock.
    case holders = 14
    /// End operations of the agent that hold a database's lock.
    case release = 15
    /// Derive and keep a key.
    case unlock = 20
    /// Forget keys.
    case lock = 21
    /// Look for damage.
    case check = 30
    /// All records.
    case export = 31
    /// Add a database to the catalogue.
    case add = 40
    /// Take a database out of the catalogue.
    case forget = 41
    /// Name a database.
    case alias = 42
    /// Tag a database.
    case tag = 43
    /// All settings.
    case configShow = 50
    /// One setting.
    case configGet = 51
    /// Change a setting.
    case configSet = 52
    /// What is wrong with the configuration file.
    case configCheck = 53
    /// Make the vault.
    case vaultInit = 60
    /// What the vault's file tells.
    case vaultInfo = 61
    /// Open every entry of the vault.
    case vaultVerify = 62
    /// The vault's entries.
    case vaultList = 63
    /// Keep a database's password.
    case vaultAdd = 64
    /// Forget a database's password.
    case vaultRemove = 65
    /// Name an entry of the vault.
    case vaultRename = 66
    /// Tell or change the hint of an entry.
    case vaultHint = 67
    /// Change the vault's passphrase.
    case vaultPasswd = 68
    /// Change the vault's data key.
    case vaultRekey = 69
    /// Add or remove a way to unlock the vault.
    case vaultSlot = 70
    /// A password out of the vault.
    case vaultReveal = 71
    /// A new random password.
    case vaultGenerate = 72
    /// A sealed copy of the vault.
    case vaultBackup = 73
    /// Unlock the vault.
    case vaultUnlock = 74
    /// Assess a password.
    case strength = 75
    /// Who asks the user for a secret.
    case prompt = 80
    /// The user gave no answer.
    case promptEnd = 81
    /// Hand a database's password to a program.
    case handOver = 82
    /// Rewrite a database compactly.
    case vacuum = 90
    /// How a database's pages are used.
    case gcStatus = 91
    /// Put unused pages on the free list.
    case gcRun = 92
    /// The jobs.
    case jobsList = 93
    /// One job, until it is over.
    case jobsShow = 94
    /// Ask a job to end.
    case jobsCancel = 95
    /// Tells what of a database can be read without its password.
    case exposure = 100
    /// Closes a database's files and directory to others.
    case fixPermissions = 101
    /// Repairs a database, or tells what that would do.
    case repair = 102
    /// Puts the files back that a repair has kept.
    case repairUndo = 103
    /// Takes what is left of a database into a new one.
    case salvage = 104
    /// Takes a backup of a database.
    case backupCreate = 110
    /// The backups that are there.
    case backupList = 111
    /// One backup.
    case backupShow = 112
    /// Proves that a backup restores.
    case backupVerify = 113
    /// Removes a backup.
    case backupRemove = 114
    /// Removes the backups that no rule keeps.
    case backupPrune = 115
    /// Restores a backup to another path.
    case restore = 120
    /// Puts a backup in the place of a database.
    case restoreInPlace = 121
    /// Puts the files back that a restore in place has kept.
    case restoreRollback = 122
    /// Writes all records of a database as one stream.
    case dump = 130
    /// Makes a new database of a dump or of text.
    case `import` = 131

    /// Whether a request may bring a secret, and whether it must.
    public enum SecretUse: Sendable {
        /// A secret is refused.
        case none
        /// One may come along.
        case optional
        /// One must come along.
        case required
    }

    /// What the router and the client must know of an operation.
    public struct Properties: Sendable {
        /// The name in the specification and in logs.
        public let name: String
        /// Whether a secret comes along.
        public let secret: SecretUse
        /// Whether record values leave the agent.
        public let revealsValues: Bool
        /// Whether an answer may bring a secret.
        public let answersSecret: Bool
        /// Whether the agent's own files change.
        public let changesState: Bool
        /// Whether a database's files change.
        public let changesDatabase: Bool
        /// Whether parts come before the reply.
        public let streams: Bool
        /// Whether a client starts an agent for it.
        public let startsAgent: Bool
    }

    /// The catalogue.
    public var properties: Properties {
        func make(
            _ name: String, secret: SecretUse = .none, reveals: Bool = false, changes: Bool = false,
            streams: Bool = false, starts: Bool = true, answersSecret: Bool = false, changesDatabase: Bool = false
        ) -> Properties {
            Properties(
                name: name, secret: secret, revealsValues: reveals, answersSecret: answersSecret, changesState: changes,
                changesDatabase: changesDatabase, streams: streams, startsAgent: starts)
        }
        return switch self {
        case .hello: make("hello", starts: false)
        case .ping: make("ping", starts: false)
        case .status: make("status", starts: false)
        case .stop: make("stop", changes: true, starts: false)
        case .scan: make("scan", changes: true, streams: true)
        case .list: make("list")
        case .info: make("info", secret: .optional)
        case .watch: make("watch", changes: true, streams: true)
        case .holders: make("holders")
        case .release: make("release", starts: false)
        case .unlock: make("unlock", secret: .optional, changes: true)
        case .lock: make("lock", changes: true, starts: false)
        case .check: make("check", secret: .optional, streams: true)
        case .export: make("export", secret: .optional, reveals: true, streams: true)
        case .add: make("add", changes: true)
        case .forget: make("forget", changes: true)
        case .alias: make("alias", changes: true)
        case .tag: make("tag", changes: true)
        case .configShow: make("config-show")
        case .configGet: make("config-get")
        case .configSet: make("config-set", changes: true)
        case .configCheck: make("config-check")
        case .vaultInit: make("vault-init", secret: .required, changes: true, answersSecret: true)
        case .vaultInfo: make("vault-info")
        case .vaultVerify: make("vault-verify")
        case .vaultList: make("vault-list")
        case .vaultAdd: make("vault-add", secret: .required, changes: true)
        case .vaultRemove: make("vault-remove", changes: true)
        case .vaultRename: make("vault-rename", changes: true)
        case .vaultHint: make("vault-hint", changes: true)
        case .vaultPasswd: make("vault-passwd", secret: .required, changes: true)
        case .vaultRekey: make("vault-rekey", secret: .required, changes: true, answersSecret: true)
        case .vaultSlot: make("vault-slot", secret: .required, changes: true, answersSecret: true)
        case .vaultReveal: make("vault-reveal", answersSecret: true)
        case .vaultGenerate: make("vault-generate", answersSecret: true)
        case .vaultBackup: make("vault-backup", changes: true)
        case .vaultUnlock: make("vault-unlock", secret: .required, changes: true)
        case .strength: make("strength", secret: .required)
        case .prompt: make("prompt")
        case .promptEnd: make("prompt-end")
        case .handOver: make("hand-over", streams: true, answersSecret: true)
        case .vacuum: make("vacuum", secret: .optional, changes: true, streams: true, changesDatabase: true)
        case .gcStatus: make("gc-status", secret: .optional)
        case .gcRun: make("gc-run", secret: .optional, changes: true, streams: true, changesDatabase: true)
        case .jobsList: make("jobs-list")
        case .jobsShow: make("jobs-show", streams: true)
        case .jobsCancel: make("jobs-cancel", changes: true)
        case .exposure: make("exposure")
        case .fixPermissions: make("fix-permissions", changes: true)
        case .repair: make("repair", secret: .optional, changes: true, streams: true, changesDatabase: true)
        case .repairUndo: make("repair-undo", changes: true, streams: true, changesDatabase: true)
        case .salvage: make("salvage", secret: .optional, changes: true, streams: true)
        case .backupCreate: make("backup-create", secret: .optional, changes: true, streams: true)
        case .backupList: make("backup-list")
        case .backupShow: make("backup-show")
        case .backupVerify: make("backup-verify", secret: .optional, changes: true, streams: true)
        case .backupRemove: make("backup-remove", changes: true)
        case .backupPrune: make("backup-prune", changes: true)
        case .restore: make("restore", secret: .optional, changes: true, streams: true)
        case .restoreInPlace:
            make("restore-in-place", secret: .optional, changes: true, streams: true, changesDatabase: true)
        case .restoreRollback: make("restore-rollback", changes: true, streams: true, changesDatabase: true)
        case .dump: make("dump", secret: .optional, reveals: true, streams: true)
        case .import: make("import", secret: .required, changes: true, streams: true)
        }
    }
}
