import BlazeModel
import BlazePlatform
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

/// Whatever call fails, and wherever process or machine die: the old vault is there, or the new one, whole.
@Suite struct CrashTests {
    static let path = FilePath("/data/vault.bdv")
    static let previous = FilePath("/data/vault.bdv.previous")
    static let backup = FilePath("/data/copy.bdv")
    static let other = "another good passphrase"

    /// One operation that writes, and what of the vault's opening it may change.
    struct Operation: Sendable, CustomTestStringConvertible {
        let name: String
        var changesSlots = false
        var forgets = false
        let run: @Sendable (OpenVault) throws -> Void

        var testDescription: String { name }
    }

    static let operations: [Operation] = [
        Operation(name: "put a new entry") { try $0.putForTest(9, hint: "nine") },
        Operation(name: "replace an entry") { try $0.putForTest(1, alias: "other", password: "changed") },
        Operation(name: "set a key") { vault in
            var key: DerivedKey? = try Given.key(77, iterations: 100_000)
            try vault.setKey(&key, of: Given.identity(1))
        },
        Operation(name: "remove an entry", forgets: true) { try $0.remove(Given.identity(1)) },
        // Hints and paths are changed by the same way.
        Operation(name: "rename") { try $0.rename(Given.identity(1), to: "renamed") },
        Operation(name: "flush uses") { vault in
            vault.noteUse(Given.identity(1))
            try vault.flushUses()
        },
        Operation(name: "change the passphrase", changesSlots: true, forgets: true) { vault in
            var current = try Given.secret()
            var new = try Given.secret(other)
            try vault.changePassphrase(current: &current, new: &new)
        },
        Operation(name: "rekey", changesSlots: true, forgets: true) { vault in
            var secret = try Given.secret()
            _ = try vault.rekey(with: &secret)
        },
        Operation(name: "add a recovery slot", changesSlots: true) { vault in
            var none: SecretBytes? = nil
            _ = try vault.addRecoverySlot(with: &none)
        },
        Operation(name: "remove a slot", changesSlots: true, forgets: true) { try $0.removeSlot(2) },
        Operation(name: "back up") { try $0.backup(to: backup) },
    ]

    /// A vault with some entries, its files, its recovery code, and its keys, so that not every run derives them.
    struct Base {
        let files: CrashFiles
        let code: String
        let vault: OpenVault

        init() throws {
            // Two entries: what is in them matters to no call.
            files = CrashFiles()
            var made = try CrashTests.store(files).createForTest(withRecovery: true)
            code = try made.code()
            vault = made.vault
            for i in 0..<2 { try vault.putForTest(i, hint: "hint \(i)") }
        }

        /// An open vault on a copy of the files.
        func copy(_ event: CrashFiles.Event? = nil, at call: Int = 0) throws -> (CrashFiles, OpenVault) {
            let files = files.copy(event, at: call)
            return (files, try vault.sameKeys(in: CrashTests.store(files)))
        }
    }

    /// What a user can get out of a vault.
    struct Visible: Equatable {
        var entries: [VaultEntry] = []
        var passwords: [String?] = []
        var keys: [[UInt8]?] = []
        var slotCount = 0
        /// Which of the secrets of these tests open it.
        var opens: [Bool] = []

        init(_ vault: OpenVault) throws {
            entries = try vault.entries()
            for entry in entries {
                var password = try vault.password(of: entry.identity)
                var key = try vault.derivedKey(of: entry.identity)
                passwords.append(password.text)
                keys.append(key?.key.withBytes { Array($0) })
            }
            slotCount = try vault.file.image.slots.count
        }

        /// What is on a disk. Where no slot changes, the vault is opened with the keys that the base has.
        init(_ files: CrashFiles, _ operation: Operation, _ base: Base) throws {
            let store = CrashTests.store(files)
            guard operation.changesSlots else {
                self = try Visible(base.vault.sameKeys(in: store, file: store.place.read().file))
                return
            }
            let secrets = [Given.passphrase, CrashTests.other, base.code]
            var vault: OpenVault?
            for secret in secrets {
                do {
                    vault = try store.open(secret)
                    opens.append(true)
                } catch let error as VaultError where error.code == .wrongSecret {
                    opens.append(false)
                }
            }
            let open = try #require(vault)
            let opens = opens
            self = try Visible(open)
            self.opens = opens
        }
    }

    static func store(_ files: CrashFiles, _ path: FilePath = path) -> VaultStore {
        VaultStore(path: path, files: files, clock: { 1_700_000_000_000_000_000 })
    }

    private func outcomes(
        _ operation: Operation, _ base: Base
    ) throws -> (calls: [String], old: Visible, new: Visible) {
        let old = try Visible(base.files.copy(), operation, base)
        let (files, vault) = try base.copy()
        try operation.run(vault)
        return (files.calls, old, try Visible(files.copy(), operation, base))
    }

