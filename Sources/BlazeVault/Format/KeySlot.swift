internal import BlazePlatform

/// One way to the data key: it, sealed under a key that is derived from a secret (Protocol/vault.md 4).
package struct KeySlot: Sendable, Equatable {
    /// What kind of secret opens a slot.
    package enum Kind: UInt32, Sendable {
        case passphrase = 1
        case recovery = 2
    }

    static let byteCount = 116
    static let saltBytes = 16
    static let nonceBytes = 24
    static let wrappedBytes = 48
    /// Argon2id of RFC 9106, version 0x13.
    static let algorithm: UInt32 = 2

    package var kind: Kind
    package var number: UInt32
    package var costs: KDFCosts
    package var created: Int64
    package var salt: [UInt8]
    var nonce: [UInt8]
    var wrapped: [UInt8]

    /// The part that says how the key is derived: associated data of the sealed data key.
    var header: [UInt8] {
        kind.rawValue.bigEndianBytes + number.bigEndianBytes + Self.algorithm.bigEndianBytes
            + costs.operations.bigEndianBytes + costs.memoryKiB.bigEndianBytes + created.bigEndianBytes + salt
    }

    var bytes: [UInt8] { header + nonce + wrapped }

    /// Reads a slot. The file's checksum holds, so whatever is wrong was written that way.
    static func read(_ fields: inout FieldReader<[UInt8]>) throws(VaultError) -> KeySlot {
        guard let kind = fields.integer(UInt32.self), let number = fields.integer(UInt32.self),
            let algorithm = fields.integer(UInt32.self), let operations = fields.integer(UInt32.self),
            let memory = fields.integer(UInt32.self), let created = fields.integer(Int64.self),
            let salt = fields.take(saltBytes), let nonce = fields.take(nonceBytes),
            let wrapped = fields.take(wrappedBytes)
        else { throw .malformed("it ends within a key slot") }
        guard let kind = Kind(rawValue: kind) else { throw .malformed("a key slot is of an unknown kind") }
        guard algorithm == Self.algorithm else { throw .malformed("a key slot uses an unknown key derivation") }
        guard number >= 1, number <= UInt32(VaultLimits.slots) else { throw .malformed("a key slot's number is wrong") }
        let costs = KDFCosts(operations: operations, memoryKiB: memory)
        try costs.checked()
        return KeySlot(
            kind: kind, number: number, costs: costs, created: created, salt: Array(salt), nonce: Array(nonce),
            wrapped: Array(wrapped))
    }
}

extension VaultError {
    static func malformed(_ what: String) -> VaultError {
        VaultError(.damaged, "the vault's file is malformed: \(what)", hint: restoreHint)
    }

    static var restoreHint: String {
        "the generation before is beside it, with .previous behind its name; a backup has the same format"
    }
}
