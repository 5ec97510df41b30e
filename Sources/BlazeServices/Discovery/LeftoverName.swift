/// Files that end in `.blazedb` and are no databases of their own, but what BlazeDB leaves behind when it is killed
/// (FORMAT.md section 1).
public enum LeftoverName: String, Sendable, CaseIterable {
    /// `backup_v0_*`: the copy that an open makes.
    case openBackup = "open-backup"
    /// `txn_in_progress-*`: the copy that a transaction makes.
    case transactionCopy = "transaction-copy"
    /// `NAME.vacuum.blazedb`: the database that a vacuum builds.
    case vacuumNew = "vacuum-new"
    /// `NAME.vacuum_backup.blazedb`: the database that a vacuum replaces.
    case vacuumBackup = "vacuum-backup"

    /// What a name ending in `.blazedb` is left over from; nil for a database.
    init?(_ name: [UInt8]) {
        let text = String(decoding: name, as: UTF8.self).lowercased()
        if text.hasPrefix("backup_v0_") {
            self = .openBackup
        } else if text.hasPrefix("txn_in_progress-") {
            self = .transactionCopy
        } else if text.hasSuffix(".vacuum.blazedb") {
            self = .vacuumNew
        } else if text.hasSuffix(".vacuum_backup.blazedb") {
            self = .vacuumBackup
        } else {
            return nil
        }
    }
}
