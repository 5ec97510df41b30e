import Foundation

/// The same numbers for the same seed (SplitMix64), so that a random test can be run again.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator with this seed.
    public init(seed: UInt64) { state = seed }

    /// A generator for a test, whose seed is printed: `$BLAZEDB_TEST_SEED`, else a new one.
    public static func printed(_ test: String = #function) -> SeededGenerator {
        let seed =
            ProcessInfo.processInfo.environment["BLAZEDB_TEST_SEED"].flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
        print("\(test): BLAZEDB_TEST_SEED=\(seed)")
        return SeededGenerator(seed: seed)
    }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// How many rounds a random test runs: `$BLAZEDB_TEST_ROUNDS`, at least its own count and at most 50 times that; else its
/// own.
public func testRounds(_ count: Int) -> Int {
    guard let asked = ProcessInfo.processInfo.environment["BLAZEDB_TEST_ROUNDS"].flatMap({ Int($0) }) else {
        return count
    }
    return max(count, min(asked, 50 * count))
}
