import BlazePlatform
import BlazeServices
import TestSupport
import Testing

/// When a session is over, by clocks that stand still until they are moved.
@Suite struct SessionTimerTests {
    private let clock = HandClock()
    private let timer: SessionTimer

    init() {
        timer = SessionTimer(clock: clock)
    }

    @Test func withoutASessionNothingIsDue() {
        clock.suspend(.seconds(100_000))
        #expect(timer.due() == nil && timer.deadlines() == SessionDeadlines())
        timer.touch()
        #expect(timer.due() == nil)
    }

    @Test func withoutLimitsASessionLasts() {
        timer.begin(SessionLimits())
        clock.pass(.seconds(10_000_000))
        #expect(timer.due() == nil && timer.deadlines().next == nil)
    }

    @Test func onlyTouchingExtendsTheIdleDeadline() {
        timer.begin(SessionLimits(idle: .seconds(60)))
        for _ in 0..<59 {
            clock.pass(.seconds(1))
            #expect(timer.due() == nil)
            _ = timer.deadlines()
        }
        #expect(timer.deadlines().idle == .seconds(1))
        timer.touch()
        #expect(timer.deadlines().idle == .seconds(60))
        clock.pass(.milliseconds(59_999))
        #expect(timer.due() == nil)
        clock.pass(.milliseconds(1))
        #expect(timer.due() == .idle && timer.deadlines().idle == .zero)
    }

    @Test func touchingTooLateRevivesNothing() {
        timer.begin(SessionLimits(idle: .seconds(60)))
        clock.pass(.seconds(60))
        timer.touch()
        #expect(timer.due() == .idle)
        timer.adopt(SessionLimits())
        #expect(timer.due() == .idle)
        timer.begin(SessionLimits(idle: .seconds(60)))
        #expect(timer.due() == nil)
    }

    @Test func theAbsoluteDeadlineIsNotExtended() {
        timer.begin(SessionLimits(idle: .seconds(60), absolute: .seconds(150)))
        for left in stride(from: 120, through: 30, by: -30) {
            clock.pass(.seconds(30))
            timer.touch()
            #expect(timer.deadlines() == SessionDeadlines(idle: .seconds(60), absolute: .seconds(left)))
        }
        #expect(timer.deadlines().next == .seconds(30))
        clock.pass(.seconds(30))
        #expect(timer.due() == .absolute)
        timer.end()
        #expect(timer.due() == nil && timer.deadlines().next == nil)
    }

    @Test func aJumpOfTwelveHoursIsSleep() {
        timer.begin(SessionLimits())
        clock.suspend(.seconds(12 * 3600))
        #expect(timer.due() == .suspend)
        // It stays so until the session is ended.
        #expect(timer.due() == .suspend)
    }

    @Test func sleepThatIsAllowedCountsForDeadlines() {
        timer.begin(SessionLimits(idle: .seconds(3600), endsWithSleep: false))
        clock.suspend(.seconds(1800))
        #expect(timer.due() == nil && timer.deadlines().idle == .seconds(1800))
        clock.suspend(.seconds(1800))
        #expect(timer.due() == .idle)
    }

    @Test func clocksThatDriftAreNoSleep() {
        timer.begin(SessionLimits())
        for _ in 0..<100 {
            clock.suspend(.seconds(2))
            #expect(timer.due() == nil)
        }
        clock.suspend(.milliseconds(2001))
        #expect(timer.due() == .suspend)
    }

    @Test func sleepBeforeTheSessionIsNotItsOwn() {
        clock.suspend(.seconds(3600))
        timer.begin(SessionLimits())
        #expect(timer.due() == nil)
    }

    @Test func settingTheWallClockChangesNothing() {
        timer.begin(SessionLimits(idle: .seconds(60)))
        clock.setWall(by: .seconds(1_000_000))
        #expect(timer.due() == nil && timer.deadlines().idle == .seconds(60))
        clock.setWall(by: .seconds(-2_000_000))
        #expect(timer.deadlines().idle == .seconds(60))
    }

    @Test func changedLimitsCountAtOnce() {
        timer.begin(SessionLimits())
        clock.pass(.seconds(100))
        timer.adopt(SessionLimits(idle: .seconds(90)))
        #expect(timer.due() == .idle)
    }

    @Test func theMachinesClocksRun() {
        let clock = SystemMachineClock()
        let (awake, boot) = (clock.awake(), clock.sinceBoot())
        #expect(boot > .zero && boot - awake > .seconds(-1))
        #expect(clock.sinceBoot() >= boot && clock.awake() >= awake)
        #expect(clock.sinceEpoch() > .seconds(1_700_000_000))
        #expect(clock.bootID?.isEmpty == false && clock.bootID == SystemMachineClock().bootID)
    }
}
