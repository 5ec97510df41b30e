import BlazePlatform
import SystemPackage
import Testing

@Suite struct MountTableTests {
    @Test(arguments: [
        ("ext4", MountTable.Nature.local), ("tmpfs", .local), ("overlay", .local), ("apfs", .local),
        ("fuseblk", .local),
        ("proc", .pseudo), ("sysfs", .pseudo), ("cgroup2", .pseudo), ("autofs", .pseudo), ("devtmpfs", .pseudo),
        ("nfs", .remote), ("nfs4", .remote), ("cifs", .remote), ("fuse.sshfs", .remote), ("9p", .remote),
    ])
    func natures(type: String, nature: MountTable.Nature) {
        #expect(MountTable.Mount(type: type).nature == nature)
    }

    @Test func whatTheSystemCallsRemoteIs() {
        #expect(MountTable.Mount(type: "newfs", isRemote: true).nature == .remote)
    }

    @Test func theNearestMountCounts() {
        let table = MountTable([
            ("/", MountTable.Mount(type: "ext4")), ("/srv", MountTable.Mount(type: "xfs")),
            ("/srv/nfs", MountTable.Mount(type: "ext4")), ("/srv/nfs", MountTable.Mount(type: "nfs")),
        ])
        #expect(table.mount(of: "/srv/nfs/a/b")?.type == "nfs")
        #expect(table.mount(of: "/srv/nfsx")?.type == "xfs")
        #expect(table.mount(of: "/home")?.type == "ext4")
        #expect(table["/srv/nfs/a"] == nil)
        #expect(MountTable([]).mount(of: "/x") == nil)
    }

    @Test func thisSystemHasARoot() {
        #expect(MountTable.current()["/"] != nil)
    }
}
