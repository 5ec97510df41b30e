#if os(Linux)
    import Dispatch
    import Foundation
    import Synchronization
    import Testing

    @testable import BlazeLogind

    /// What is told of a mock of logind on a bus of the test's own. One at a time: the bus is named by the environment.
    @Suite(.serialized) struct LoginWatchTests {
        private static let uid: UInt32 = 4711

        /// A watch that runs, and what it has told.
        private final class Running: Sendable {
            let watch: LoginWatch
            private let events = Mutex<[LoginEvent]>([])
            private let told = DispatchSemaphore(value: 0)
            private let ended = DispatchSemaphore(value: 0)

            init(recountPause: Duration = .seconds(60), onSleep: @escaping @Sendable () -> Void = {}) throws {
                watch = try LoginWatch(userID: LoginWatchTests.uid, recountPause: recountPause)
                let (watch, ended) = (watch, ended)
                Thread.detachNewThread { [weak self] in
                    watch.run { event in
                        if event == .sleep { onSleep() }
                        self?.note(event)
                    }
                    ended.signal()
                }
            }

            private func note(_ event: LoginEvent) {
                events.withLock { $0.append(event) }
                told.signal()
            }

            /// The next event; nil when none comes.
            func next(within seconds: Double = 15) -> LoginEvent? {
                guard told.wait(timeout: .now() + seconds) == .success else { return nil }
                return events.withLock { $0.removeFirst() }
            }

            func isOver() -> Bool { ended.wait(timeout: .now() + 15) == .success }

            func reaches(_ wanted: (LoginWatchState) -> Bool) -> Bool {
                let deadline = ContinuousClock.now + .seconds(30)
                while ContinuousClock.now < deadline {
                    if wanted(watch.state) { return true }
                    _ = DispatchSemaphore(value: 0).wait(timeout: .now() + 0.01)
                }
                return false
            }

            func watches() -> Bool { reaches { $0 == .watching(delaysSleep: true) } }
        }

        private func until(_ condition: () throws -> Bool) rethrows -> Bool {
            let deadline = ContinuousClock.now + .seconds(15)
            while ContinuousClock.now < deadline {
                if try condition() { return true }
                _ = DispatchSemaphore(value: 0).wait(timeout: .now() + 0.01)
            }
            return false
        }

        @Test func whatLogindTells() throws {
            let logind = try MockLogind()
            defer { try? logind.close() }
            let asleep = DispatchSemaphore(value: 0)
            let mayGoOn = DispatchSemaphore(value: 0)
            let running = try Running {
                asleep.signal()
                mayGoOn.wait()
            }
            #expect(running.watches())
            #expect(try logind.tell("inhibitors") == "1")

            // The machine waits for the handler, and for nothing longer.
            try logind.tell("sleep true")
            #expect(asleep.wait(timeout: .now() + 15) == .success)
            #expect(try logind.tell("inhibitors") == "1")
            mayGoOn.signal()
            #expect(running.next() == .sleep)
            #expect(try until { try logind.tell("inhibitors") == "0" })
            try logind.tell("sleep false")
            #expect(running.next() == .wake)
            #expect(try until { try logind.tell("inhibitors") == "1" })
            #expect(running.watches())

            try logind.tell("shutdown")
            #expect(running.next() == .shutdown)
            running.watch.stop()
            #expect(running.isOver())
            #expect(try until { try logind.tell("inhibitors") == "0" })
        }

        @Test func sessionsOfTheUserOnly() throws {
            let logind = try MockLogind()
            defer { try? logind.close() }
            try logind.tell("session mine \(Self.uid)")
            let running = try Running()
            #expect(running.watches())
            try logind.tell("session other 99")
            try logind.tell("lock other")
            try logind.tell("hint other true")
            try logind.tell("lock mine")
            #expect(running.next() == .screenLock)
            // Unlocking is nothing; what a desktop itself locks is told by a property.
            try logind.tell("hint mine true")
            #expect(running.next() == .screenLock)
            try logind.tell("hint mine false")

            try logind.tell("session second \(Self.uid)")
            try logind.tell("end other")
            try logind.tell("end mine")
            try logind.tell("end second")
            #expect(running.next() == .logout)
            // A greeter in the user's name is nobody who is logged in.
            try logind.tell("session greeter \(Self.uid)")
            try logind.tell("class greeter greeter")
            try logind.tell("session third \(Self.uid)")
            try logind.tell("end third")
            try logind.tell("shutdown")
            let rest = [running.next(), running.next()]
            #expect(rest == [.logout, .shutdown])
            running.watch.stop()
            #expect(running.isOver())
        }

        @Test func aSessionThatIsLeftButNotGone() throws {
            let logind = try MockLogind()
            defer { try? logind.close() }
            try logind.tell("session mine \(Self.uid)")
            let running = try Running(recountPause: .milliseconds(200))
            #expect(running.watches())
            try logind.tell("leave mine")
            #expect(running.next() == .logout)
            running.watch.stop()
            #expect(running.isOver())
        }

        @Test func theBusMayGoAndComeBack() throws {
            let logind = try MockLogind()
            defer { try? logind.close() }
            try logind.tell("session mine \(Self.uid)")
            let running = try Running()
            #expect(running.watches())
            try logind.tell("stop")
            #expect(
                running.reaches { if case .unavailable(let reason) = $0 { !reason.isEmpty } else { false } })
            try logind.tell("start")
            #expect(running.watches())
            // The session ended while nobody could tell.
            #expect(running.next() == .logout)
            try logind.tell("sleep true")
            #expect(running.next() == .sleep)
            running.watch.stop()
            #expect(running.isOver())
        }

        @Test func withoutABus() throws {
            setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", 1)
            let running = try Running()
            #expect(running.reaches { if case .unavailable = $0 { true } else { false } })
            // While it pauses, it can be stopped.
            running.watch.stop()
            #expect(running.isOver())
        }

        /// A bus that takes the connection and says nothing.
        @Test func aSilentBus() throws {
            let path = "/tmp/blazedb-silent-\(getpid())"
            let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            defer {
                close(fd)
                unlink(path)
            }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(fd, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            #expect(bound == 0 && listen(fd, 5) == 0)
            setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=\(path)", 1)
            let stopped = try Running()
            stopped.watch.stop()
            #expect(stopped.isOver())
            let running = try Running()
            #expect(running.reaches { if case .unavailable = $0 { true } else { false } })
            running.watch.stop()
            #expect(running.isOver())
        }
    }
#endif
