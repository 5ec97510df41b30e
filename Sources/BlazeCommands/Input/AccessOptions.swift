internal import ArgumentParser
internal import BlazeClient
internal import BlazeModel

/// How well figures are to be founded.
enum TierArgument: String, ExpressibleByArgument, CaseIterable {
    case file
    case observe
    case lease

    var wire: WireTier {
        switch self {
        case .file: .file
        case .observe: .observe
        case .lease: .lease
        }
    }
}

/// How long to wait, as people write it: 500ms, 30s, 5m, 2h; a bare number is seconds.
struct WaitArgument: ExpressibleByArgument, Equatable {
    let duration: Duration

    init?(argument: String) {
        if argument.hasSuffix("ms"), let count = UInt32(argument.dropLast(2)) {
            duration = .milliseconds(Int64(count))
        } else if let count = UInt32(argument) {
            duration = .seconds(Int64(count))
        } else if let seconds = Quantities.seconds(argument), let whole = Int64(exactly: seconds) {
            duration = .seconds(whole)
        } else {
            return nil
        }
    }
}

/// How closely to look, and whether to wait for the lock that this may take.
struct AccessOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "file: stat and metadata, no key. observe: with the key, no lock (default when unlocked). "
                + "lease: holding the lock meanwhile, so that nobody else can be writing.", valueName: "tier"))
    var tier: TierArgument?

    @Option(help: ArgumentHelp("Take the lock (--tier lease), and wait so long for it: 30s, 5m.", valueName: "time"))
    var wait: WaitArgument?

    func validate() throws {
        guard wait == nil || tier == nil || tier == .lease else {
            throw ValidationError("only --tier lease takes a lock that --wait could wait for")
        }
        if let wait, wait.duration > .seconds(86_400) { throw ValidationError("--wait takes at most a day") }
    }

    /// Whoever waits for a lock wants to have it.
    var wireTier: WireTier { wait != nil ? .lease : tier?.wire ?? .unspecified }

    var waiting: Duration { wait?.duration ?? .zero }

    /// The wait in nanoseconds.
    var wireWait: UInt64 { UInt64(max(0, waiting / .nanoseconds(1))) }
}
