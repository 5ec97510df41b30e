internal import CPlatform
public import SystemPackage

/// Where file systems are mounted, as one look at the system's table shows it.
///
/// The table is asked instead of the directories themselves, because touching a mount point may already hang (a server
/// that is gone) or mount something (autofs).
public struct MountTable: Sendable {
    /// What may be expected of a file system.
    public enum Nature: Sendable, Equatable {
        /// Files on this machine.
        case local
        /// No files at all: the kernel's own objects, or mounts that come by being looked at.
        case pseudo
        /// Another machine's files, or those of a program: either may never answer.
        case remote
    }

    /// A mounted file system.
    public struct Mount: Sendable, Equatable {
        /// Its type, such as `ext4`.
        public let type: String
        /// What may be expected of it.
        public let nature: Nature

        /// A file system of a type.
        public init(type: String, isRemote: Bool = false) {
            self.type = type
            nature = isRemote ? .remote : Self.nature(of: type)
        }

        private static func nature(of type: String) -> Nature {
            if pseudoTypes.contains(type) { return .pseudo }
            if remoteTypes.contains(type) || type.hasPrefix("fuse.") { return .remote }
            return .local
        }
    }

    private static let pseudoTypes: Set<String> = [
        "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devfs", "devpts", "devtmpfs",
        "efivarfs", "fusectl", "hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs",
        "selinuxfs", "sysfs", "tracefs",
    ]
    private static let remoteTypes: Set<String> = [
        "9p", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "fuse", "gfs2", "glusterfs", "gpfs", "lustre",
        "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "webdav",
    ]

    private var mounts: [FilePath: Mount]

    /// These mounts; of two at one place the last hides the first.
    public init(_ mounts: [(path: String, mount: Mount)]) {
        self.mounts = Dictionary(mounts.map { (FilePath($0.path), $0.mount) }, uniquingKeysWith: { _, last in last })
    }

    /// The system's table. Where it cannot be read nothing counts as mounted.
    public static func current() -> MountTable {
        final class Collected {
            var mounts: [(path: String, mount: Mount)] = []
        }
        let collected = Collected()
        let ok = blaze_each_mount(Unmanaged.passUnretained(collected).toOpaque()) { context, path, type, remote in
            guard let context, let path, let type else { return }
            Unmanaged<Collected>.fromOpaque(context).takeUnretainedValue().mounts.append(
                (String(cString: path), Mount(type: String(cString: type), isRemote: remote != 0)))
        }
        return MountTable(ok == 0 ? collected.mounts : [])
    }

    /// What is mounted exactly at `path`; nil when nothing is.
    public subscript(path: FilePath) -> Mount? { mounts[path] }

    /// The file system that `path` lies on; nil when the table does not say.
    public func mount(of path: FilePath) -> Mount? {
        var path = path
        while true {
            if let mount = mounts[path] { return mount }
            guard path.removeLastComponent() else { return nil }
        }
    }
}
