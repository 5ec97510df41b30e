internal import BlazeModel
internal import BlazePlatform

/// Gathers findings. Of each name and severity only the first few are told one by one and the rest as one count, so
/// that a file with a million broken pages makes no million findings.
struct FindingCollector {
    private struct Key: Hashable {
        let name: Finding.Name
        let severity: Finding.Severity
    }

    private var single: [Finding] = []
    private var told: [Key: Int] = [:]
    private var rest: [Finding] = []
    private var restPlaces: [Key: Int] = [:]

    mutating func add(_ finding: Finding) {
        let key = Key(name: finding.name, severity: finding.severity)
        let count = told[key, default: 0]
        told[key] = count + 1
        if count < EngineLimits.findingsPerName {
            single.append(finding)
        } else if let place = restPlaces[key] {
            rest[place].count += finding.count
            rest[place].message = "\(rest[place].count) more findings of this kind; page and record tell the first"
        } else {
            restPlaces[key] = rest.count
            rest.append(finding)
        }
    }

    mutating func add(contentsOf findings: [Finding]) {
        for finding in findings { add(finding) }
    }

    /// A finding for a count of places; none for a count of 0.
    mutating func add(
        _ name: Finding.Name, _ severity: Finding.Severity, count: Int, page: UInt32? = nil, record: RecordID? = nil,
        _ message: String
    ) {
        guard count > 0 else { return }
        add(Finding(name, severity, page: page, record: record, count: count, message))
    }

    var hasDamage: Bool { single.contains { $0.severity == .damage } }

    /// As they count under this ownership, the gravest first; of one severity in the order in which they were found.
    func findings(judgedBy ownership: Ownership) -> [Finding] {
        let judged = (single + rest).map { $0.judged(by: ownership) } + [Finding.of(ownership)].compactMap(\.self)
        return Finding.Severity.allCases.sorted(by: >).flatMap { severity in
            judged.filter { $0.severity == severity }
        }
    }
}
