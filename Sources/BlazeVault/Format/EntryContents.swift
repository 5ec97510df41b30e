package import BlazePlatform
internal import CSodium

/// What an entry seals (Protocol/vault.md 7).
package struct EntryContents: ~Copyable {
    package static let fixedBytes = 88
    static let keyBytes = 32
    static let longest =
        fixedBytes + VaultLimits.aliasBytes + VaultLimits.pathBytes + VaultLimits.hintBytes
        + VaultLimits.fingerprintBytes + VaultLimits.passwordBytes

    package var revision: UInt64 = 0
    var created: Int64 = 0
    var updated: Int64 = 0
    /// 0 when it was never used.
    var used: Int64 = 0
    /// The PBKDF2 iteration count of the derived key; 0 without one.
    var iterations: UInt32 = 0
    package var alias = ""
    var path: [UInt8] = []
    var hint = ""
    /// Of the salt that the derived key belongs to.
    var fingerprint: [UInt8] = []
    package var hasPassword = false
    /// Both are nil where only the open parts were asked for.
    package var password: SecretBytes?
    var key: SecretBytes?

    /// The padded plaintext, in guarded memory.
    ///
    /// - Throws: `limitExceeded`, `noSecretMemory`.
    package mutating func plaintext() throws(VaultError) -> SecretBytes {
        let alias = Array(alias.utf8)
        let hint = Array(hint.utf8)
        let passwordCount = password.secretCount
        try Self.check(alias.count, VaultLimits.aliasBytes, "an alias")
        try Self.check(path.count, VaultLimits.pathBytes, "a path")
        try Self.check(hint.count, VaultLimits.hintBytes, "a hint")
        try Self.check(fingerprint.count, VaultLimits.fingerprintBytes, "a salt's fingerprint")
        try Self.check(passwordCount, VaultLimits.passwordBytes, "a password")
        let open = alias + path + hint + fingerprint
        let count = Self.fixedBytes + open.count + passwordCount
        let padded = (count / SealedEntry.block + 1) * SealedEntry.block
        let front =
            revision.bigEndianBytes + created.bigEndianBytes + updated.bigEndianBytes + used.bigEndianBytes
            + iterations.bigEndianBytes
        let lengths = [alias.count, path.count, hint.count, fingerprint.count, passwordCount].flatMap {
            UInt32($0).bigEndianBytes
        }
        return try .guarded(padded) { [iterations] out throws(VaultError) in
            // sodium_malloc fills with rubbish.
            out.initializeMemory(as: UInt8.self, repeating: 0)
            var at = 0
            func append(_ bytes: some Collection<UInt8>) {
                UnsafeMutableRawBufferPointer(rebasing: out[at...]).copyBytes(from: bytes)
                at += bytes.count
            }
            append(front)
            if iterations > 0 {
                key.withSecret { append($0.prefix(Self.keyBytes)) }
            } else {
                at += Self.keyBytes
            }
            append(lengths)
            append(open)
            password.withSecret { append($0) }
            var length = 0
            guard sodium_pad(&length, out.bytes, count, SealedEntry.block, out.count) == 0, length == out.count else {
                throw .malformed("an entry cannot be padded")
            }
        }
    }

    private static func check(_ count: Int, _ limit: Int, _ what: String) throws(VaultError) {
        guard count <= limit else {
            throw VaultError(.limitExceeded, "\(what) is limited to \(limit) bytes in the vault")
        }
    }

    /// Reads an unpadded plaintext. Secrets are copied into guarded memory of their own when `secrets` says so.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, secrets: Bool
    ) throws(VaultError) -> EntryContents {
        var fields = FieldReader(bytes)
        guard let revision = fields.integer(UInt64.self), let created = fields.integer(Int64.self),
            let updated = fields.integer(Int64.self), let used = fields.integer(Int64.self),
            let iterations = fields.integer(UInt32.self), let key = fields.take(keyBytes),
            let aliasCount = fields.length(VaultLimits.aliasBytes),
            let pathCount = fields.length(VaultLimits.pathBytes),
            let hintCount = fields.length(VaultLimits.hintBytes),
            let fingerprintCount = fields.length(VaultLimits.fingerprintBytes),
            let passwordCount = fields.length(VaultLimits.passwordBytes),
            let alias = fields.take(aliasCount), let path = fields.take(pathCount), let hint = fields.take(hintCount),
            let fingerprint = fields.take(fingerprintCount), let password = fields.take(passwordCount),
            fields.left == 0, let alias = String(validating: alias, as: UTF8.self),
            let hint = String(validating: hint, as: UTF8.self)
        else { throw .malformed("an entry's contents are wrong") }
        guard iterations > 0 ? fingerprintCount > 0 : fingerprintCount == 0 && key.allSatisfy({ $0 == 0 }) else {
            throw .malformed("an entry's derived key is incomplete")
        }
        var out = EntryContents()
        out.revision = revision
        out.created = created
        out.updated = updated
        out.used = used
        out.iterations = iterations
        out.alias = alias
        out.path = Array(path)
        out.hint = hint
        out.fingerprint = Array(fingerprint)
        out.hasPassword = passwordCount > 0
        if secrets {
            if passwordCount > 0 { out.password = try .guarded(copying: password) }
            if iterations > 0 { out.key = try .guarded(copying: key) }
        }
        return out
    }
}

extension FieldReader {
    /// A length, nil when it is over its limit.
    fileprivate mutating func length(_ limit: Int) -> Int? {
        integer(UInt32.self).flatMap { $0 <= UInt32(limit) ? Int($0) : nil }
    }
}

extension Optional where Wrapped == SecretBytes {
    /// The count of bytes, 0 for none.
    var secretCount: Int {
        switch self {
        case .some(let secret): secret.count
        case .none: 0
        }
    }

    /// Lets `body` read the secret, where there is one.
    mutating func withSecret(_ body: (UnsafeRawBufferPointer) -> Void) {
        self?.withBytes(body)
    }
}
