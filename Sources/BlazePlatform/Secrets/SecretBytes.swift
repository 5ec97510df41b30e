internal import CSodium

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Guarded memory could not be had: the limit on locked memory is reached, or memory is out.
public struct SecretMemoryError: Error, Sendable, Equatable {
    /// The error.
    public init() {}
}

/// A secret in libsodium's guarded memory: locked, surrounded by guard pages, unreadable except inside `withBytes`,
/// and wiped when it is let go.
///
/// Page protection is not counted, so overlapping uses would end each other's access: `withBytes` is `mutating`, which
/// lets exclusivity forbid that, and a shared secret stands behind a `Mutex`.
public struct SecretBytes: ~Copyable, Sendable {
    // Sole owner of the allocation, so sending it to another thread is safe.
    private nonisolated(unsafe) let base: UnsafeMutableRawPointer
    /// The count of bytes.
    public let count: Int

    /// `count` bytes that `fill` writes. The caller has checked `count` against a limit.
    public init<E: Error>(
        count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void
    ) throws {
        guard sodium_init() >= 0, let start = sodium_malloc(count) else { throw SecretMemoryError() }
        do {
            try fill(UnsafeMutableRawBufferPointer(start: start, count: count))
        } catch {
            sodium_free(start)
            throw error
        }
        sodium_mprotect_noaccess(start)
        base = start
        self.count = count
    }

    /// A copy of `bytes`; the caller wipes its own.
    public init(copying bytes: UnsafeRawBufferPointer) throws {
        try self.init(count: bytes.count) { $0.copyMemory(from: bytes) }
    }

    /// The secret, readable until `body` returns. Never keep the pointer, never copy it into a String or Data.
    public mutating func withBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        sodium_mprotect_readonly(base)
        defer { sodium_mprotect_noaccess(base) }
        return try body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// The secret, to be changed in place until `body` returns: for what a cipher keeps between two calls.
    public mutating func withMutableBytes<R: ~Copyable, E: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        sodium_mprotect_readwrite(base)
        defer { sodium_mprotect_noaccess(base) }
        return try body(UnsafeMutableRawBufferPointer(start: base, count: count))
    }

    /// Another allocation with the same bytes.
    public mutating func duplicate() throws -> SecretBytes {
        let count = count
        return try withBytes { source in
            try SecretBytes(count: count) { $0.copyMemory(from: source) }
        }
    }

    /// Whether another secret is the same; compared in constant time when their lengths are.
    public mutating func isEqual(to other: inout SecretBytes) -> Bool {
        guard count == other.count else { return false }
        return withBytes { mine in
            other.withBytes { sodium_memcmp(mine.baseAddress!, $0.baseAddress!, mine.count) == 0 }
        }
    }

    /// Another allocation with these bytes and then the other's.
    public mutating func joined(with other: inout SecretBytes) throws -> SecretBytes {
        let (first, second) = (count, other.count)
        return try withBytes { mine in
            try other.withBytes { theirs in
                try SecretBytes(count: first + second) { out in
                    UnsafeMutableRawBufferPointer(rebasing: out[..<first]).copyMemory(from: mine)
                    UnsafeMutableRawBufferPointer(rebasing: out[first...]).copyMemory(from: theirs)
                }
            }
        }
    }

    /// Another allocation with some of the bytes.
    public mutating func copy(of range: Range<Int>) throws -> SecretBytes {
        try withBytes { try SecretBytes(copying: UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    deinit { sodium_free(base) }
}

/// Overwrites memory in a way that is not optimised away.
public func wipe(_ buffer: UnsafeMutableRawBufferPointer) {
    guard let base = buffer.baseAddress else { return }
    sodium_memzero(base, buffer.count)
}

/// Whether two lists of bytes are the same, in a time that depends on their lengths only.
public func isEqualInConstantTime(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && sodium_memcmp(a, b, a.count) == 0
}

/// Whether locked memory is to be had, tried with one page (`RLIMIT_MEMLOCK`).
public func canLockMemory() -> Bool {
    guard sodium_init() >= 0, let p = sodium_malloc(64) else { return false }
    defer { sodium_free(p) }
    let page = UInt(bitPattern: p) & ~4095
    guard let start = UnsafeRawPointer(bitPattern: page) else { return false }
    // sodium_malloc has locked this page already; locking again tells whether that can have worked.
    return mlock(start, 4096) == 0
}
