import BlazePlatform
import BlazeVault

/// The first byte says what the rest is: a vault's file, one without its checksum, the contents of an entry, or a secret as
/// it is typed.
public enum VaultTarget: FuzzTarget {
    /// `vault`.
    public static let name = "vault"

    /// What is read is written as the same bytes; what is refused is refused with an error.
    public static func run(_ input: [UInt8]) throws(Violation) {
        var source = ByteSource(input)
        let mode = source.byte() & 3
        let rest = source.rest()
        switch mode {
        case 0: try file(rest)
        case 1: try file(rest + Checksum.of(rest))
        case 2: try entry(rest)
        default: try secret(rest)
        }
    }

    private static func file(_ bytes: [UInt8]) throws(Violation) {
        do throws(VaultError) {
            let file = try VaultFile(bytes)
            let body = try file.image.body()
            try checked(body == Array(bytes.dropLast(64)), "a vault's file is not written as it was read")
            for (a, b) in zip(file.image.entries, file.image.entries.dropFirst()) {
                try checked(a.identity < b.identity, "a vault's entries are not in order")
            }
            try checked((1...8).contains(file.image.slots.count), "a vault has no slots, or too many")
            try checked(file.image.slots.allSatisfy { $0.costs.isAcceptable }, "costs out of their limits")
        } catch {
            if error.code == .writeFailed { throw Violation(error.message) }
        }
    }

    private static func entry(_ bytes: [UInt8]) throws(Violation) {
        guard var plain = guarded(bytes) else { return }
        var contents: EntryContents
        do throws(VaultError) {
            contents = try plain.withBytes { bytes throws(VaultError) in try EntryContents.read(bytes, secrets: true) }
        } catch {
            return
        }
        let written: [UInt8]
        do throws(VaultError) {
            var plaintext = try contents.plaintext()
            written = plaintext.withBytes { Array($0) }
        } catch {
            throw Violation("an entry that was read is not written: \(error.message)")
        }
        let padded = bytes + [0x80] + [UInt8](repeating: 0, count: 255 - bytes.count % 256)
        try require(written == padded, "an entry is not written as it was read")
    }

    private static func secret(_ bytes: [UInt8]) throws(Violation) {
        guard var secret = guarded(bytes) else { return }
        do throws(VaultError) {
            guard var symbols = try RecoveryCode.recognise(&secret) else { return }
            try checked(symbols.count == RecoveryCode.symbols, "a recovery code has another length")
            // The one spelling is its own.
            guard var again = try RecoveryCode.recognise(&symbols) else { throw VaultError(.writeFailed, "not a code") }
            let first = symbols.withBytes { Array($0) }
            let second = again.withBytes { Array($0) }
            try checked(first == second, "a recovery code has two spellings")
        } catch {
            if error.code == .writeFailed { throw Violation(error.message) }
        }
    }

    /// Guarded memory with bytes that are no secret; nil for more than any reader is given.
    private static func guarded(_ bytes: [UInt8]) -> SecretBytes? {
        guard bytes.count <= 16 << 10 else { return nil }
        return try? SecretBytes(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// A property, told through the errors of the vault by a code that reading never has.
    private static func checked(_ holds: Bool, _ property: String) throws(VaultError) {
        if !holds { throw VaultError(.writeFailed, property) }
    }
}
