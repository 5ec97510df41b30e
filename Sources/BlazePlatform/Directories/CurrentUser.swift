public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The user that this process runs as.
public enum CurrentUser {
    /// The effective uid.
    public static var id: UInt32 { geteuid() }

    /// The home directory: `$HOME` when absolute, else the one of the password database, else `/`.
    public static func home(environment: [String: String]) -> FilePath {
        if let named = environment["HOME"], named.hasPrefix("/") { return FilePath(named) }
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16384)
        guard getpwuid_r(geteuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil,
            let directory = entry.pw_dir
        else { return "/" }
        return FilePath(platformString: directory)
    }

    /// The directory that relative paths are meant from; nil when it has been removed.
    public static func workingDirectory() -> FilePath? {
        guard let raw = getcwd(nil, 0) else { return nil }
        defer { free(raw) }
        return FilePath(platformString: raw)
    }
}
