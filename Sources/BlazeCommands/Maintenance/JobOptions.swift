internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

/// How a job is begun, and whether its end is waited for.
struct JobOptions: ParsableArguments {
    @Flag(help: "Begin the job, print its number, and do not wait for its end.")
    var detach = false

    @Option(help: ArgumentHelp("Wait so long for the database's lock: 30s, 5m.", valueName: "time"))
    var wait: WaitArgument?

    @Flag(name: .shortAndLong, help: "Do not ask.")
    var yes = false

    func validate() throws {
        if let wait, wait.duration > .seconds(86_400) { throw ValidationError("--wait takes at most a day") }
    }

    var waiting: Duration { wait?.duration ?? .zero }

    /// The wait in nanoseconds.
    var wireWait: UInt64 { UInt64(max(0, waiting / .nanoseconds(1))) }

    /// Runs a job, and looks for what stands in its way when the database is too damaged for it.
    ///
    /// - Parameter refusal: tells that; nil where a look finds nothing.
    func run<T>(_ job: () throws -> T, orTell refusal: () throws -> CommandFailure?) throws -> T {
        do {
            return try job()
        } catch let error as ClientError where error.fault?.code == .damaged {
            let found: CommandFailure?
            do {
                found = try refusal()
            } catch is ClientError {
                // It cannot even be looked at: the job's own words are as good.
                found = nil
            }
            throw found ?? CommandFailure(error)
        }
    }

    /// Shows what would be done, and has the database's name typed.
    ///
    /// - Parameters:
    ///   - done: what the database would be, such as `repaired`.
    ///   - look: what shows the preview without asking.
    /// - Throws: `CommandFailure`: where nobody can be asked, and where something else is typed.
    func confirm(typing word: String, _ done: String, look: String, after preview: [String], _ context: Context) throws
    {
        guard try Asker(context).canConfirm else {
            throw CommandFailure(
                .promptNeeded, "confirmation-needed", "the database would be \(done)",
                hint: "\(look) shows what there is to do; --yes does it without asking")
        }
        for line in preview { context.say(line) }
        guard try Asker.confirm(typing: word) else {
            throw CommandFailure(.failure, "declined", "nothing was changed")
        }
    }

    /// Shows what would be done and asks once.
    ///
    /// - Parameters:
    ///   - done: what the database would be, such as `vacuumed`.
    ///   - look: what shows the preview without asking.
    /// - Throws: `CommandFailure`: where nobody can be asked, and where the answer is no.
    func confirm(_ question: String, _ done: String, look: String, after preview: [String], _ context: Context) throws {
        guard try Asker(context).canConfirm else {
            throw CommandFailure(
                .promptNeeded, "confirmation-needed", "the database would be \(done)",
                hint: "\(look) shows what that gains; --yes does it without asking")
        }
        for line in preview { context.say(line) }
        guard try Asker.confirm(question) else {
            throw CommandFailure(.failure, "declined", "nothing was changed")
        }
    }
}
