internal import BlazeEngine
internal import BlazePlatform
public import SystemPackage

extension DirectoryScan {
    /// Whether a name is that of a database: it ends in `.blazedb`, has something before that, is not hidden, and is
    /// nothing that BlazeDB leaves behind.
    public static func isDatabaseName(_ name: [UInt8]) -> Bool {
        DirectoryWalk.isDatabaseName(name) && Leftover.Kind(orphan: name) == nil
    }

    /// Whether a walk would not enter a directory below a root.
    public func passesOver(_ directory: FilePath) -> Bool {
        guard let name = directory.lastComponent else { return false }
        if let mount = mounts[directory], mount.nature != .local { return true }
        return excludes(name: FilePath(root: nil, [name]).bytes) || excludes(path: directory)
    }

    /// The directories in a directory that a walk would enter; none when it cannot be listed.
    public func directories(in directory: FilePath) -> [FilePath] {
        var listing = DirectoryListing()
        var out: [FilePath] = []
        guard let opened = try? DirectoryListing.open(directory) else { return [] }
        _ = try? listing.forEachCandidate(in: opened) { name, kind in
            if kind == .directory, let component = FilePath(bytes: Array(name))?.components.first {
                out.append(directory.appending(component))
            }
        }
        return out.filter { !passesOver($0) }
    }
}
