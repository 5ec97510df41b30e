/// Moments as ISO 8601 text, as BlazeDB writes them into metadata and typed records (FORMAT.md 4.1, 5.2).
enum ISOMoment {
    /// Seconds since 2001-01-01T00:00:00Z of `2026-11-23T20:35:02Z`, with a fraction or an offset in place of `Z` as well; nil
    /// for any other text.
    static func seconds(_ text: String) -> Double? {
        var rest = Array(text.utf8)[...]
        func number(_ digits: Int) -> Int? {
            guard rest.count >= digits else { return nil }
            var value = 0
            for c in rest.prefix(digits) {
                guard c &- UInt8(ascii: "0") < 10 else { return nil }
                value = value * 10 + Int(c - UInt8(ascii: "0"))
            }
            rest.removeFirst(digits)
            return value
        }
        func take(_ c: Character) -> Bool {
            guard let first = rest.first, first == c.asciiValue else { return false }
            rest.removeFirst()
            return true
        }
        guard let year = number(4), take("-"), let month = number(2), take("-"), let day = number(2), take("T"),
            let hour = number(2), take(":"), let minute = number(2), take(":"), let second = number(2),
            (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction = 0.0
        if take(".") {
            var scale = 0.1
            guard let c = rest.first, c &- UInt8(ascii: "0") < 10 else { return nil }
            while let c = rest.first, c &- UInt8(ascii: "0") < 10 {
                fraction += Double(c - UInt8(ascii: "0")) * scale
                scale /= 10
                rest.removeFirst()
            }
        }
        var offset = 0
        if !take("Z") {
            let sign = take("+") ? 1 : take("-") ? -1 : 0
            guard sign != 0, let hours = number(2) else { return nil }
            _ = take(":")
            guard let minutes = number(2), hours < 24, minutes < 60 else { return nil }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard rest.isEmpty else { return nil }
        let days = days(year, month, day) - days(2001, 1, 1)
        return Double(days * 86_400 + hour * 3600 + minute * 60 + second - offset) + fraction
    }

    /// Days of the Gregorian calendar, counted so that March begins the year and the leap day ends it.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let y = month > 2 ? year : year - 1
        let m = month > 2 ? month - 3 : month + 9
        return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1
    }

    /// Seconds since 2001 of the first and the last moment that has four digits of a year.
    static let range = -63_113_904_000.0..<252_423_993_600.0
}
