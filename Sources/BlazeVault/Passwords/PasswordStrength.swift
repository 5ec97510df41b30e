public import BlazePlatform

#if canImport(CZxcvbn)
    internal import CZxcvbn
#endif
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// How well a password stands up to guessing, and whether BlazeDB takes it.
public struct StrengthReport: Sendable, Hashable {
    /// zxcvbn's score, from 0 (guessed at once) to 4; nil where this build has no libzxcvbn.
    public let score: Int?
    /// The decimal logarithm of the guesses that it takes; nil where this build has no libzxcvbn.
    public let log10Guesses: Double?
    /// BlazeDB's own estimate, from 0 to 5.
    public let policyStrength: Int
    /// The rules of BlazeDB's policy that the password does not meet; BlazeDB opens no database with one that has any.
    public let unmet: [PasswordPolicy.Rule]
}

/// Strength of passwords.
public enum PasswordStrength {
    /// Assesses a password by zxcvbn and by BlazeDB's policy.
    ///
    /// - Throws: `limitExceeded` for more than `VaultLimits.passwordBytes`, `noSecretMemory`.
    public static func assess(_ password: inout SecretBytes) throws(VaultError) -> StrengthReport {
        defer { wipeStack() }
        guard password.count <= VaultLimits.passwordBytes else {
            throw VaultError(.limitExceeded, "a password is limited to \(VaultLimits.passwordBytes) bytes")
        }
        let verdict = password.withBytes { PasswordPolicy.verdict($0) }
        let bits = try entropy(&password)
        // The borders between zxcvbn's scores, as decimal logarithms.
        let guesses = bits.map { $0 * log10(2) }
        let score = guesses.map { guesses in [3, 6, 8, 10].count { guesses >= $0 } }
        return StrengthReport(
            score: score, log10Guesses: guesses, policyStrength: verdict.strength, unmet: verdict.unmet)
    }

    #if canImport(CZxcvbn)
        /// zxcvbn's estimate in bits. A byte of zero ends the text for it, which only lowers the estimate.
        private static func entropy(_ password: inout SecretBytes) throws(VaultError) -> Double? {
            let count = password.count
            var terminated = try SecretBytes.guarded(count + 1) { out in
                password.withBytes { out.copyBytes(from: $0) }
                out[count] = 0
            }
            let bits = terminated.withBytes { text in
                ZxcvbnMatch(UnsafeRawPointer(text.bytes).assumingMemoryBound(to: CChar.self), nil, nil)
            }
            clearFreed(count + 1)
            return bits
        }

        /// zxcvbn gives memory back in which it has turned the password around. The allocator hands that out again to
        /// the next who ask for as much: it is taken and cleared.
        private static func clearFreed(_ count: Int) {
            var taken: [UnsafeMutableRawPointer] = []
            for size in [count, count + 1] {
                for _ in 0..<32 {
                    guard let memory = malloc(size) else { break }
                    wipe(UnsafeMutableRawBufferPointer(start: memory, count: size))
                    taken.append(memory)
                }
            }
            for memory in taken { free(memory) }
        }
    #else
        private static func entropy(_ password: inout SecretBytes) throws(VaultError) -> Double? { nil }
    #endif
}
