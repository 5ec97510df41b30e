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

    @Test func limitsAreHeld() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        let limit = VaultError(.limitExceeded, "")
        func text(_ count: Int) -> String { String(repeating: "x", count: count) }
        try vault.putForTest(1, alias: text(VaultLimits.aliasBytes), hint: text(VaultLimits.hintBytes))
        #expect(throws: limit) { try vault.putForTest(2, alias: text(VaultLimits.aliasBytes + 1)) }
        #expect(throws: limit) { try vault.putForTest(2, alias: "") }
        #expect(throws: limit) { try vault.putForTest(2, hint: text(VaultLimits.hintBytes + 1)) }
        #expect(throws: limit) { try vault.putForTest(2, password: text(VaultLimits.passwordBytes + 1)) }
        #expect(throws: limit) { try vault.setHint(text(VaultLimits.hintBytes + 1), for: Given.identity(1)) }
        #expect(throws: limit) {
            try vault.moved(Given.identity(1), to: FilePath("/" + text(VaultLimits.pathBytes)))
        }
        #expect(throws: VaultError(.aliasTaken, "")) { try vault.putForTest(2, alias: text(VaultLimits.aliasBytes)) }
        #expect(throws: VaultError(.noSuchEntry, "")) { try vault.setHint("h", for: Given.identity(2)) }
        #expect(throws: limit) {
            var key: DerivedKey? = try Given.key(1, iterations: 0)
            try vault.setKey(&key, of: Given.identity(1))
        }
        #expect(throws: limit) {
            var key: DerivedKey? = DerivedKey(
                key: try SecretBytes(utf8: "short"), saltFingerprint: [1], iterations: 1)
            try vault.setKey(&key, of: Given.identity(1))
        }
        #expect(try vault.entries().count == 1)
        #expect(try vault.entries().first?.revision == 1)
    }

    /// Entries fill whole blocks: passwords of all lengths up to where the next block begins look alike.
    @Test func lengthsOfPasswordsDoNotShow() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        var sizes: Set<Int> = []
        for count in [1, 8, 20, 64, 100] {
            try vault.putForTest(1, password: String(repeating: "p", count: count))
            sizes.insert(try place.store.facts().size)
        }
        #expect(sizes.count == 1)
    }

    @Test func costsOutsideOfTheLimitsAreRefused() throws {
        let place = try VaultDirectory()
        for costs in [
            KDFCosts(operations: 0, memoryKiB: 8192), KDFCosts(operations: 17, memoryKiB: 8192),
            KDFCosts(operations: 1, memoryKiB: 8191), KDFCosts(operations: 1, memoryKiB: 1_048_577),
        ] {
            var passphrase = try Given.secret()
            #expect(throws: VaultError(.limitExceeded, "")) {
                _ = try place.store.create(passphrase: &passphrase, costs: costs, withRecovery: false)
            }
        }
        #expect(try !place.store.exists())
        #expect(KDFCosts.moderate == KDFCosts(operations: 3, memoryKiB: 256 << 10))
    }

    /// What an error says never holds what it is about.
    @Test func errorsHoldNoSecret() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try vault.putForTest(1, alias: "canary-alias", password: "canary-password", hint: "canary-hint")
        var errors: [VaultError] = []
        func collect(_ body: () throws -> Void) {
            do { try body() } catch let error as VaultError { errors.append(error) } catch {}
        }
        collect { try vault.putForTest(2, alias: "canary-alias", password: "canary-password") }
        collect { _ = try place.store.open("canary-passphrase") }
        collect { try vault.putForTest(1, alias: String(repeating: "canary", count: 100)) }
        collect { try vault.rename(Given.identity(3), to: "canary-alias") }
        #expect(errors.count == 4)
        for error in errors {
            #expect(!"\(error) \(error.hint ?? "") \(error.message)".contains("canary"))
        }
        let bytes = try place.bytes(place.store.path) + place.bytes(place.previous)
        for canary in ["canary", "password 1", Given.passphrase] {
            #expect(!bytes.contains(Array(canary.utf8)), "\(canary)")
        }
    }
}
