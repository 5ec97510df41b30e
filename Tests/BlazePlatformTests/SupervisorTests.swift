import BlazePlatform
import Foundation
import Testing

@Suite struct SupervisorTests {
    static func listener(_ environment: [String: String]) throws -> Int32? {
        try Supervisor(environment: environment, processID: 42).listener
    }

    @Test func oneSocketIsTaken() throws {
        #expect(try Self.listener(["LISTEN_PID": "42", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "agent"]) == 3)
    }

    @Test(arguments: [
        [:], ["LISTEN_PID": "42"], ["LISTEN_FDS": "1"], ["LISTEN_PID": "41", "LISTEN_FDS": "1"],
        ["LISTEN_PID": "41", "LISTEN_FDS": "nonsense"],
    ])
    func nothingIsForThisProcess(_ environment: [String: String]) throws {
        #expect(try Self.listener(environment) == nil)
    }

    @Test(arguments: [
        ["LISTEN_PID": "", "LISTEN_FDS": "1"], ["LISTEN_PID": "0", "LISTEN_FDS": "1"],
        ["LISTEN_PID": "-42", "LISTEN_FDS": "1"], ["LISTEN_PID": "42x", "LISTEN_FDS": "1"],
        ["LISTEN_PID": "42", "LISTEN_FDS": "0"], ["LISTEN_PID": "42", "LISTEN_FDS": "2"],
        ["LISTEN_PID": "42", "LISTEN_FDS": ""], ["LISTEN_PID": "42", "LISTEN_FDS": "-1"],
        ["LISTEN_PID": "42", "LISTEN_FDS": "99999999999"],
    ])
    func nonsenseIsTold(_ environment: [String: String]) {
        #expect(throws: Supervisor.Nonsense.self) { try Self.listener(environment) }
    }

    @Test func withoutASupervisorNothingIsTold() throws {
        for environment in [[:], ["NOTIFY_SOCKET": ""], ["NOTIFY_SOCKET": "relative"], ["NOTIFY_SOCKET": "vsock:2:1"]] {
            try Supervisor(environment: environment, processID: 42).tell(.ready)
        }
    }

    @Test func aSupervisorThatIsNotThereIsAnError() throws {
        let supervisor = try Supervisor(environment: ["NOTIFY_SOCKET": "/nowhere/notify"], processID: 42)
        #expect(throws: (any Error).self) { try supervisor.tell(.ready) }
    }
}
