public import BlazeModel

/// What a check found.
public struct CheckReport: Sendable {
    /// The findings, the gravest first.
    public let findings: [Finding]
    /// How the pages are used.
    public let survey: PageSurvey

    /// The gravest finding's severity; nil when there are none.
    public var worst: Finding.Severity? { findings.map(\.severity).max() }
}
