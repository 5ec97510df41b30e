internal import BlazePlatform
public import BlazeProtocol

extension AgentLauncher {
    /// An agent that was ended.
    public struct Stopped: Sendable {
        /// Its process.
        public let processID: Int32
        /// What it told of itself before; nil when it could not be asked.
        public let status: WireStatusReply?
    }

    /// Ends the agent and waits until it is gone. An agent of a version that this client cannot talk to gets SIGTERM
    /// instead of a request, so that an upgrade never leaves one behind that nobody can stop.
    ///
    /// - Parameters:
    ///   - replyLimit: how long the agent may take to answer.
    ///   - asksStatus: whether to ask for its status first.
    /// - Throws: `noAgent` when none runs, `timedOut` when it does not answer or does not end, and what `call` throws.
    public func stop(
        replyLimit: Duration = .seconds(120), asksStatus: Bool = false
    ) throws(ClientError) -> Stopped {
        let status: WireStatusReply?
        do throws(ClientError) {
            // In a time of its own: what keeps the status from coming must not keep the agent alive.
            let connection = try connect(replyLimit: .seconds(2))
            status = asksStatus ? try? connection.call(WireStatusRequest()) : nil
        } catch {
            guard error.code == .unsupportedProtocol, let processID = error.processID else { throw error }
            return try terminate(processID, otherwise: error)
        }
        let connection = try connect(replyLimit: replyLimit)
        let processID = try connection.call(WireStopRequest()).pid
        guard connection.waitForEnd(within: .seconds(5)) else {
            throw ClientError(
                .timedOut, "the agent (pid \(processID)) was told to stop and has not ended",
                hint: "see its log, \(paths.log.displayString); if it stays, end it: kill -9 \(processID)",
                processID: processID)
        }
        return Stopped(processID: processID, status: status)
    }

    private func terminate(_ processID: Int32, otherwise error: ClientError) throws(ClientError) -> Stopped {
        guard ProcessState.terminate(processID) else { throw error }
        let deadline = Deadline.after(.seconds(5))
        while deadline.millisecondsLeft > 0 {
            do throws(ClientError) {
                _ = try connect()
                // Another agent, that this client can talk to, has its place already.
                return Stopped(processID: processID, status: nil)
            } catch {
                if error.code == .noAgent { return Stopped(processID: processID, status: nil) }
            }
            waitMilliseconds(20)
        }
        throw ClientError(
            .timedOut, "the agent (pid \(processID)) of another version was sent SIGTERM and has not ended",
            hint: "end it: kill -9 \(processID)", processID: processID)
    }
}
