import BlazeModel
import BlazePlatform
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

@Suite struct SlotTests {
    private let other = "another good passphrase"

    private func change(_ vault: OpenVault, from old: String, to new: String, costs: KDFCosts? = nil) throws {
        var current = try Given.secret(old)
        var next = try Given.secret(new)
        try vault.changePassphrase(current: &current, new: &next, costs: costs)
    }

    private func rekey(_ vault: OpenVault, with text: String) throws -> String? {
        var secret = try Given.secret(text)
        var code = try vault.rekey(with: &secret)
        return code.text
    }

    private func addRecovery(_ vault: OpenVault, with text: String? = nil) throws -> String {
        var secret: SecretBytes? = nil
        if let text { secret = try Given.secret(text) }
        var code = try vault.addRecoverySlot(with: &secret)
        return code.text
    }

    private func expectWrong(_ store: VaultStore, _ text: String) {
        #expect(throws: VaultError(.wrongSecret, "")) { _ = try store.open(text) }
    }

    /// The generation before, in the vault's place.
    private func previous(of place: VaultDirectory) throws -> VaultDirectory {
        let copy = try VaultDirectory()
        try PosixVaultFiles().makeDirectory(copy.directory)
        let writer = try PosixVaultFiles().create(copy.store.path)
        try writer.write(place.bytes(place.previous))
        return copy
    }

    @Test func opensWithPassphraseAndRecoveryCode() throws {
        let place = try VaultDirectory()
        var made = try place.store.createForTest(withRecovery: true)
        let code = try made.code()
        try made.vault.putForTest(1)
        #expect(try place.store.open(Given.passphrase).passwordText(1) == "password 1")
        #expect(try place.store.open(code).passwordText(1) == "password 1")
        #expect(try place.store.open(code.lowercased()).passwordText(1) == "password 1")
        expectWrong(place.store, Given.passphrase + " ")
        var foreign = try RecoveryCode.random()
        expectWrong(place.store, foreign.text)
        let facts = try place.store.facts()
        #expect(facts.slots.map(\.kind) == [.passphrase, .recovery])
        #expect(facts.slots.map(\.number) == [1, 2])
        #expect(facts.slots.allSatisfy { $0.costs == .cheapest })
    }

