import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

/// Who else can reach the vault, and the command that ends it.
@Suite struct ExposureTests {
    private func chmod(_ path: FilePath, _ mode: Int) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path.string)
    }

    private func refusal(_ body: () throws -> Void) -> VaultError? {
        do {
            try body()
            return nil
        } catch {
            return error as? VaultError
        }
    }

    /// Runs the hint as the user would.
    private func run(_ command: String?) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", try #require(command)]
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }

    @Test func whatIsMadeIsPrivate() throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try vault.putForTest(1)
        try vault.backup(to: place.directory.appending("copy.bdv"))
        for name in ["vault.bdv", "vault.bdv.previous", "vault.lock", "copy.bdv"] {
            let status = try #require(try PosixVaultFiles().status(of: place.directory.appending(name)))
            #expect(status.mode == 0o600, "\(name)")
        }
        #expect(try PosixVaultFiles().status(of: place.directory)?.mode == 0o700)
        #expect(try place.store.facts().mode == 0o600)
        #expect(try Set(FileManager.default.contentsOfDirectory(atPath: place.directory.string)).count == 4)
    }

    @Test(arguments: [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o677]) func anOpenFileIsRefused(_ mode: Int) throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try chmod(place.store.path, mode)
        let error = refusal { _ = try place.store.facts() }
        #expect(error?.code == .exposed)
        #expect(error?.hint == "chmod 600 \(place.store.path)")
        #expect(refusal { _ = try place.store.open(Given.passphrase) }?.code == .exposed)
        #expect(refusal { try vault.putForTest(1) }?.code == .exposed)
        try run(error?.hint)
        try vault.putForTest(1)
    }

    @Test(arguments: [0o750, 0o705, 0o720, 0o702, 0o710, 0o701]) func anOpenDirectoryIsRefused(_ mode: Int) throws {
        let place = try VaultDirectory()
        let vault = try place.store.createForTest().vault
        try chmod(place.directory, mode)
        let error = refusal { _ = try place.store.facts() }
        #expect(error?.code == .exposed)
        #expect(error?.hint == "chmod 700 \(place.directory)")
        #expect(refusal { try vault.putForTest(1) }?.code == .exposed)
        #expect(refusal { _ = try place.store.createForTest() }?.code == .exposed)
        try run(error?.hint)
        _ = try place.store.open(Given.passphrase)
    }

    @Test func aNameThatAShellWouldReadIsQuoted() throws {
        let parent = try TemporaryDirectory()
        let store = VaultStore(path: parent.path.appending("it's $HOME \u{1F511}").appending("my vault.bdv"))
        _ = try store.createForTest()
        try chmod(store.path, 0o644)
        let error = refusal { _ = try store.facts() }
        #expect(error?.hint?.hasSuffix("/it'\\''s $HOME \u{1F511}/my vault.bdv'") == true)
        try run(error?.hint)
        _ = try store.facts()
    }

    @Test func aLinkIsRefused() throws {
        let place = try VaultDirectory()
        _ = try place.store.createForTest()
        let elsewhere = place.parent.path.appending("elsewhere.bdv")
        try PosixVaultFiles().rename(place.store.path, to: elsewhere)
        try FileManager.default.createSymbolicLink(
            atPath: place.store.path.string, withDestinationPath: elsewhere.string)
        let error = refusal { _ = try place.store.open(Given.passphrase) }
        #expect(error?.code == .exposed)
        try run(error?.hint)
        _ = try place.store.open(Given.passphrase)

        let linked = place.parent.path.appending("linked")
        try FileManager.default.createSymbolicLink(
            atPath: linked.string, withDestinationPath: place.directory.string)
        #expect(refusal { _ = try VaultStore(path: linked.appending("vault.bdv")).facts() }?.code == .exposed)
    }

    @Test func whatIsNoFileIsRefused() throws {
        let place = try VaultDirectory()
        try PosixVaultFiles().makeDirectory(place.store.path)
        #expect(refusal { _ = try place.store.facts() }?.code == .exposed)
        try PosixVaultFiles().makeDirectory(place.parent.path.appending("fifo"))
        let fifo = place.parent.path.appending("fifo").appending("vault.bdv")
        #expect(mkfifo(fifo.string, 0o600) == 0)
        #expect(refusal { _ = try VaultStore(path: fifo).facts() }?.code == .exposed)
    }

    /// Files of another user, as seen by a stand-in that says to be somebody else.
    @Test func aForeignOwnerIsRefused() throws {
        let place = try VaultDirectory()
        _ = try place.store.createForTest()
        let other = VaultStore(path: place.store.path, files: ForeignFiles())
        let error = refusal { _ = try other.facts() }
        #expect(error?.code == .exposed)
        #expect(error?.hint == "chown \(ForeignFiles().user) \(place.directory)")
    }

    @Test func aMissingVaultIsNotFound() throws {
        let place = try VaultDirectory()
        #expect(try !place.store.exists())
        #expect(refusal { _ = try place.store.facts() }?.code == .notFound)
        #expect(refusal { _ = try place.store.open("x") }?.code == .notFound)
        let vault = try place.store.createForTest().vault
        #expect(try place.store.exists())
        #expect(refusal { _ = try place.store.createForTest() }?.code == .exists)
        try vault.putForTest(1)
        try PosixVaultFiles().remove(place.store.path)
        #expect(refusal { try vault.putForTest(1) }?.code == .notFound)
        let error = refusal { _ = try place.store.facts() }
        #expect(error?.hint?.contains("vault.bdv.previous") == true)
        // The last copy of a vault is not written over by a new one.
        #expect(refusal { _ = try place.store.createForTest() }?.code == .exists)
    }
}

/// The real files, seen by another user.
private struct ForeignFiles: VaultFiles {
    private let real = PosixVaultFiles()

    var user: UInt32 { real.user &+ 1 }

    func status(of path: FilePath) throws(StorageError) -> VaultFileStatus? { try real.status(of: path) }
    func makeDirectory(_ path: FilePath) throws(StorageError) { try real.makeDirectory(path) }
    func read(_ path: FilePath, limit: Int) throws(StorageError) -> (status: VaultFileStatus, bytes: [UInt8]) {
        try real.read(path, limit: limit)
    }
    func create(_ path: FilePath) throws(StorageError) -> any VaultFileWriter { try real.create(path) }
    func rename(_ path: FilePath, to other: FilePath) throws(StorageError) { try real.rename(path, to: other) }
    func link(_ path: FilePath, to other: FilePath) throws(StorageError) { try real.link(path, to: other) }
    func remove(_ path: FilePath) throws(StorageError) { try real.remove(path) }
    func syncDirectory(_ path: FilePath) throws(StorageError) { try real.syncDirectory(path) }
    func lock(_ path: FilePath, patience: Duration) throws(StorageError) -> any Sendable {
        try real.lock(path, patience: patience)
    }
}
