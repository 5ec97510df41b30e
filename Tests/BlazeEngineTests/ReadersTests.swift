import BlazePlatform
import SystemPackage
import Testing

@testable import BlazeEngine

/// Who may read a file is judged by its bits and those of every directory above it.
@Suite struct ReadersTests {
    static let me: UInt32 = 1000
    typealias Bits = (mode: UInt16, owner: UInt32, group: UInt32)

    static func facts(_ path: FilePath, _ kind: PermissionFacts.Kind, _ bits: Bits, names: UInt64 = 1)
        -> PermissionFacts
    {
        PermissionFacts(
            path: path, kind: kind, mode: bits.mode, owner: bits.owner, group: bits.group, names: names,
            identity: FileIdentity(device: 1, inode: 1))
    }

    /// Of `/no-such/deep/file`; a directory that is nil cannot be looked at.
    static func readers(
        _ file: Bits, deep: Bits? = (0o755, me, 50), above: Bits? = (0o755, 0, 0), names: UInt64 = 1
    ) -> Exposure.Readers {
        let ancestors = Exposure.Ancestors("/no-such/deep") { path throws(StorageError) in
            switch path {
            case "/": facts(path, .directory, (0o755, 0, 0))
            case "/no-such": above.map { facts(path, .directory, $0) }
            default: deep.map { facts(path, .directory, $0) }
            }
        }
        return Exposure.Readers(of: facts("/no-such/deep/file", .regular, file, names: names), below: ancestors)
    }

    @Test func aFileForAllInOpenDirectoriesIsReadByEveryone() {
        let found = Self.readers((0o644, Self.me, 50))
        #expect(found.everyone && found.groups.isEmpty && found.exceptGroups.isEmpty && found.users.isEmpty)
        #expect(found.isCertain)
    }

    @Test(arguments: [0o600, 0o400, 0o611] as [UInt16])
    func aClosedFileIsReadByItsOwner(_ mode: UInt16) { #expect(!Self.readers((mode, Self.me, 50)).areOthers) }

    @Test func aFileForItsGroupIsReadByTheGroup() {
        let found = Self.readers((0o640, Self.me, 50))
        #expect(!found.everyone && found.groups == [50])
    }

    @Test func aGroupThatIsShutOutIsExcepted() {
        let found = Self.readers((0o604, Self.me, 50))
        #expect(found.everyone && found.exceptGroups == [50])
    }

    @Test func aClosedParentProtects() {
        #expect(!Self.readers((0o644, Self.me, 50), deep: (0o700, Self.me, 50)).areOthers)
        #expect(!Self.readers((0o644, Self.me, 50), above: (0o700, Self.me, 50)).areOthers)
        // The right to list a directory is none to enter it.
        #expect(!Self.readers((0o644, Self.me, 50), deep: (0o744, Self.me, 50)).areOthers)
    }

    @Test func aDirectoryOfAGroupNarrowsEveryoneToTheGroup() {
        let found = Self.readers((0o644, Self.me, 50), deep: (0o750, Self.me, 60))
        #expect(!found.everyone && found.groups == [60])
    }

    @Test func groupsOnTheWayAreNeededTogether() {
        #expect(Self.readers((0o640, Self.me, 50), deep: (0o750, Self.me, 60)).groups == [50, 60])
        // What the file's group may not pass, nobody of it comes to.
        #expect(!Self.readers((0o640, Self.me, 50), deep: (0o705, Self.me, 50)).areOthers)
    }

    @Test func anotherOwnerOfADirectoryMayReadWhatIsForAll() {
        let found = Self.readers((0o644, Self.me, 50), deep: (0o700, 2000, 60))
        #expect(!found.everyone && found.groups.isEmpty && found.users == [2000])
        // Not root, who always may.
        #expect(!Self.readers((0o644, Self.me, 50), deep: (0o700, 0, 0)).areOthers)
    }

    @Test func aDirectoryThatCannotBeLookedAtIsTakenForOpen() {
        let found = Self.readers((0o644, Self.me, 50), above: nil)
        #expect(found.everyone && !found.isCertain)
        #expect(!Self.readers((0o600, Self.me, 50), above: nil).areOthers)
    }

    @Test func aSecondNameLeadsPastTheDirectories() {
        let found = Self.readers((0o644, Self.me, 50), deep: (0o700, Self.me, 50), names: 2)
        #expect(found.everyone && !found.isCertain)
    }
}