    @Test(arguments: operations) func aFailedCallLeavesTheOldOrTheNewVault(_ operation: Operation) throws {
        let base = try Base()
        let (calls, old, new) = try outcomes(operation, base)
        #expect(calls.count > 8)
        for call in 1...calls.count {
            for event in [CrashFiles.Event.fails(.noSpace), .failsAfterwards] {
                let comment = Comment(rawValue: "\(event.name) at call \(call), \(calls[call - 1])")
                let (files, vault) = try base.copy(event, at: call)
                #expect(throws: VaultError.self, comment) { try operation.run(vault) }
                files.heal()
                let isOld = files[Self.path] == base.files[Self.path]
                let now = isOld ? old : try Visible(files.copy(), operation, base)
                #expect(now == old || now == new, comment)
                // The open handle shows what is on the disk, and goes on.
                var inMemory = try Visible(vault)
                inMemory.opens = now.opens
                // What was noted and could not be written is not lost.
                if operation.name == "flush uses" { inMemory.entries = now.entries }
                #expect(inMemory == now, comment)
                if isOld, operation.name != "back up" {
                    try operation.run(vault)
                    var again = try Visible(vault)
                    again.opens = new.opens
                    #expect(again == new, comment)
                }
                try vault.putForTest(20)
                _ = try vault.verify()
            }
        }
    }

    @Test(arguments: operations) func aCrashLeavesTheOldOrTheNewVault(_ operation: Operation) throws {
        let base = try Base()
        let (calls, old, new) = try outcomes(operation, base)
        var known = [try #require(base.files[Self.path]): old]
        for call in 1...calls.count {
            for event in [CrashFiles.Event.dies, .diesAfterwards] {
                let (files, vault) = try base.copy(event, at: call)
                #expect(throws: VaultError.self) { try operation.run(vault) }
                #expect(files.isDead)
                for survival in CrashFiles.Survival.allCases {
                    let comment = Comment(
                        rawValue: "\(event.name) at call \(call), \(calls[call - 1]), kept: \(survival.rawValue)")
                    let disk = files.survivors(survival)
                    let bytes = try #require(disk[Self.path], comment)
                    let isOld = bytes == base.files[Self.path]
                    // Bytes that were opened before need not be opened again.
                    let now = try known[bytes] ?? Visible(disk, operation, base)
                    known[bytes] = now
                    #expect(now == old || now == new, comment)
                    if let kept = disk[Self.previous] {
                        _ = try VaultFile(kept)
                        if !isOld, operation.forgets { #expect(kept == bytes, comment) }
                    }
                    if isOld, operation.name == "back up", let copy = disk[Self.backup] {
                        #expect(copy == bytes, comment)
                    }
                }
                // What a crash leaves lying about is in nobody's way.
                let disk = files.survivors(.all)
                if disk[Self.path] == base.files[Self.path] {
                    let again = try base.vault.sameKeys(in: Self.store(disk))
                    try again.putForTest(20)
                    _ = try again.verify()
                }
            }
        }
    }

    @Test func aCrashWhileItIsMadeLeavesNothingOrAVault() throws {
        func make(_ files: CrashFiles) throws { _ = try Self.store(files).createForTest() }
        let whole = CrashFiles()
        try make(whole)
        for call in 1...whole.calls.count {
            for event in [CrashFiles.Event.fails(.noSpace), .failsAfterwards, .dies, .diesAfterwards] {
                let files = CrashFiles().copy(event, at: call)
                #expect(throws: VaultError.self) { try make(files) }
                for survival in CrashFiles.Survival.allCases {
                    let disk = files.survivors(survival)
                    if disk[Self.path] != nil {
                        #expect(try Self.store(disk).open(Given.passphrase).entries() == [])
                    } else {
                        try make(disk)
                    }
                }
            }
        }
    }
}

extension OpenVault {
    /// The file as it is in memory.
    var file: VaultFile {
        get throws { try withContents { $0.file } }
    }

    /// Another handle with the same keys and contents, on another place.
    func sameKeys(in store: VaultStore) throws -> OpenVault {
        try withContents { contents throws(VaultError) in
            OpenVault(store: store, file: contents.file, keys: try contents.keys.copy())
        }
    }

    /// Another handle with the same keys on a file that they must have written.
    func sameKeys(in store: VaultStore, file: VaultFile) throws -> OpenVault {
        try withContents { contents throws(VaultError) in
            guard contents.keys.wrote(file.bytes) else { throw VaultError(.damaged, "sealed with other keys") }
            return OpenVault(store: store, file: file, keys: try contents.keys.copy())
        }
    }
}
