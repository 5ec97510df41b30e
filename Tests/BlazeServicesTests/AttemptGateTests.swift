import BlazePlatform
import Dispatch
import Foundation
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import BlazeServices

/// Pauses after wrong passphrases, by clocks that stand still until they are moved.
@Suite struct AttemptGateTests {
    private let directory: TemporaryDirectory
    private let file: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        file = directory.path.appending("state").appending("attempts")
    }

    private func fail(_ gate: AttemptGate, _ clock: HandClock, uid: UInt32 = 7, times: Int = 1) throws {
        for _ in 0..<times {
            clock.pass(gate.retryAfter(uid: uid))
            try gate.begin(uid: uid, wait: false) { true }.failed()
        }
    }

    @Test func pausesDoubleUpToHalfAMinute() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        let expected: [Duration] = [
            .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16),
            .seconds(30), .seconds(30), .seconds(30),
        ]
        for pause in expected {
            let attempt = try gate.begin(uid: 7, wait: false) { true }
            #expect(attempt.failed() == pause)
            let error = #expect(throws: AttemptError.self) { try gate.begin(uid: 7, wait: false) { true } }
            #expect(error?.code == .rateLimited && error?.retryAfter == pause)
            clock.pass(pause - .milliseconds(1))
            #expect(throws: AttemptError(.rateLimited)) { try gate.begin(uid: 7, wait: false) { true } }
            clock.pass(.milliseconds(1))
        }
        try gate.begin(uid: 7, wait: false) { true }.succeeded()
        #expect(try gate.begin(uid: 7, wait: false) { true }.failed() == .milliseconds(250))
        #expect(gate.warning == nil)
    }

    @Test func anAttemptWithoutAVerdictIsNone() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        try fail(gate, clock, times: 2)
        clock.pass(.seconds(1))
        _ = try gate.begin(uid: 7, wait: false) { true }
        #expect(gate.retryAfter(uid: 7) == .zero)
        #expect(try gate.begin(uid: 7, wait: false) { true }.failed() == .seconds(1))
    }

    @Test func onlyTheFirstVerdictCounts() throws {
        let gate = AttemptGate(file: file, clock: HandClock())
        let attempt = try gate.begin(uid: 7, wait: false) { true }
        attempt.failed()
        attempt.succeeded()
        attempt.failed()
        #expect(gate.retryAfter(uid: 7) == .milliseconds(250))
    }

    @Test func oneUsersPauseIsNobodyElses() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        try fail(gate, clock, uid: 7, times: 9)
        let own = try gate.begin(uid: 8, wait: false) { true }
        let other = try gate.begin(uid: 9, wait: false) { true }
        own.succeeded()
        other.succeeded()
        #expect(gate.retryAfter(uid: 7) == .seconds(30))
    }

    // MARK: Surviving a restart

    @Test func pausesSurviveTheAgent() throws {
        let clock = HandClock()
        try fail(AttemptGate(file: file, clock: clock), clock, times: 6)
        clock.pass(.seconds(3))
        let gate = AttemptGate(file: file, clock: clock)
        #expect(gate.warning == nil && gate.retryAfter(uid: 7) == .seconds(5))
        let mode = try #require(
            try FileManager.default.attributesOfItem(atPath: file.string)[.posixPermissions] as? Int)
        #expect(mode == 0o600)
        clock.pass(.seconds(5))
        try gate.begin(uid: 7, wait: false) { true }.succeeded()
        #expect(AttemptGate(file: file, clock: clock).retryAfter(uid: 7) == .zero)
    }

    @Test(arguments: [-1_000_000, 1_000_000]) func theWallClockCountsForNothingWithinOneBoot(_ seconds: Int) throws {
        let clock = HandClock()
        try fail(AttemptGate(file: file, clock: clock), clock, times: 6)
        clock.setWall(by: .seconds(seconds))
        #expect(AttemptGate(file: file, clock: clock).retryAfter(uid: 7) == .seconds(8))
        clock.suspend(.seconds(7))
        #expect(AttemptGate(file: file, clock: clock).retryAfter(uid: 7) == .seconds(1))
    }

    @Test func afterARebootTheWallClockCounts() throws {
        let clock = HandClock()
        try fail(AttemptGate(file: file, clock: clock), clock, times: 6)
        let epoch = clock.sinceEpoch()
        let later = HandClock(sinceBoot: .seconds(5), sinceEpoch: epoch + .seconds(6), bootID: "second")
        #expect(AttemptGate(file: file, clock: later).retryAfter(uid: 7) == .seconds(2))
        // Set back by years, it cannot lengthen the pause, and cannot stop it either.
        let back = HandClock(sinceBoot: .seconds(5), sinceEpoch: .seconds(0), bootID: "second")
        let gate = AttemptGate(file: file, clock: back)
        #expect(gate.retryAfter(uid: 7) == .seconds(8))
        back.pass(.seconds(7))
        #expect(gate.retryAfter(uid: 7) == .seconds(1))
    }

    @Test func withoutABootIDEachStartOfTheAgentGoesByTheWallClock() throws {
        let clock = HandClock(bootID: nil)
        let gate = AttemptGate(file: file, clock: clock)
        try fail(gate, clock, times: 6)
        clock.setWall(by: .seconds(1000))
        #expect(gate.retryAfter(uid: 7) == .seconds(8))
        clock.setWall(by: .seconds(-995))
        #expect(AttemptGate(file: file, clock: clock).retryAfter(uid: 7) == .seconds(3))
    }

    @Test(arguments: [
        "", "\n", "blazedb-agent attempts 2\n", "blazedb-agent attempts 1", "blazedb-agent attempts 1\n7 1 0 b",
        "blazedb-agent attempts 1\n7 0 0 b 0\n", "blazedb-agent attempts 1\n7 99999999 0 b 0\n",
        "blazedb-agent attempts 1\n7 1 0  0\n", "blazedb-agent attempts 1\n7 1 0 b 0 \n",
        "blazedb-agent attempts 1\n7 1 99999999999999999999 b 0\n", "blazedb-agent attempts 1\n-7 1 0 b 0\n",
        "blazedb-agent attempts 1\n7 1 0 b 0\n7 1 0 b 0\n", "\u{0}", String(repeating: "x", count: 20_000),
    ]) func aBrokenFileCountsAsTheLongestPause(_ text: String) throws {
        try FileManager.default.createDirectory(
            atPath: file.removingLastComponent().string, withIntermediateDirectories: false)
        try directory.write(Array(text.utf8), to: "state/attempts")
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        #expect(gate.warning?.contains("attempts") == true)
        #expect(gate.retryAfter(uid: 7) == .seconds(30) && gate.retryAfter(uid: 8) == .seconds(30))
        clock.pass(.seconds(30))
        try gate.begin(uid: 7, wait: false) { true }.succeeded()
        #expect(gate.warning == nil)
        #expect(AttemptGate(file: file, clock: clock).warning == nil)
    }

    @Test func hugeNumbersAreHeldInBounds() throws {
        try FileManager.default.createDirectory(
            atPath: file.removingLastComponent().string, withIntermediateDirectories: false)
        let text =
            "blazedb-agent attempts 1\n7 1000000 \(Int64.max) first \(Int64.max)\n8 3 \(Int64.min) x \(Int64.min)\n"
        try directory.write(Array(text.utf8), to: "state/attempts")
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        #expect(gate.warning == nil && gate.retryAfter(uid: 7) == .seconds(30) && gate.retryAfter(uid: 8) == .zero)
        try fail(gate, clock)
        #expect(gate.retryAfter(uid: 7) == .seconds(30))
    }

    @Test func aFileThatCannotBeWrittenIsTold() throws {
        try directory.write([], to: "state")
        let gate = AttemptGate(file: file, clock: HandClock())
        #expect(try gate.begin(uid: 7, wait: false) { true }.failed() == .milliseconds(250))
        #expect(gate.warning?.contains("pauses after wrong passphrases end with the agent") == true)
        #expect(throws: AttemptError(.rateLimited)) { try gate.begin(uid: 7, wait: false) { true } }
    }

    // MARK: Waiting

    /// Begins an attempt on a thread of its own; tells when it has its place in the queue.
    private func waiting(
        _ gate: AttemptGate, isWanted: @escaping @Sendable () -> Bool = { true },
        then: @escaping @Sendable (Result<AttemptGate.Attempt, AttemptError>) -> Void
    ) -> DispatchSemaphore {
        let (queued, done) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        Thread.detachNewThread {
            do throws(AttemptError) {
                let attempt = try gate.begin(uid: 7, wait: true) {
                    queued.signal()
                    return isWanted()
                }
                then(.success(attempt))
            } catch {
                then(.failure(error))
            }
            done.signal()
        }
        queued.wait()
        return done
    }

    @Test func attemptsTakeTurnsInTheirOrder() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        let order = Mutex<[Int]>([])
        let running = Mutex(0)
        let first = try gate.begin(uid: 7, wait: true) { true }
        let all = (1...8).map { number in
            waiting(gate) { result in
                guard case .success(let attempt) = result else { return }
                let others = running.withLock { count -> Int in
                    count += 1
                    return count
                }
                order.withLock { $0.append(others == 1 ? number : -number) }
                running.withLock { $0 -= 1 }
                attempt.succeeded()
            }
        }
        first.succeeded()
        for done in all { done.wait() }
        #expect(order.withLock { $0 } == Array(1...8))
    }

    @Test func waitingLastsAsLongAsThePause() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        try fail(gate, clock, times: 5)
        let began = Mutex<Duration?>(nil)
        let done = waiting(gate) { result in
            if case .success(let attempt) = result {
                began.withLock { $0 = clock.sinceBoot() }
                attempt.succeeded()
            }
        }
        let start = clock.sinceBoot()
        clock.pass(.seconds(4))
        done.wait()
        #expect(began.withLock { $0 } == start + .seconds(4))
    }

    @Test func whoGoesAwayLosesThePlaceAndHoldsNobodyUp() throws {
        let clock = HandClock()
        let gate = AttemptGate(file: file, clock: clock)
        let first = try gate.begin(uid: 7, wait: true) { true }
        let isWanted = Mutex(true)
        let outcome = Mutex<[String]>([])
        let gone = waiting(gate, isWanted: { isWanted.withLock { $0 } }) { result in
            if case .failure(let error) = result { outcome.withLock { $0.append("\(error.code)") } }
        }
        let last = waiting(gate) { result in
            if case .success(let attempt) = result {
                outcome.withLock { $0.append("last") }
                attempt.succeeded()
            }
        }
        isWanted.withLock { $0 = false }
        gone.wait()
        first.succeeded()
        last.wait()
        #expect(outcome.withLock { $0 } == ["cancelled", "last"])
    }
}
