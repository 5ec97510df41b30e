import BlazePlatform
import SystemPackage
import Testing
import TestSupport

@testable import BlazeAgent

/// Agents at several sockets may share the state directory: none writes into another's journal.
@Suite struct JournalPlaceTests {
    private let directory: TemporaryDirectory
    private let paths: AgentPaths

    init() throws {
        directory = try TemporaryDirectory()
        var paths = AgentPaths(environment: [:], home: directory.path, userID: CurrentUser.id)
        paths.state = directory.path.appending("state")
        try PrivateDirectory.ensure(paths.state)
        self.paths = paths
    }

    @Test func eachAgentHasItsOwn() {
        let first = AgentPlace.journal(paths)
        #expect(first.directory == paths.jobs && first.lock != nil)
        do {
            let second = AgentPlace.journal(paths)
            #expect(second.directory == paths.state.appending("jobs-2") && second.lock != nil)
            #expect(AgentPlace.journal(paths).directory == paths.state.appending("jobs-3"))
            withExtendedLifetime(second) {}
        }
        // The next agent takes over what the last one left.
        #expect(AgentPlace.journal(paths).directory == paths.state.appending("jobs-2"))
        withExtendedLifetime(first) {}
    }

    @Test func aPlaceThatCannotBeUsedKeepsNobodyFromStarting() throws {
        _ = try directory.write([1], to: "state/jobs")
        let journal = AgentPlace.journal(paths)
        #expect(journal.directory == paths.jobs && journal.lock == nil)
    }
}
