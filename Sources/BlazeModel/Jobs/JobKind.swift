/// What a job does.
public enum JobKind: String, Sendable, Hashable, CaseIterable, Codable {
    /// Rewrites a database compactly.
    case vacuum
    /// Puts unused pages on the free list and cuts the end of the file off.
    case collection = "gc"
}
