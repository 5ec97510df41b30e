internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Giving a secret away: straight from guarded memory into a descriptor.
public enum SecretSink {
    /// Writes all of it, and a line end where one is asked for.
    ///
    /// - Throws: `StorageError`; part of the secret may have been written then.
    public static func write(
        _ secret: inout SecretBytes, to descriptor: Int32, lineEnd: Bool = false
    ) throws(StorageError) {
        try secret.withBytes { (bytes: UnsafeRawBufferPointer) throws(StorageError) in
            try write(bytes, to: descriptor)
        }
        guard lineEnd else { return }
        try withUnsafeBytes(of: UInt8(ascii: "\n")) { (bytes: UnsafeRawBufferPointer) throws(StorageError) in
            try write(bytes, to: descriptor)
        }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(StorageError) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let n = sysWrite(descriptor, start, rest.count)
            if n >= 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(n))
                continue
            }
            let error = Errno(rawValue: errno)
            switch error {
            case .interrupted: continue
            case .wouldBlock, .resourceTemporarilyUnavailable:
                // Somebody else's descriptor may be one that does not wait.
                var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&entry, 1, -1)
            default: throw StorageError(error, operation: "write to", path: FilePath("descriptor \(descriptor)"))
            }
        }
    }
}

private func sysWrite(_ fd: Int32, _ p: UnsafeRawPointer, _ n: Int) -> Int { write(fd, p, n) }
