public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Taking files of the agent's own away.
public enum RemovedFile {
    /// Removes a file; one that is not there is removed already.
    public static func remove(_ path: FilePath) throws(StorageError) {
        guard path.withPlatformString({ unlink($0) }) != 0 else { return }
        let error = StorageError(Errno(rawValue: errno), operation: "remove", path: path)
        guard error.code == .notFound else { throw error }
    }
}
