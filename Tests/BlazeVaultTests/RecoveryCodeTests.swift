import BlazePlatform
import TestSupport
import Testing

@testable import BlazeVault

@Suite struct RecoveryCodeTests {
    private let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

    private func recognise(_ text: String) throws -> String? {
        var secret = try SecretBytes(utf8: text)
        var symbols = try RecoveryCode.recognise(&secret)
        return symbols.text
    }

    @Test func isSevenGroupsOfFive() throws {
        var codes: Set<String> = []
        for _ in 0..<100 {
            var code = try RecoveryCode.random()
            let text = code.text
            let groups = text.split(separator: "-", omittingEmptySubsequences: false)
            #expect(groups.count == 7 && groups.allSatisfy { $0.count == 5 })
            #expect(text.allSatisfy { $0 == "-" || alphabet.contains($0) })
            #expect(try recognise(text) == text.filter { $0 != "-" })
            codes.insert(text)
        }
        #expect(codes.count == 100)
    }

    @Test func isReadAsPeopleWriteIt() throws {
        var code = try RecoveryCode.random()
        let text = code.text
        let plain = text.filter { $0 != "-" }
        #expect(try recognise(plain) == plain)
        #expect(try recognise(text.lowercased()) == plain)
        #expect(try recognise(" " + text.map { "\($0) " }.joined()) == plain)
        #expect(
            try recognise(text.split(separator: "").map { $0 == "0" ? "O" : $0 == "1" ? "l" : $0 }.joined()) == plain)
        #expect(
            try recognise(text.split(separator: "").map { $0 == "0" ? "o" : $0 == "1" ? "I" : $0 }.joined()) == plain)
    }

    /// Every wrong symbol, every swap of neighbours, every missing and every doubled symbol.
    @Test func typingErrorsAreFound() throws {
        var code = try RecoveryCode.random()
        let text = Array(code.text)
        func expectMalformed(_ changed: [Character], _ comment: Comment) {
            #expect(throws: VaultError(.malformedRecoveryCode, ""), comment) { _ = try recognise(String(changed)) }
        }
        for i in text.indices where text[i] != "-" {
            for symbol in alphabet where symbol != text[i] {
                var changed = text
                changed[i] = symbol
                expectMalformed(changed, "\(symbol) at \(i)")
            }
            if let next = text[(i + 1)...].firstIndex(where: { $0 != "-" }), text[next] != text[i] {
                var changed = text
                changed.swapAt(i, next)
                expectMalformed(changed, "swap at \(i)")
            }
            var shorter = text
            shorter.remove(at: i)
            expectMalformed(shorter, "missing at \(i)")
            expectMalformed(text[..<i] + [text[i]] + text[i...], "doubled at \(i)")
        }
    }

    @Test func otherTextsArePassphrases() throws {
        for text in [
            "correct horse battery staple", "x", "AAAAA-AAAAA", String(repeating: "A", count: 34),
            String(repeating: "A", count: 36), String(repeating: "A", count: 34) + "!",
            "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA-AAAAU-AAAAA",
        ] {
            #expect(try recognise(text) == nil)
        }
        #expect(throws: VaultError(.unfitSecret, "")) { _ = try recognise("") }
        #expect(throws: VaultError(.unfitSecret, "")) { _ = try recognise(String(repeating: "x", count: 4097)) }
    }

    @Test func isNoPassphrase() throws {
        var code = try RecoveryCode.random()
        let text = code.text
        for shaped in [text, String(repeating: "A", count: 35), "a-" + text] {
            var secret = try SecretBytes(utf8: shaped)
            #expect(throws: VaultError(.unfitSecret, "")) { try RecoveryCode.refuse(asPassphrase: &secret) }
        }
    }
}
