import BlazeModel
import BlazePlatform
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

/// Random operations by two handles, held against a dictionary.
@Suite struct ModelTests {
    private struct Expected: Equatable {
        var alias: String
        var path: [UInt8]
        var password: String?
        var key: [UInt8]?
        var hint: String?
        var revision: UInt64
        var used: Int64?
    }

    @Test func behavesLikeADictionary() throws {
        var random = SeededGenerator.printed()
        for _ in 0..<testRounds(3) { try round(&random) }
    }

    private func round(_ random: inout SeededGenerator) throws {
        let files = CrashFiles()
        let clock = Ticks()
        let store = VaultStore(path: CrashTests.path, files: files, clock: { clock.next() })
        let first = try store.createForTest().vault
        let second = try first.sameKeys(in: store)
        var model: [DatabaseID: Expected] = [:]
        var notedUses: [Int: [DatabaseID: Int64]] = [:]
        for _ in 0..<80 {
            let which = Int.random(in: 0...1, using: &random)
            let vault = [first, second][which]
            let identity = Given.identity(Int.random(in: 0..<12, using: &random))
            let alias = "alias \(Int.random(in: 0..<20, using: &random))"
            let isTaken = model.contains { $0.key != identity && $0.value.alias == alias }
            let isThere = model[identity] != nil
            var code: VaultError.Code?
            var wrote = true
            do throws(VaultError) {
                switch Int.random(in: 0..<9, using: &random) {
                case 0...2:
                    let text =
                        Bool.random(using: &random)
                        ? String(repeating: "\u{E9}p", count: Int.random(in: 1...200, using: &random)) : nil
                    let hint = Bool.random(using: &random) ? "hint \(alias)" : nil
                    let byte = UInt8.random(in: 0...255, using: &random)
                    let hasKey = Bool.random(using: &random)
                    let path: [UInt8] = Array("/db/x".utf8) + [UInt8.random(in: 48...255, using: &random)]
                    var expected = Expected(
                        alias: alias, path: path, password: text, key: hasKey ? (0..<32).map { byte &+ $0 } : nil,
                        hint: hint ?? model[identity]?.hint, revision: (model[identity]?.revision ?? 0) + 1,
                        used: model[identity]?.used)
                    if isTaken { expected.alias = "" }
                    var password: SecretBytes? = nil
                    var key: DerivedKey? = nil
                    do {
                        if let text { password = try SecretBytes(utf8: text) }
                        if hasKey { key = try Given.key(byte) }
                    } catch {
                        throw VaultError(.noSecretMemory, "")
                    }
                    try vault.put(
                        identity, alias: alias, path: FilePath(bytes: path), password: &password, derivedKey: &key,
                        hint: hint)
                    model[identity] = expected
                    // A use that was noted before there was an entry is none of the new one's.
                    if !isThere { notedUses[which]?[identity] = nil }
                case 3:
                    try vault.remove(identity)
                    model[identity] = nil
                    notedUses[which]?[identity] = nil
                case 4:
                    try vault.rename(identity, to: alias)
                    model[identity]?.alias = alias
                    model[identity]?.revision += 1
                case 5:
                    let hint = Bool.random(using: &random) ? "another" : nil
                    try vault.setHint(hint, for: identity)
                    model[identity]?.hint = hint
                    model[identity]?.revision += 1
                case 6:
                    var key: DerivedKey? = nil
                    try vault.setKey(&key, of: identity)
                    model[identity]?.key = nil
                    model[identity]?.revision += 1
                case 7:
                    vault.noteUse(identity)
                    notedUses[which, default: [:]][identity] = clock.last
                    wrote = false
                default:
                    try vault.flushUses()
                }
            } catch {
                code = error.code
            }
            if let code {
                wrote = false
                #expect((code == .aliasTaken && isTaken) || (code == .noSuchEntry && !isThere))
            }
            if wrote {
                for (used, time) in notedUses[which] ?? [:] {
                    if let before = model[used], before.used ?? 0 < time { model[used]?.used = time }
                }
                notedUses[which] = nil
                let other = [second, first][which]
                try other.refresh()
                try expect(model, in: vault, noted: [:])
                try expect(model, in: other, noted: notedUses[1 - which] ?? [:])
            }
        }
        try expect(model, in: try store.open(Given.passphrase), noted: [:])
    }

    private func expect(_ model: [DatabaseID: Expected], in vault: OpenVault, noted: [DatabaseID: Int64]) throws {
        var found: [DatabaseID: Expected] = [:]
        for entry in try vault.entries() {
            var password = try vault.password(of: entry.identity)
            var key = try vault.derivedKey(of: entry.identity)
            found[entry.identity] = Expected(
                alias: entry.alias, path: entry.path?.bytes ?? [], password: password.text,
                key: key?.key.withBytes { Array($0) }, hint: entry.hint, revision: entry.revision, used: entry.used)
        }
        var expected = model
        for (identity, time) in noted where (expected[identity]?.used ?? 0) < time { expected[identity]?.used = time }
        for identity in Set(found.keys).union(expected.keys) {
            try #require(found[identity] == expected[identity])
        }
    }
}

/// A clock that moves by one with every look.
private final class Ticks: Sendable {
    private let count = Mutex<Int64>(1_000)
    func next() -> Int64 {
        count.withLock {
            $0 += 1
            return $0
        }
    }
    var last: Int64 { count.withLock { $0 } }
}
