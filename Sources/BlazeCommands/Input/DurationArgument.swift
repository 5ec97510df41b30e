internal import ArgumentParser
internal import BlazeModel

/// A duration as people write it: `90d`, `12h`, `30m`, `45s`, `2w`.
struct DurationArgument: ExpressibleByArgument {
    let seconds: UInt64

    init?(argument: String) {
        guard let seconds = Quantities.seconds(argument) else { return nil }
        self.seconds = seconds
    }
}
