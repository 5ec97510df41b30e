/// One way to feed arbitrary bytes to the project's code: the fuzzers under Fuzzing/ run it for as long as one likes, and
/// `make test` runs it over the seeds and every input that once broke something.
public protocol FuzzTarget: SendableMetatype {
    /// The name of its directory under Fuzzing/Seeds and Fuzzing/Crashes, and, behind `fuzz-`, of its program.
    static var name: String { get }
    /// Runs one input. What the bytes mean is the target's own matter; refusing them is no violation.
    static func run(_ input: [UInt8]) throws(Violation)
}

/// Every target.
public let fuzzTargets: [any FuzzTarget.Type] = [
    DumpTarget.self, FrameTarget.self, MetadataTarget.self, PageTarget.self, RecordTarget.self, VaultTarget.self,
    WALTarget.self,
]

/// A property that did not hold for an input.
public struct Violation: Error, CustomStringConvertible {
    /// Which one.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

func require(_ condition: Bool, _ property: @autoclosure () -> String) throws(Violation) {
    if !condition { throw Violation(property()) }
}
