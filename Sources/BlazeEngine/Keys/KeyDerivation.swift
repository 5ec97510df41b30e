internal import BlazePlatform
internal import CKeyDerivation

/// One way to derive a database's key: a salt and a PBKDF2 iteration count, which no file tells (FORMAT.md 2).
struct KeyDerivation {
    /// What BlazeDB uses since 2.7.1.
    static let current = 600_000
    /// What BlazeDB uses under XCTest.
    static let underTest = 100_000
    /// What BlazeDB used up to 2.7.0, always with the constant salt.
    static let old = 10_000
    /// AES-256 and HMAC-SHA256 take 32 bytes.
    static let keyBytes = 32

    let salt: Salt
    let iterations: Int

    /// The derivations to try, in order. A count that the caller names is the only one.
    static func candidates(salt: Salt, iterations: Int?) throws(EngineError) -> [KeyDerivation] {
        if let iterations {
            return [KeyDerivation(salt: salt, iterations: try checked(iterations))]
        }
        let present = [
            KeyDerivation(salt: salt, iterations: current), KeyDerivation(salt: salt, iterations: underTest),
        ]
        let old = KeyDerivation(salt: .constant, iterations: old)
        return salt.source == .constant ? [old] + present : present + [old]
    }

    /// The count, or `.invalidIterations` where it is out of its range.
    static func checked(_ iterations: Int) throws(EngineError) -> Int {
        guard (1...EngineLimits.iterations).contains(iterations) else {
            throw EngineError(
                .invalidIterations,
                "the PBKDF2 iteration count must be from 1 to \(EngineLimits.iterations)")
        }
        return iterations
    }

    /// `PBKDF2-HMAC-SHA256(password, salt, iterations, 32 bytes)`, written into guarded memory and nowhere else. The
    /// password is taken as its bytes.
    func key(password: inout SecretBytes) throws(EngineError) -> SecretBytes {
        // What the derivation leaves on the stack leads to the key.
        defer { wipeStack() }
        do {
            return try SecretBytes(count: Self.keyBytes) { key throws(EngineError) in
                try derive(password: &password, into: key)
            }
        } catch let error as EngineError {
            throw error
        } catch {
            throw .noSecretMemory()
        }
    }

    private func derive(
        password: inout SecretBytes, into key: UnsafeMutableRawBufferPointer
    ) throws(EngineError) {
        let status = password.withBytes { password in
            salt.bytes.withUnsafeBytes { salt in
                blaze_pbkdf2_sha256(
                    password.baseAddress, password.count, salt.baseAddress, salt.count, UInt32(clamping: iterations),
                    key.baseAddress, key.count)
            }
        }
        guard status == 0 else {
            throw EngineError(.readFailed, "the key derivation failed", hint: "memory may be short")
        }
    }
}

extension EngineError {
    /// Guarded memory for a key could not be had.
    static func noSecretMemory() -> EngineError {
        EngineError(
            .noSecretMemory, "locked memory for the key could not be had",
            hint: "raise the limit on locked memory (ulimit -l)")
    }
}
