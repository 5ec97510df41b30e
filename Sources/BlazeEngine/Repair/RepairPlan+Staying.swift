internal import BlazeModel

extension RepairPlan {
    /// Notes which findings stay whatever a repair does, and why: without that a database which has one would never be repaired.
    mutating func tellStaying(_ leftovers: KeptFiles) {
        for finding in findings where finding.severity > .note {
            guard let why = Self.reason(finding.name, leftovers) else { continue }
            staying.append(finding)
            add(.findingStays, "\(finding.name.rawValue) stays: \(why)")
        }
    }

    private static func reason(_ name: Finding.Name, _ leftovers: KeptFiles) -> String? {
        switch name {
        case .badSalt:
            "nothing tells what the salt was; put a copy of it back, or salvage into a new database with --salt-file"
        case .openLeftover where !leftovers.movesAny(.openBackup):
            "the copies are not of this database, or nothing tells that they are; remove them when nobody misses them"
        case .vacuumLeftover where leftovers.leaves(.vacuumNew, .asyncVacuum):
            "the files have a salt of their own, as a database has; remove them when nobody misses them"
        case .transactionInterrupted where leftovers.leaves(.transactionCopy):
            "the copies have a salt of their own, as a database has; move them away when nobody misses them"
        default: nil
        }
    }
}
