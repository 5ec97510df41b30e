internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// Tells a client of a job, until it is over or the client has had enough: the job goes on without it.
enum JobFollowing {
    /// A part comes at least so often, so that a silence means something.
    private static let alive: Duration = .seconds(1)

    /// Sends the job as it is, again and again.
    ///
    /// - Returns: the job as it was last.
    /// - Throws: `ConnectionLost` when the client has gone; `Fault.stopping` when the agent stops before the job is over.
    static func follow(_ id: UInt64, _ call: Call) throws -> Job {
        let jobs = call.state.jobs
        let pipe = try WakePipe()
        let listener = jobs.changes.add { pipe.wake() }
        defer { jobs.changes.remove(listener) }
        while true {
            pipe.clear()
            let job = try jobs.job(id)
            guard job.state.isActive else { return job }
            try send(job, call)
            guard call.responder.waitForClient(or: pipe, within: alive) else { continue }
            // An agent that stops ends all streams, but its jobs have their end, which clients want to know.
            guard call.state.connections.isStopping else { return job }
            _ = waitForInput([pipe.descriptor], within: .milliseconds(50))
        }
    }

    private static func send(_ job: Job, _ call: Call) throws {
        var part = WireJobPart()
        part.job = WireJob(job)
        try call.responder.part(part)
    }

    /// The same for whoever began the job, who is told of its failure as one of the request.
    ///
    /// - Throws: the `Fault` by which the job ended.
    static func attend(_ id: UInt64, _ call: Call) throws -> Job {
        // One that is over at once has a number all the same, by which its client can ask what it has done.
        try send(try call.state.jobs.job(id), call)
        let job = try follow(id, call)
        if job.state == .failed || job.state == .cancelled, let failure = job.failure {
            throw Fault(failure, target: job.title, holder: job.holder)
        }
        return job
    }
}
