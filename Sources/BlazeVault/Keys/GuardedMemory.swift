internal import BlazePlatform

extension SecretBytes {
    /// `count` guarded bytes that `fill` writes; any failure to get them is `noSecretMemory`.
    static func guarded(
        _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(VaultError) -> Void
    ) throws(VaultError) -> SecretBytes {
        do {
            return try SecretBytes(count: count) { buffer throws(VaultError) in try fill(buffer) }
        } catch let error as VaultError {
            throw error
        } catch {
            throw .noSecretMemory()
        }
    }

    /// A guarded copy of bytes that are in guarded memory themselves.
    static func guarded(copying bytes: some Collection<UInt8>) throws(VaultError) -> SecretBytes {
        try guarded(bytes.count) { $0.copyBytes(from: bytes) }
    }
}
