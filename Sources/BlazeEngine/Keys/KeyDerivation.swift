internal import BlazePlatform
internal import Crypto
internal import CryptoExtras

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// One way to derive a database's key: a salt and a PBKDF2 iteration count, which no file tells (FORMAT.md 2).
struct KeyDerivation {
    /// What BlazeDB uses since 2.7.1.
    static let current = 600_000
    /// What BlazeDB uses under XCTest.
    static let underTest = 100_000
    /// What BlazeDB used up to 2.7.0, always with the constant salt.
    static let old = 10_000

    let salt: Salt
    let iterations: Int

    /// The derivations to try, in order. A count that the caller names is the only one.
    static func candidates(salt: Salt, iterations: Int?) throws(EngineError) -> [KeyDerivation] {
        if let iterations {
            guard (1...EngineLimits.iterations).contains(iterations) else {
                throw EngineError(
                    .invalidIterations,
                    "the PBKDF2 iteration count must be from 1 to \(EngineLimits.iterations)")
            }
            return [KeyDerivation(salt: salt, iterations: iterations)]
        }
        let present = [
            KeyDerivation(salt: salt, iterations: current), KeyDerivation(salt: salt, iterations: underTest),
        ]
        let old = KeyDerivation(salt: .constant, iterations: old)
        return salt.source == .constant ? [old] + present : present + [old]
    }

    /// `PBKDF2-HMAC-SHA256(password, salt, iterations, 32 bytes)`. The password is taken as its bytes.
    func key(password: inout SecretBytes) throws(EngineError) -> SymmetricKey {
        do {
            // An empty buffer may have no address, which the derivation needs.
            return try password.withBytes { (bytes: UnsafeRawBufferPointer) throws -> SymmetricKey in
                try withUnsafeBytes(of: UInt8(0)) { nothing in
                    try KDF.Insecure.PBKDF2.deriveKey(
                        from: bytes.isEmpty ? UnsafeRawBufferPointer(rebasing: nothing.prefix(0)) : bytes,
                        salt: salt.bytes, using: .sha256, outputByteCount: 32, unsafeUncheckedRounds: iterations)
                }
            }
        } catch {
            throw EngineError(.readFailed, "the key derivation failed", hint: "memory may be short")
        }
    }
}
