import BlazeProtocol
import Foundation
import FuzzTargets
import TestSupport
import Testing

/// One file under Fuzzing/Seeds or Fuzzing/Crashes.
struct KeptInput: CustomTestStringConvertible, Sendable {
    let target: String
    let name: String
    let bytes: [UInt8]

    var testDescription: String { "\(target)/\(name)" }

    static let fuzzing = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fuzzing")

    /// What a directory of Fuzzing keeps, by target and name. A directory that cannot be read fails the process: a
    /// replay of nothing would pass.
    static func all(in kind: String) -> [KeptInput] {
        let directory = fuzzing.appendingPathComponent(kind)
        return names(in: directory).filter { !$0.hasSuffix(".md") }.flatMap { target in
            let inputs = directory.appendingPathComponent(target)
            return names(in: inputs).map { name in
                let bytes = try! Data(contentsOf: inputs.appendingPathComponent(name))
                return KeptInput(target: target, name: name, bytes: [UInt8](bytes))
            }
        }
    }

    private static func names(in directory: URL) -> [String] {
        try! FileManager.default.contentsOfDirectory(atPath: directory.path).filter { !$0.hasPrefix(".") }.sorted()
    }

    func run() throws {
        let type = try #require(fuzzTargets.first { $0.name == target }, "no target is named \(target)")
        try type.run(bytes)
    }
}

/// What the fuzzers start from, and what they once found.
@Suite struct ReplayTests {
    static let seeds = KeptInput.all(in: "Seeds")
    static let crashes = KeptInput.all(in: "Crashes")

    @Test(arguments: seeds) func holdsForSeed(_ seed: KeptInput) throws {
        try seed.run()
    }

    /// One test over all of them, because there may be none.
    @Test func holdsForPastCrashes() throws {
        for crash in Self.crashes {
            do {
                try crash.run()
            } catch {
                Issue.record("\(crash.testDescription): \(error)")
            }
        }
    }

    @Test func everyTargetHasSeeds() {
        #expect(Set(Self.seeds.map(\.target)) == Set(fuzzTargets.map { $0.name }))
    }

    @Test func everyPastCrashIsExplained() throws {
        let page = KeptInput.fuzzing.appendingPathComponent("Crashes/README.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for crash in Self.crashes {
            #expect(text.contains("`\(crash.testDescription)`"), "\(crash.testDescription) is not in the README")
        }
    }

    @Test func everyOperationIsFuzzed() {
        let fuzzed = FrameTarget.messages.map { $0.operation }
        #expect(Set(fuzzed) == Set(BlazeProtocol.Operation.allCases))
    }

    /// A taste of fuzzing in every run of the tests: seeds with a few bytes changed, cut and joined.
    @Test(arguments: fuzzTargets.map { $0.name }) func holdsForChangedSeeds(_ target: String) throws {
        var random = SeededGenerator.printed("holdsForChangedSeeds \(target)")
        let type = try #require(fuzzTargets.first { $0.name == target })
        let seeds = Self.seeds.filter { $0.target == target }
        for _ in 0..<testRounds(25) {
            var input = try #require(seeds.randomElement(using: &random)).bytes
            if let other = seeds.randomElement(using: &random), UInt8.random(in: 0...3, using: &random) == 0 {
                input += other.bytes
            }
            for _ in 0..<Int.random(in: 1...8, using: &random) where !input.isEmpty {
                let at = Int.random(in: 0..<input.count, using: &random)
                switch UInt8.random(in: 0...3, using: &random) {
                case 0: input[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
                case 1: input[at] = UInt8.random(in: 0...255, using: &random)
                case 2: input.insert(UInt8.random(in: 0...255, using: &random), at: at)
                default:
                    let count = Int.random(in: 1...8, using: &random)
                    input.removeSubrange(at..<min(input.count, at + count))
                }
            }
            do {
                try type.run(input)
            } catch {
                Issue.record("\(error): \(Data(input).base64EncodedString())")
            }
        }
    }
}
