internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// jobs-list, jobs-show and jobs-cancel.
enum JobHandlers {
    static func list(_ request: WireJobsListRequest, _ call: Call) -> WireJobsListReply {
        let jobs = call.state.jobs
        jobs.resolveInterrupted(in: call.state.changing)
        var reply = WireJobsListReply()
        reply.jobs = jobs.all.map(WireJob.init)
        reply.warnings = jobs.problems
        return reply
    }

    static func show(_ request: WireJobsShowRequest, _ call: Call) throws -> WireJobsShowReply {
        let jobs = call.state.jobs
        if try jobs.job(request.id).state == .interrupted { jobs.resolveInterrupted(in: call.state.changing) }
        var reply = WireJobsShowReply()
        reply.job = WireJob(request.follow ? try JobFollowing.follow(request.id, call) : try jobs.job(request.id))
        return reply
    }

    static func cancel(_ request: WireJobsCancelRequest, _ call: Call) throws -> WireJobsCancelReply {
        let fault = Fault(
            .cancelled, "job \(request.id) was cancelled on request of process \(call.peer.processID)",
            hint: "the database is as it was; run the command again when you like")
        var reply = WireJobsCancelReply()
        reply.job = WireJob(try call.state.jobs.cancel(request.id, because: JobFailure(fault)))
        return reply
    }
}
