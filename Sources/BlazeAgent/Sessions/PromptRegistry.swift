internal import BlazePlatform
internal import BlazeProtocol
internal import Synchronization
internal import SystemPackage

/// Which client asks its user for a secret that several may need at once: the first that can. The others wait for it, so
/// that a hundred commands ask once.
final class PromptRegistry: Sendable {
    /// What is asked for.
    enum Subject: Hashable, Sendable {
        case vault
        case database(FilePath)
    }

    /// What a client is told.
    enum Turn: Sendable {
        /// To ask.
        case ask(ticket: UInt64, left: Duration)
        /// That what was needed is there now.
        case retry
        /// That nobody asks, and it cannot itself.
        case nobody
    }

    /// How a prompt came to its end.
    private enum Outcome: Sendable {
        case answered
        case cancelled
        case timedOut
    }

    /// A client whose user has not answered ends by itself when the time is over; one that ends so shortly before has counted
    /// the same time from a little earlier.
    private static let clockDifference: Duration = .seconds(1)

    private struct Prompt {
        let ticket: UInt64
        /// The connection that asks: its end is the prompt's.
        let connection: UInt64
        let deadline: Deadline
        var waiters: [UInt64: Waiter] = [:]
    }

    private final class Waiter: Sendable {
        let pipe: WakePipe
        let outcome = Mutex<Outcome?>(nil)
        init() throws(ThreadError) { pipe = try WakePipe() }
    }

    private struct State {
        var prompts: [Subject: Prompt] = [:]
        var next: UInt64 = 0
    }

    private let state = Mutex(State())
    /// How long a user may take.
    let limit: Duration

    init(limit: Duration = .seconds(60)) {
        self.limit = limit
    }

    /// Gives a client its turn to ask, or waits with it for the one that asks.
    ///
    /// - Parameter isThere: whether what would be asked for has come meanwhile.
    /// - Throws: `Fault.promptEnded` when the one that asks has no answer; `ConnectionLost`; `ThreadError`.
    func turn(
        _ subject: Subject, canAsk: Bool, connection: UInt64, _ responder: Responder, isThere: () -> Bool
    ) throws -> Turn {
        // A connection asks its user one question at a time.
        endWhere(.cancelled) { $0.connection == connection && $1 != subject }
        let waiter = try Waiter()
        var left = limit
        var number: UInt64 = 0
        let turn: Turn? = state.withLock { state in
            state.next += 1
            number = state.next
            if isThere() { return .retry }
            if var prompt = state.prompts[subject], prompt.deadline.millisecondsLeft > 0 {
                left = .milliseconds(Int64(prompt.deadline.millisecondsLeft))
                // Asking again gives nobody more time.
                if prompt.connection == connection { return .ask(ticket: prompt.ticket, left: left) }
                prompt.waiters[number] = waiter
                state.prompts[subject] = prompt
                return nil
            }
            guard canAsk else { return .nobody }
            // One whose time is over leaves nobody behind: its waiters have counted the same time.
            state.prompts[subject] = Prompt(ticket: number, connection: connection, deadline: .after(limit))
            return .ask(ticket: number, left: limit)
        }
        if let turn { return turn }
        let isClient = responder.waitForClient(or: waiter.pipe, within: left)
        state.withLock { _ = $0.prompts[subject]?.waiters.removeValue(forKey: number) }
        switch waiter.outcome.withLock({ $0 }) {
        case .answered: return .retry
        case .cancelled:
            throw Fault(
                .promptEnded, "the question on another terminal was cancelled", hint: "run the command again")
        case nil where isClient: throw ConnectionLost()
        case nil, .timedOut:
            throw Fault(
                .promptEnded,
                "the question on another terminal was not answered within \(Int(limit / .seconds(1))) seconds",
                hint: "run the command again")
        }
    }

    /// How many requests wait for an answer.
    var waiterCount: Int { state.withLock { $0.prompts.values.reduce(0) { $0 + $1.waiters.count } } }

    /// What was asked for is there: by the one that asked, or by another way.
    func satisfied(_ subject: Subject) {
        let prompt = state.withLock { $0.prompts.removeValue(forKey: subject) }
        end(prompt, .answered)
    }

    /// A prompt without an answer, by its ticket.
    func cancelled(_ ticket: UInt64, connection: UInt64) {
        endWhere(.cancelled) { prompt, _ in prompt.ticket == ticket && prompt.connection == connection }
    }

    /// A connection has ended, and its questions with it.
    func ended(connection: UInt64) {
        endWhere(.cancelled) { prompt, _ in prompt.connection == connection }
    }

    /// Whether the connection's user is being asked now.
    func isAsking(connection: UInt64) -> Bool {
        state.withLock { state in
            state.prompts.values.contains { $0.connection == connection && $0.deadline.millisecondsLeft > 0 }
        }
    }

    private func endWhere(_ outcome: Outcome, _ isMeant: (Prompt, Subject) -> Bool) {
        let prompts = state.withLock { state in
            let found = state.prompts.filter { isMeant($0.value, $0.key) }
            for subject in found.keys { state.prompts[subject] = nil }
            return Array(found.values)
        }
        for prompt in prompts {
            let left = Duration.milliseconds(Int64(prompt.deadline.millisecondsLeft))
            end(prompt, outcome == .cancelled && left < Self.clockDifference ? .timedOut : outcome)
        }
    }

    private func end(_ prompt: Prompt?, _ outcome: Outcome) {
        for waiter in prompt.map({ Array($0.waiters.values) }) ?? [] {
            waiter.outcome.withLock { $0 = outcome }
            waiter.pipe.wake()
        }
    }
}
