public import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireFinding {
    /// A finding's message.
    public init(_ finding: Finding) {
        self.init()
        name = finding.name.rawValue
        severity =
            switch finding.severity {
            case .note: .note
            case .advice: .advice
            case .damage: .damage
            }
        if let page = finding.page { self.page = page }
        if let record = finding.record { self.record = Data(record.bytes) }
        count = UInt64(clamping: finding.count)
        message = finding.message
        possible = finding.isPossible
    }

    /// The finding. A severity that this version does not know counts as damage.
    public var finding: Finding {
        let severity: Finding.Severity =
            switch self.severity {
            case .note: .note
            case .advice: .advice
            default: .damage
            }
        var finding = Finding(
            Finding.Name(rawValue: name), severity, page: hasPage ? page : nil,
            record: hasRecord ? RecordID(bytes: record) : nil, count: Int(clamping: count), message)
        finding.isPossible = possible
        return finding
    }
}
