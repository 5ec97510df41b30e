internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import Synchronization

/// A job whose end this command waits for: shows its progress, and lets Ctrl-C ask it to end.
///
/// Until there is a job, signals do what they always do: a password may be asked for. From then on the first Ctrl-C asks the
/// agent to cancel the job and goes on waiting, so that what the user sees is its end; the second one leaves. Other signals leave
/// at once. The job goes on without its client.
struct AttendedJob {
    private let context: Context

    private final class Wishes: Sendable {
        struct State {
            var id: UInt64?
            var interrupts = 0
        }
        let state = Mutex(State())
        var interrupts: Int { state.withLock { $0.interrupts } }
    }

    init(_ context: Context) {
        self.context = context
    }

    /// Runs `body`, which tells of the job as it comes.
    ///
    /// - Throws: what `body` throws; as an interruption when it ended because of Ctrl-C.
    func run<T>(_ body: ((WireJob) -> Void) throws -> T) throws -> T {
        let wishes = Wishes()
        var isWatching = false
        defer { context.progress(nil) }
        var hasToldHolder = false
        do {
            return try body { job in
                wishes.state.withLock { $0.id = job.id }
                if !isWatching {
                    isWatching = true
                    watchSignals(wishes)
                }
                if job.state == .waiting, job.hasWaitsFor, !hasToldHolder, !context.global.quiet {
                    hasToldHolder = true
                    context.progress(nil)
                    context.say("\(job.title) is open in \(LockHolder(job.waitsFor).title); waiting for it")
                }
                context.progress("\(context.printable(job.title)): \(context.printable(job.progressText))")
            }
        } catch let error as ClientError where error.fault != nil {
            context.progress(nil)
            if let id = wishes.state.withLock({ $0.id }) { tellRecovery(of: id) }
            guard error.fault?.code == .cancelled, wishes.interrupts > 0 else { throw error }
            var failure = CommandFailure(error)
            failure.message = "the job was cancelled; the database is as it was"
            failure.hint = ""
            failure.signal = Signals.interrupt
            throw failure
        }
    }

    /// What the job put right before it failed stays so, and is told whatever became of the rest. An error in JSON is one object,
    /// with no room for it: `jobs show` tells it there.
    private func tellRecovery(of id: UInt64) {
        guard context.format != .json else { return }
        var request = WireJobsShowRequest()
        request.id = id
        // Where the agent does not answer any more, the error that ends the command says so.
        guard let job = try? context.call(request).job else { return }
        for line in job.recoveryLines { context.say(line) }
    }

    /// Signals are taken by a thread from here on, since the main one waits for the agent. Where that cannot be, Ctrl-C leaves,
    /// and the job goes on.
    private func watchSignals(_ wishes: Wishes) {
        guard Signals.block() else {
            context.say("warning: Ctrl-C will not cancel the job: blazectl jobs cancel does")
            return
        }
        let cancel = cancel
        do throws(ThreadError) {
            try spawnThread(named: "signals") {
                while let signal = Signals.wait() {
                    guard signal == Signals.interrupt else { Signals.leave(by: signal) }
                    let (id, count) = wishes.state.withLock { state in
                        state.interrupts += 1
                        return (state.id, state.interrupts)
                    }
                    guard count == 1 else { Signals.leave(by: signal) }
                    if let id { cancel(id) }
                }
            }
        } catch {
            context.say("warning: no thread is left to wait for Ctrl-C: blazectl jobs cancel ends the job")
        }
    }

    /// Asks on a connection of its own, since the other one waits for the job.
    private var cancel: @Sendable (UInt64) -> Void {
        let (launcher, limit) = (context.launcher, context.replyLimit)
        return { id in
            var request = WireJobsCancelRequest()
            request.id = id
            // An agent that does not answer ends the job, or the other connection tells why not.
            _ = try? launcher.connect(replyLimit: limit).call(request)
        }
    }
}
