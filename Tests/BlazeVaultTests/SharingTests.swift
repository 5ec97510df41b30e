import BlazeModel
import BlazePlatform
import Dispatch
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

/// Several handles, threads and processes on one vault.
@Suite struct SharingTests {
    /// Two handles on one path, as two processes have them, write in turn and at once: nothing is lost.
    @Test func twoHandlesLoseNothing() throws {
        let place = try VaultDirectory(patience: .seconds(60))
        let first = try place.store.createForTest().vault
        let second = try place.store.open(Given.passphrase)
        try first.putForTest(1)
        try second.putForTest(2)
        try first.rename(Given.identity(2), to: "renamed by the other")
        try second.remove(Given.identity(1))
        #expect(try second.entries().map(\.alias) == ["renamed by the other"])
        let errors = Collected()
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            let vault = thread % 2 == 0 ? first : second
            for round in 0..<10 {
                do {
                    let number = 100 + thread * 10 + round
                    try vault.putForTest(number)
                    if try vault.passwordText(number) != "password \(number)" { throw Missing() }
                    _ = try vault.entries()
                } catch {
                    errors.add("\(thread)/\(round): \(error)")
                }
            }
        }
        #expect(errors.all == [])
        let whole = try place.store.open(Given.passphrase)
        #expect(try whole.entries().count == 81)
        #expect(try whole.verify().generation == 1 + 4 + 80)
        for vault in [first, second] {
            try vault.refresh()
            #expect(try vault.entries() == whole.entries())
            #expect(try !vault.refresh())
        }
    }

    @Test func aHeldLockIsTold() throws {
        let place = try VaultDirectory(patience: .milliseconds(20))
        let vault = try place.store.createForTest().vault
        let lock = try LockFile(path: place.directory.appending("vault.lock"))
        defer { withExtendedLifetime(lock) {} }
        let before = try place.bytes(place.store.path)
        #expect(throws: VaultError(.busy, "")) { try vault.putForTest(1) }
        // Reading needs no lock.
        #expect(try vault.entries() == [])
        _ = try place.store.open(Given.passphrase)
        #expect(try place.bytes(place.store.path) == before)
    }

    @Test func anotherPassphraseByAnotherProcessEndsNoSession() throws {
        let place = try VaultDirectory()
        let first = try place.store.createForTest().vault
        let second = try place.store.open(Given.passphrase)
        var current = try Given.secret()
        var new = try Given.secret("another good passphrase")
        try second.changePassphrase(current: &current, new: &new)
        try first.putForTest(1)
        #expect(throws: VaultError(.wrongSecret, "")) { _ = try place.store.open(Given.passphrase) }
        #expect(try place.store.open("another good passphrase").entries().count == 1)
    }

    @Test func anotherVaultInItsPlaceIsNotWrittenOver() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        let other = try VaultDirectory()
        _ = try other.store.createForTest()
        try PosixVaultFiles().rename(other.store.path, to: place.store.path)
        let before = try place.bytes(place.store.path)
        #expect(throws: VaultError(.changed, "")) { try vault.putForTest(1) }
        #expect(throws: VaultError(.changed, "")) { try vault.refresh() }
        #expect(try place.bytes(place.store.path) == before)
    }

    /// An older generation that somebody put back is what counts, and its successor is newer than all.
    @Test func anOlderGenerationPutBackIsGoneOnFrom() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        for i in 1...3 { try vault.putForTest(i) }
        try PosixVaultFiles().rename(place.previous, to: place.store.path)
        try vault.putForTest(9)
        #expect(try vault.entries().map(\.alias) == ["db1", "db2", "db9"])
        #expect(try place.store.facts().generation == 5)
    }

    @Test func aWipedVaultIsLocked() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try vault.putForTest(1)
        #expect(vault.isOpen)
        vault.wipe()
        #expect(!vault.isOpen)
        let locked = VaultError(.locked, "")
        #expect(throws: locked) { _ = try vault.entries() }
        #expect(throws: locked) { _ = try vault.entry(for: Given.identity(1)) }
        #expect(throws: locked) { _ = try vault.passwordText(1) }
        #expect(throws: locked) { _ = try vault.keyBytes(1) }
        #expect(throws: locked) { try vault.putForTest(2) }
        #expect(throws: locked) { try vault.remove(Given.identity(1)) }
        #expect(throws: locked) { _ = try vault.verify() }
        #expect(throws: locked) { try vault.backup(to: place.directory.appending("copy")) }
        #expect(throws: locked) { _ = try vault.facts }
        #expect(throws: locked) { try vault.refresh() }
        vault.noteUse(Given.identity(1))
        #expect(throws: locked) { try vault.flushUses() }
    }

    @Test func backupsOpenAndNeverOverwrite() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try vault.putForTest(1)
        let copy = place.directory.appending("copy.bdv")
        try vault.backup(to: copy)
        #expect(try place.bytes(copy) == place.bytes(place.store.path))
        #expect(try VaultStore(path: copy).open(Given.passphrase).passwordText(1) == "password 1")
        try vault.putForTest(2)
        let before = try place.bytes(copy)
        #expect(throws: VaultError(.exists, "")) { try vault.backup(to: copy) }
        #expect(try place.bytes(copy) == before)
        #expect(throws: VaultError(.writeFailed, "")) { try vault.backup(to: "/nonexistent/copy.bdv") }
    }

    @Test func verifyTellsWhatIsThere() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest(withRecovery: true).vault
        #expect(try vault.verify().previous == .missing)
        try vault.putForTest(1)
        var none: SecretBytes? = nil
        var noKey: DerivedKey? = nil
        try vault.put(Given.identity(2), alias: "hint only", path: nil, password: &none, derivedKey: &noKey, hint: "h")
        var report = try vault.verify()
        #expect(report.entries == 2 && report.passwords == 1 && report.derivedKeys == 1 && report.slots.count == 2)
        #expect(report.generation == 3 && report.previous == .intact(generation: 2))
        #expect(try vault.facts.previousGeneration == 2)

        var previous = try place.bytes(place.previous)
        previous[200] ^= 1
        try PosixVaultFiles().remove(place.previous)
        try PosixVaultFiles().create(place.previous).write(previous)
        report = try vault.verify()
        #expect(report.previous == .unusable(.damaged))
        #expect(try vault.facts.previousGeneration == nil)

        var bytes = try place.bytes(place.store.path)
        bytes[300] ^= 1
        try PosixVaultFiles().remove(place.store.path)
        try PosixVaultFiles().create(place.store.path).write(bytes)
        #expect(throws: VaultError(.damaged, "")) { _ = try vault.verify() }
        #expect(throws: VaultError(.damaged, "")) { try vault.putForTest(3) }
        // What is unlocked can still be read, to be saved elsewhere.
        #expect(try vault.passwordText(1) == "password 1")
    }
}

final class Collected: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    var all: [String] { texts.withLock { $0 } }
}
