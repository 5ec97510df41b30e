import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeVault

/// One file of Protocol/vectors/vault, which Python wrote.
struct VaultVector: Decodable, Sendable, CustomTestStringConvertible {
    struct Entry: Decodable, Sendable {
        let identity: String
        let revision: UInt64
        let created: Int64
        let updated: Int64
        let used: Int64
        let iterations: UInt32
        let key: String
        let alias: String
        let path: String
        let hint: String
        let fingerprint: String
        let password: String
    }

    let fact: String
    let expect: String
    let secrets: [String]
    let entries: [Entry]
    let file: [String]

    var testDescription: String { fact }
    var bytes: [UInt8] { Self.bytes(file.joined()) }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { at in
            UInt8(String(decoding: digits[at..<at + 2], as: UTF8.self), radix: 16)!
        }
    }

    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Protocol/vectors/vault")

    /// All of them. A directory that cannot be read fails the process: a test of nothing would pass.
    static let all: [VaultVector] = try! FileManager.default.contentsOfDirectory(atPath: directory.path)
        .filter { $0.hasSuffix(".json") }.sorted().map { name in
            try JSONDecoder().decode(
                VaultVector.self, from: Data(contentsOf: directory.appendingPathComponent(name)))
        }

    static func named(_ fact: String) -> VaultVector { all.first { $0.fact.contains(fact) }! }
}

@Suite struct VectorTests {
    private func store(_ bytes: [UInt8]) throws -> VaultStore {
        let files = CrashFiles()
        try files.makeDirectory("/data")
        files[CrashTests.path] = bytes
        return CrashTests.store(files)
    }

    @Test func vectorsAreThere() { #expect(VaultVector.all.count >= 17) }

    @Test(arguments: VaultVector.all) func holds(_ vector: VaultVector) throws {
        let store = try store(vector.bytes)
        for secret in vector.secrets {
            switch vector.expect {
            case "ok":
                let vault = try store.open(secret)
                try expectEntries(vector.entries, in: vault)
                // What is read is written as the same bytes.
                let image = try vault.file.image
                let again = try vault.withContents { contents throws(VaultError) in
                    try VaultFile(image, keys: &contents.keys)
                }
                #expect(again.bytes == vector.bytes)
            case "damaged-entries":
                let vault = try store.open(secret)
                #expect(throws: VaultError(.damaged, "")) { _ = try vault.entries() }
                #expect(throws: VaultError(.damaged, "")) { _ = try vault.verify() }
                for entry in vector.entries {
                    let identity = try #require(DatabaseID(entry.identity))
                    #expect(throws: VaultError(.damaged, "")) { _ = try vault.password(of: identity) }
                }
            default:
                let code = try #require(VaultError.Code(rawValue: vector.expect))
                #expect(throws: VaultError(code, "")) { _ = try store.open(secret) }
            }
        }
    }

    private func expectEntries(_ expected: [VaultVector.Entry], in vault: OpenVault) throws {
        let entries = try vault.entries()
        #expect(entries.map(\.identity.description) == expected.map(\.identity))
        for (entry, expected) in zip(entries, expected) {
            #expect(entry.revision == expected.revision)
            #expect(entry.created == expected.created)
            #expect(entry.updated == expected.updated)
            #expect(entry.used == (expected.used == 0 ? nil : expected.used))
            #expect(entry.alias == expected.alias)
            #expect(entry.path?.bytes ?? [] == VaultVector.bytes(expected.path))
            #expect(entry.hint ?? "" == expected.hint)
            #expect(entry.kdfIterations ?? 0 == expected.iterations)
            #expect(entry.saltFingerprint ?? [] == VaultVector.bytes(expected.fingerprint))
            var password = try vault.password(of: entry.identity)
            #expect(password.text ?? "" == expected.password)
            var key = try vault.derivedKey(of: entry.identity)
            let bytes = key?.key.withBytes { Array($0) }
            #expect(bytes ?? [] == VaultVector.bytes(expected.key))
        }
    }

    /// Every bit, by accident: the checksum, or what stands in front of it, tells without a key.
    @Test func everyFlippedBitIsFound() throws {
        let bytes = VaultVector.named("every field").bytes
        for at in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[at] ^= 1 << UInt8(bit)
                let image = try? VaultImage.parse(flipped)
                #expect(image == nil, "byte \(at), bit \(bit)")
            }
        }
    }

    /// Every byte, by somebody who makes the checksum anew: the keyed sum tells, or the slot does not open.
    @Test func everyAlteredByteIsFound() throws {
        let vector = VaultVector.named("every field")
        let bytes = vector.bytes
        let vault = try store(bytes).open(Given.passphrase)
        let slots = 64..<(64 + 116)
        for at in bytes.indices.dropLast(Checksum.byteCount) {
            var altered = Array(bytes.dropLast(Checksum.byteCount))
            altered[at] ^= 1 << UInt8(at % 8)
            altered += Checksum.of(altered)
            let file: VaultFile
            do throws(VaultError) {
                file = try VaultFile(altered)
            } catch {
                continue
            }
            let isOurs = try vault.withContents { $0.keys.wrote(file.bytes) }
            #expect(!isOurs, "byte \(at)")
            if slots.contains(at) || at < 28 {
                #expect(throws: VaultError.self, "byte \(at)") { _ = try store(altered).open(Given.passphrase) }
            }
        }
    }

    @Test func everyShorterFileIsRefused() throws {
        let bytes = VaultVector.named("every field").bytes
        for count in 0..<bytes.count {
            #expect(throws: VaultError.self, "\(count) bytes") { _ = try VaultImage.parse(Array(bytes[..<count])) }
        }
        #expect(throws: VaultError(.damaged, "")) { _ = try VaultImage.parse(bytes + [0]) }
    }
}
