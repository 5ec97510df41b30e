import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

/// Sealed streams: what was sealed comes back, and nothing else is taken for it.
@Suite struct SealTests {
    static let path: FilePath = "/sealed"

    static func seal(
        _ plain: [UInt8], passphrase: String? = "a passphrase", recipients: [SealRecipient] = [], piece: Int = 1000
    ) throws -> [UInt8] {
        var text = try passphrase.map { try SecretBytes(utf8: $0) }
        let writer = try SealWriter(passphrase: &text, costs: .cheapest, recipients: recipients)
        var out = writer.header
        for start in stride(from: 0, to: plain.count, by: piece) {
            writer.write(Array(plain[start..<min(plain.count, start + piece)]), to: &out)
        }
        writer.finish(to: &out)
        return out
    }

    static func open(_ sealed: [UInt8], with secret: inout SealSecret) throws -> [UInt8] {
        let storage = MemoryStorage()
        storage[path] = sealed
        let reader = try SealReader(storage.open(path), with: &secret)
        var out: [UInt8] = []
        while let piece = try reader.next() { out += piece }
        return out
    }

    static func open(_ sealed: [UInt8], passphrase: String = "a passphrase") throws -> [UInt8] {
        var secret = SealSecret(passphrase: try SecretBytes(utf8: passphrase))
        return try open(sealed, with: &secret)
    }

    static func open(_ sealed: [UInt8], identity text: String) throws -> [UInt8] {
        var text = try SecretBytes(utf8: text)
        var secret = SealSecret(identity: try SealIdentity(text: &text))
        return try open(sealed, with: &secret)
    }

    static func newIdentity() throws -> (text: String, recipient: SealRecipient) {
        var identity = try SealIdentity.random()
        var text = try identity.text()
        return (text.withBytes { String(decoding: $0, as: UTF8.self) }, identity.recipient)
    }

    static func bytes(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) } }

    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000])
    func whatWasSealedComesBack(_ count: Int) throws {
        let plain = Self.bytes(count)
        for piece in [count / 3 + 1, 70_000] {
            let sealed = try Self.seal(plain, piece: piece)
            #expect(try Self.open(sealed) == plain)
        }
    }

    @Test func everyRecipientAndThePassphraseOpen() throws {
        let first = try Self.newIdentity()
        let second = try Self.newIdentity()
        let other = try Self.newIdentity()
        let plain = Self.bytes(100)
        let both = try Self.seal(plain, recipients: [first.recipient, second.recipient])
        #expect(try Self.open(both) == plain)
        #expect(try Self.open(both, identity: first.text) == plain)
        #expect(try Self.open(both, identity: "  \(second.text)\n") == plain)
        let none = try Self.seal(plain, passphrase: nil, recipients: [first.recipient])
        for attempt in [
            { try Self.open(both, passphrase: "another") }, { try Self.open(both, identity: other.text) },
            { try Self.open(none) },
        ] {
            let error = #expect(throws: SealError.self) { try attempt() }
            #expect(error?.code == .notOpened)
        }
        let header = try SealHeader(Array(none.prefix(SealHeader.longest)))
        #expect(!header.takesPassphrase && header.takesIdentity)
    }

    @Test func everyFlippedByteIsFound() throws {
        let one = try Self.newIdentity()
        // Opened by the recipient, so that no flip costs a derivation, but for those in the passphrase's own slot.
        let sealed = try Self.seal(Self.bytes(300), recipients: [one.recipient])
        for at in sealed.indices {
            for flip: UInt8 in [1, 0x80] {
                var changed = sealed
                changed[at] ^= flip
                #expect(throws: SealError.self, "byte \(at)") { try Self.open(changed, identity: one.text) }
            }
        }
    }

    @Test func everyTruncationAndEveryByteBehindTheEndAreFound() throws {
        let one = try Self.newIdentity()
        let sealed = try Self.seal(Self.bytes(300), passphrase: nil, recipients: [one.recipient])
        for count in 0..<sealed.count {
            #expect(throws: SealError.self, "\(count) bytes") {
                try Self.open(Array(sealed.prefix(count)), identity: one.text)
            }
        }
        for more in [[0], Self.bytes(17), Self.bytes(65_553)] {
            #expect(throws: SealError.self) { try Self.open(sealed + more, identity: one.text) }
        }
    }

    @Test func chunksThatAreLeftOutMovedOrDoubledAreFound() throws {
        let one = try Self.newIdentity()
        let sealed = try Self.seal(Self.bytes(3 * 65_536 + 5), passphrase: nil, recipients: [one.recipient])
        let chunk = 65_536 + 17
        let header = sealed.count - 3 * chunk - 22
        func piece(_ n: Int) -> [UInt8] {
            Array(sealed[header + n * chunk..<min(sealed.count, header + (n + 1) * chunk)])
        }
        let head = Array(sealed[..<header])
        #expect(try Self.open(head + piece(0) + piece(1) + piece(2) + piece(3), identity: one.text).count == 196_613)
        for order in [[0], [0, 1], [0, 1, 2], [1, 0, 2, 3], [0, 0, 1, 2, 3], [0, 2, 3], [3], [0, 1, 2, 3, 3], []] {
            #expect(throws: SealError.self, "\(order)") {
                try Self.open(head + order.flatMap(piece), identity: one.text)
            }
        }
        // A chunk of another stream for the same recipient is no chunk of this one.
        let other = try Self.seal(Self.bytes(3 * 65_536 + 5), passphrase: nil, recipients: [one.recipient])
        #expect(throws: SealError.self) {
            try Self.open(Array(other[..<header]) + sealed[header...], identity: one.text)
        }
    }

    @Test func costsOutsideOfTheLimitsTakeNoMemory() throws {
        let sealed = try Self.seal(Self.bytes(10))
        for (at, value) in [(20, 0xFF), (23, 0), (24, 0x7F), (26, 0)] as [(Int, UInt8)] {
            var changed = sealed
            changed[at] = value
            let error = #expect(throws: SealError.self) { try Self.open(changed) }
            #expect(error?.code == .costs)
        }
    }

    @Test func recipientsAndIdentitiesAreCheckedByTheirText() throws {
        let one = try Self.newIdentity()
        let text = one.recipient.description
        #expect(text.hasPrefix("blazedb-recipient-") && one.text.hasPrefix("blazedb-identity-"))
        #expect(try SealRecipient(text) == one.recipient)
        for (from, to) in [("blazedb-recipient", one.recipient.description), ("blazedb-identity", one.text)] {
            for at in to.indices {
                var changed = to
                changed.replaceSubrange(at...at, with: to[at] == "0" ? "1" : "0")
                if from == "blazedb-recipient" {
                    #expect(throws: SealError.self) { try SealRecipient(changed) }
                } else {
                    #expect(throws: SealError.self) {
                        var bytes = try SecretBytes(utf8: changed)
                        _ = try SealIdentity(text: &bytes).recipient
                    }
                }
            }
        }
        // A key of low order, for which nothing can be sealed.
        let low = try #require(SealRecipient(key: [UInt8](repeating: 0, count: 32)))
        let error = #expect(throws: SealError.self) { try Self.seal([1], passphrase: nil, recipients: [low]) }
        #expect(error?.code == .invalidRecipient)
    }

    @Test func aStreamIsSealedForSomebody() throws {
        let error = #expect(throws: SealError.self) { try Self.seal([1], passphrase: nil) }
        #expect(error?.code == .unfit)
        let one = try Self.newIdentity()
        #expect(throws: SealError.self) {
            try Self.seal([1], recipients: [SealRecipient](repeating: one.recipient, count: 64))
        }
    }
}
