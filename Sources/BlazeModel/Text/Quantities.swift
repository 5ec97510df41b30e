/// Sizes and durations as people write them.
public enum Quantities {
    private static let sizeUnits: [String: UInt64] = [
        "": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40,
    ]
    private static let durationUnits: [String: UInt64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]

    /// The bytes of a size such as `512`, `10K`, `1.5M`, `2GiB`: units are powers of 1024. Nil when it is none, or more
    /// than fits.
    public static func bytes(_ text: String) -> UInt64? {
        var (number, unit) = split(text)
        unit = unit.lowercased()
        for suffix in ["ib", "b"] where unit.count > suffix.count && unit.hasSuffix(suffix) {
            unit.removeLast(suffix.count)
            break
        }
        return sizeUnits[unit].flatMap { scaled(number, by: $0) }
    }

    /// The seconds of a duration such as `90d`, `12h`, `30m`, `45s`, `2w`; a bare number is none. Nil when it is none, or
    /// more than fits.
    public static func seconds(_ text: String) -> UInt64? {
        let (number, unit) = split(text)
        return durationUnits[unit].flatMap { scaled(number, by: $0) }
    }

    private static func split(_ text: String) -> (number: String, unit: String) {
        let number = text.prefix { $0 == "." || ("0"..."9").contains($0) }
        return (String(number), String(text.dropFirst(number.count)))
    }

    private static func scaled(_ number: String, by unit: UInt64) -> UInt64? {
        let parts = number.split(separator: ".", omittingEmptySubsequences: false)
        guard let whole = parts.first.flatMap({ UInt64($0) }), parts.count <= 2 else { return nil }
        let (product, overflows) = whole.multipliedReportingOverflow(by: unit)
        guard !overflows else { return nil }
        guard parts.count == 2 else { return product }
        guard !parts[1].isEmpty, parts[1].count <= 6, let fraction = Double("0." + parts[1]) else { return nil }
        let (sum, tooLarge) = product.addingReportingOverflow(UInt64((fraction * Double(unit)).rounded()))
        return tooLarge ? nil : sum
    }
}
