import BlazePlatform
import TestSupport
import Testing

@testable import BlazeVault

@Suite struct PasswordTests {
    /// FORMAT.md 2: points for length and kinds of characters, one off for a weak part.
    @Test(
        arguments: [
            ("", [.length, .upperCase, .lowerCase, .digit, .strength], 0),
            ("Short1Aa", [.length], 3),
            ("alllowercase", [.upperCase, .digit, .strength], 2),
            ("Abcdefghijk1", [], 3),
            ("Zbrdefghijk1", [], 4),
            ("Password1234", [], 3),
            ("PASSWORD1234", [.lowerCase, .strength], 2),
            ("Xadminadminx", [.digit, .strength], 2),
            ("xQwErTyuiopas9", [], 3),
            ("Tr0ub4dor&3 and more words", [], 5),
            ("11111111111111111111", [.upperCase, .lowerCase], 4),
            // Eleven characters of many bytes each, then twelve.
            ("Zbrdefghi\u{E9}1", [.length], 3),
            ("Zbrdefghij\u{E9}1", [], 4),
            // One character of several scalars counts once.
            ("Zbrdefghij1e\u{301}", [], 4),
            ("Zbrdefghi1e\u{301}", [.length], 3),
            ("Zbrdefghi1\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", [.length], 4),
            ("\u{C9}brdefghijk1", [], 4),
        ] as [(String, [PasswordPolicy.Rule], Int)])
    func holdsPasswordsToThePolicy(_ password: String, unmet: [PasswordPolicy.Rule], strength: Int) throws {
        let verdict = PasswordPolicy.verdict(Array(password.utf8))
        #expect(verdict.unmet == unmet)
        #expect(verdict.strength == strength)
    }

    @Test func countsLikeString() {
        var random = SeededGenerator.printed()
        let parts = [
            "a", "Z", "7", "\r", "\n", "\r\n", "e\u{301}", "\u{1F1E9}\u{1F1EA}", "\u{1F1E9}", "\u{1100}\u{1161}",
            "\u{200D}", "\u{1F468}\u{200D}\u{1F469}", "\u{0915}\u{094D}\u{0937}", "\u{E9}", "-",
        ]
        for _ in 0..<testRounds(300) {
            let text = (0..<Int.random(in: 0...20, using: &random)).map { _ in parts.randomElement(using: &random)! }
                .joined()
            let verdict = PasswordPolicy.verdict(Array(text.utf8))
            #expect(verdict.unmet.contains(.length) == (text.count < 12), "\(text.debugDescription)")
        }
    }

    @Test func generatedPasswordsMeetThePolicy() throws {
        var seen: Set<String> = []
        for length in [12, 13, 24, 100, 1024] {
            for lookAlikes in [false, true] {
                for _ in 0..<20 {
                    var password = try PasswordGenerator.generate(length: length, lookAlikes: lookAlikes)
                    #expect(password.count == length)
                    let report = try PasswordStrength.assess(&password)
                    #expect(report.unmet.isEmpty)
                    let text = password.text
                    #expect(lookAlikes || !text.contains { "0Oo1Il5S".contains($0) })
                    seen.insert(text)
                }
            }
        }
        #expect(seen.count == 200)
        for length in [0, 11, 1025] {
            #expect(throws: VaultError(.limitExceeded, "")) { _ = try PasswordGenerator.generate(length: length) }
        }
    }

    /// Every symbol of the alphabet comes up about as often as the others: chi-squared with 60 degrees of freedom is
    /// above 130 once in a million times.
    @Test func generatedSymbolsAreEquallyLikely() throws {
        var counts: [UInt8: Int] = [:]
        var total = 0
        for _ in 0..<40 {
            var password = try PasswordGenerator.generate(length: 1024)
            password.withBytes { for byte in $0 { counts[byte, default: 0] += 1 } }
            total += 1024
        }
        let expected = Double(total) / Double(counts.count)
        let distance = counts.values.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        #expect(counts.count == 61)
        #expect(distance < 130)
    }

    #if canImport(CZxcvbn)
        @Test func zxcvbnTellsWeakFromStrong() throws {
            func report(_ text: String) throws -> StrengthReport {
                var secret = try SecretBytes(utf8: text)
                return try PasswordStrength.assess(&secret)
            }
            #expect(try report("Password1234").score == 0)
            #expect(try report("Tr0ub4dor&3").score ?? 0 >= 1)
            let strong = try report("kq7-Vx_m2+RzTw9=Lb4%")
            #expect(strong.score == 4)
            #expect(strong.log10Guesses ?? 0 > 20)
            #expect(try report("correct horse battery staple").score == 4)
            #expect(try report("").score == 0)
        }
    #endif

    @Test func tooLongPasswordsAreRefused() throws {
        var secret = try SecretBytes(utf8: String(repeating: "x", count: VaultLimits.passwordBytes + 1))
        #expect(throws: VaultError(.limitExceeded, "")) { _ = try PasswordStrength.assess(&secret) }
    }
}
