import BlazeModel
import BlazePlatform
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

@Suite struct EntryTests {
    @Test func whatIsPutComesBackAfterUnlocking() throws {
        let place = try VaultDirectory()
        let made = try place.store.createForTest()
        try made.vault.putForTest(1, hint: "the usual one")
        try made.vault.putForTest(2, password: String(repeating: "p", count: VaultLimits.passwordBytes))

        let vault = try place.store.open(Given.passphrase)
        #expect(try vault.passwordText(1) == "password 1")
        #expect(try vault.passwordText(2)?.utf8.count == VaultLimits.passwordBytes)
        #expect(try vault.keyBytes(1) == (0..<32).map { 1 + $0 })
        let entries = try vault.entries()
        #expect(entries.map(\.identity) == [Given.identity(1), Given.identity(2)])
        let first = try #require(entries.first)
        #expect(first.alias == "db1")
        #expect(first.path == FilePath("/data/1.blazedb"))
        #expect(first.hint == "the usual one")
        #expect(first.revision == 1)
        #expect(first.hasPassword)
        #expect(first.kdfIterations == 600_000)
        #expect(first.saltFingerprint == Given.fingerprint)
        #expect(first.used == nil)
        #expect(first.created > 0 && first.created == first.updated)
        #expect(try vault.entry(for: Given.identity(1)) == first)
        #expect(try vault.entry(for: Given.identity(3)) == nil)
        #expect(try vault.passwordText(3) == nil)
    }
}
