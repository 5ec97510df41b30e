public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension FilePath {
    /// The path with every symbolic link in it followed; nil when it names nothing.
    public var resolved: FilePath? {
        guard let raw = withPlatformString({ realpath($0, nil) }) else { return nil }
        defer { free(raw) }
        return FilePath(platformString: raw)
    }

    /// One spelling for a file however it was named: absolute, its directory's links followed, its own name kept.
    ///
    /// The last component is not followed, because a database's other files lie beside the name, not beside what it
    /// may link to. A directory that does not exist is cleaned up by its text alone.
    public func canonical(from workingDirectory: FilePath) -> FilePath {
        let absolute = isAbsolute ? self : workingDirectory.pushing(self)
        guard let name = absolute.lastComponent, name.kind == .regular else {
            return absolute.resolved ?? absolute.lexicallyNormalized()
        }
        let directory = absolute.removingLastComponent()
        return (directory.resolved ?? directory.lexicallyNormalized()).appending(name)
    }
}