    @Test func anOldPassphraseFailsAndEntriesStayAsTheyAre() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        for i in 0..<20 { try vault.putForTest(i) }
        let before = try VaultFile(place.bytes(place.store.path)).image.entries
        try change(vault, from: Given.passphrase, to: other, costs: KDFCosts(operations: 2, memoryKiB: 9000))
        #expect(try VaultFile(place.bytes(place.store.path)).image.entries == before)
        expectWrong(place.store, Given.passphrase)
        let kept = try previous(of: place)
        expectWrong(kept.store, Given.passphrase)
        #expect(try kept.store.open(other).entries().count == 20)
        let again = try place.store.open(other)
        #expect(try again.passwordText(7) == "password 7")
        #expect(try place.store.facts().slots.first?.costs == KDFCosts(operations: 2, memoryKiB: 9000))
        #expect(try vault.passwordText(7) == "password 7")
        // The costs stay when none are named.
        try change(vault, from: other, to: Given.passphrase)
        #expect(try place.store.facts().slots.first?.costs == KDFCosts(operations: 2, memoryKiB: 9000))
    }

    @Test func aWrongCurrentPassphraseChangesNothing() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        let before = try place.bytes(place.store.path)
        #expect(throws: VaultError(.wrongSecret, "")) { try change(vault, from: "wrong", to: other) }
        #expect(throws: VaultError(.unfitSecret, "")) { try change(vault, from: Given.passphrase, to: "") }
        #expect(throws: VaultError(.limitExceeded, "")) {
            try change(vault, from: Given.passphrase, to: other, costs: KDFCosts(operations: 1, memoryKiB: 8191))
        }
        #expect(throws: VaultError(.wrongSecret, "")) { _ = try rekey(vault, with: "wrong") }
        #expect(throws: VaultError(.wrongSecret, "")) { _ = try addRecovery(vault, with: "wrong") }
        #expect(try place.bytes(place.store.path) == before)
    }

    @Test func aForgottenPassphraseIsReplacedWithTheRecoveryCode() throws {
        let place = try VaultDirectory()
        var made = try place.store.createForTest(withRecovery: true)
        let code = try made.code()
        try change(made.vault, from: code, to: other)
        expectWrong(place.store, Given.passphrase)
        _ = try place.store.open(other)
        _ = try place.store.open(code)
        #expect(throws: VaultError(.malformedRecoveryCode, "")) {
            _ = try place.store.open(String(code.dropLast()) + "-")
        }
    }

    @Test func rekeyGivesEverythingNewKeys() throws {
        let place = try VaultDirectory()
        var made = try place.store.createForTest(withRecovery: true)
        let vault = made.vault
        let code = try made.code()
        let second = try addRecovery(vault)
        for i in 0..<20 { try vault.putForTest(i, hint: "hint \(i)") }
        vault.noteUse(Given.identity(3))
        let stranger = try place.store.open(Given.passphrase)
        let before = try VaultFile(place.bytes(place.store.path)).image
        let entries = try vault.entries()

        let fresh = try #require(try rekey(vault, with: Given.passphrase))
        let after = try VaultFile(place.bytes(place.store.path)).image
        #expect(after.id == before.id)
        #expect(
            zip(before.entries, after.entries).allSatisfy {
                $0.identity == $1.identity && $0.ciphertext != $1.ciphertext
            })
        #expect(try place.store.facts().slots.map(\.kind) == [.passphrase, .recovery])
        let kept = try previous(of: place)
        for store in [place.store, kept.store] {
            expectWrong(store, code)
            expectWrong(store, second)
            #expect(try store.open(fresh).entries() == entries)
            #expect(try store.open(Given.passphrase).entries() == entries)
        }
        #expect(entries[3].used != nil)
        #expect(try vault.passwordText(11) == "password 11")
        #expect(try vault.keyBytes(11) == (0..<32).map { 11 + $0 })
        try vault.putForTest(30)
        // A handle with the old keys must not write over the new ones.
        #expect(throws: VaultError(.changed, "")) { try stranger.putForTest(40) }
        #expect(throws: VaultError(.changed, "")) { _ = try stranger.verify() }
        #expect(try place.store.open(Given.passphrase).entries().count == 21)
    }

    @Test func rekeyNeverLosesThePassphrase() throws {
        let place = try VaultDirectory()
        var made = try place.store.createForTest(withRecovery: true)
        let code = try made.code()
        #expect(throws: VaultError(.wrongSecret, "")) { _ = try rekey(made.vault, with: code) }
        // Without recovery slots there is no fresh code; without a passphrase a code will do, and stays.
        try made.vault.removeSlot(2)
        #expect(try rekey(made.vault, with: Given.passphrase) == nil)
        let kept = try addRecovery(made.vault)
        let dropped = try addRecovery(made.vault)
        try made.vault.removeSlot(1)
        expectWrong(place.store, Given.passphrase)
        let fresh = try #require(try rekey(made.vault, with: kept))
        _ = try place.store.open(kept)
        _ = try place.store.open(fresh)
        expectWrong(place.store, dropped)
        try change(made.vault, from: fresh, to: other)
        _ = try place.store.open(other)
    }

    @Test func slotsAreLimitedAndTheLastOneStays() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        var codes: [String] = []
        for _ in 2...VaultLimits.slots { codes.append(try addRecovery(vault, with: Given.passphrase)) }
        #expect(throws: VaultError(.noSuchSlot, "")) { _ = try addRecovery(vault) }
        #expect(throws: VaultError(.noSuchSlot, "")) { try vault.removeSlot(9) }
        for code in codes { _ = try place.store.open(code) }
        // A passphrase is replaced even when all slots are taken.
        try change(vault, from: Given.passphrase, to: other)
        for number in 1..<VaultLimits.slots { try vault.removeSlot(number) }
        #expect(throws: VaultError(.lastSlot, "")) { try vault.removeSlot(VaultLimits.slots) }
        expectWrong(place.store, other)
        expectWrong(place.store, codes[0])
        let kept = try previous(of: place)
        expectWrong(kept.store, codes[0])
        _ = try place.store.open(try #require(codes.last))
    }
}
