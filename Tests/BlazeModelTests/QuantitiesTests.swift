import BlazeModel
import Testing

@Suite struct QuantitiesTests {
    @Test(
        arguments: [
            ("0", 0), ("512", 512), ("10K", 10240), ("10k", 10240), ("10KB", 10240), ("10KiB", 10240),
            ("1.5M", 1_572_864),
            ("2G", 2 << 30), ("1T", 1 << 40), ("7B", 7),
        ] as [(String, UInt64)])
    func sizes(text: String, bytes: UInt64) { #expect(Quantities.bytes(text) == bytes) }

    @Test(
        arguments: [
            ("45s", 45), ("30m", 1800), ("12h", 43200), ("90d", 7_776_000), ("2w", 1_209_600), ("1.5h", 5400),
            ("0s", 0),
        ] as [(String, UInt64)])
    func durations(text: String, seconds: UInt64) { #expect(Quantities.seconds(text) == seconds) }

    @Test(arguments: [
        "", "K", "-1", "1..5M", "1.M", "1.2.3M", "10X", "1 K", "99999999999999999999", "18446744073709551615K", "0x10",
        "1e3",
        "1.1234567K",
    ])
    func noSizes(text: String) { #expect(Quantities.bytes(text) == nil) }

    @Test(arguments: ["", "d", "90", "-1d", "90 d", "90D", "1y", "1.d", "18446744073709551615w"])
    func noDurations(text: String) { #expect(Quantities.seconds(text) == nil) }
}
