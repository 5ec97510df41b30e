internal import BlazeModel
internal import BlazePlatform

/// Why a job did not begin, or could not be found. Compared by code.
public struct JobError: Error, Sendable, Equatable {
    /// What kind of error it is.
    public enum Code: Sendable, Equatable {
        /// Another job works on the database.
        case busy
        /// No job has that number.
        case notFound
        /// The journal cannot be written: a job that it does not know must not begin.
        case journalFailed
        /// The agent is stopping.
        case stopping
    }

    /// What kind of error it is.
    public let code: Code
    /// What happened.
    public let message: String
    /// What to do next; may be empty.
    public let hint: String

    init(_ code: Code, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// Another job works on the database.
    public init(busyWith job: Job) {
        self.init(
            .busy, "\(job.title) is busy: job \(job.id) (\(job.kind.rawValue)) works on it",
            hint: "blazectl jobs show \(job.id) --follow waits for its end; blazectl jobs cancel \(job.id) ends it")
    }

    init(noJob id: UInt64) {
        self.init(.notFound, "there is no job \(id)", hint: "blazectl jobs ls shows them")
    }

    init(_ error: StorageError) {
        self.init(
            .journalFailed, "the job cannot be written down, so it was not begun: \(error)",
            hint: "make room for the agent's state directory, or let it be written")
    }

    /// Errors are equal when their codes are.
    public static func == (a: JobError, b: JobError) -> Bool { a.code == b.code }
}
