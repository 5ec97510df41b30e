internal import BlazePlatform
internal import SystemPackage

extension Exposure {
    /// Who besides a file's owner and root may read it, by its permission bits, owner and group and those of every directory
    /// above it. Access control lists, capabilities, other mounts of the file system and descriptors that are open already are
    /// not looked at.
    public struct Readers: Sendable, Hashable {
        /// Whether a user with no part in any of the files and directories may, and so everybody but `exceptGroups`.
        public let everyone: Bool
        /// Groups, all of which one must be a member of; empty where nobody may by a group.
        public let groups: [UInt32]
        /// Groups whose members may not although `everyone` may.
        public let exceptGroups: [UInt32]
        /// Other owners of directories above who may by that; empty with `everyone`, which they are part of.
        public let users: [UInt32]
        /// Whether all directories above could be looked at, and no second name leads to the file past them. Otherwise they
        /// are taken for open, and fewer may be able to read it.
        public let isCertain: Bool

        /// Whether anybody besides owner and root may.
        public var areOthers: Bool { everyone || !groups.isEmpty || !users.isEmpty }

        /// - Parameters:
        ///   - facts: the file; of a directory it is told who may come to what is in it.
        ///   - above: the directories above it.
        init(of facts: PermissionFacts, below above: Ancestors) {
            // Another name may stand in a directory that is open.
            let hasOtherNames = facts.kind == .regular && facts.names > 1
            isCertain = above.areKnown && !hasOtherNames
            let needed = facts.kind == .directory ? 1 : 4
            let gates =
                [Gate(facts, needed)] + (hasOtherNames ? [] : above.directories.map { Gate($0, 1) })
            // By a gate that is closed to strangers one comes as a member of its group only.
            let required = Set(gates.filter { !$0.letsOthers }.map(\.group))
            let isPassable = gates.allSatisfy { !required.contains($0.group) || $0.letsGroup }
            everyone = required.isEmpty
            groups = isPassable ? required.sorted() : []
            exceptGroups = required.isEmpty ? Set(gates.filter { !$0.letsGroup }.map(\.group)).sorted() : []
            let owners = Set(gates.map(\.owner)).subtracting([0, facts.owner])
            users =
                required.isEmpty
                ? []
                : owners.filter { owner in
                    // Who owns a directory may open it to himself.
                    gates.allSatisfy { $0.owner == owner || $0.letsOthers }
                }.sorted()
        }

        /// What a reader must pass: the file, or a directory on the way to it.
        private struct Gate {
            let owner: UInt32
            let group: UInt32
            let letsGroup: Bool
            let letsOthers: Bool

            init(_ facts: PermissionFacts, _ needed: Int) {
                owner = facts.owner
                group = facts.group
                letsGroup = Int(facts.mode) & needed << 3 != 0
                letsOthers = Int(facts.mode) & needed != 0
            }
        }
    }

    /// The directories that lead to a file, the nearest first.
    struct Ancestors {
        private(set) var directories: [PermissionFacts] = []
        /// Whether each of them could be looked at.
        private(set) var areKnown = true

        /// A directory and those above it, up to the root. Links on the way are followed first: only where they lead to counts.
        init(_ directory: FilePath, facts: (FilePath) throws(StorageError) -> PermissionFacts?) {
            var path = directory.resolved ?? directory.lexicallyNormalized()
            areKnown = path.isAbsolute
            while true {
                if let found = try? facts(path), found.kind == .directory {
                    directories.append(found)
                } else {
                    areKnown = false
                }
                guard path.removeLastComponent(), !path.isEmpty else { return }
            }
        }

        private init(_ directories: [PermissionFacts], _ areKnown: Bool) {
            (self.directories, self.areKnown) = (directories, areKnown)
        }

        /// Those of what is in a directory that is below them.
        func entering(_ directory: PermissionFacts) -> Ancestors { Ancestors([directory] + directories, areKnown) }

        /// Those of the nearest directory itself.
        var ofNearest: Ancestors { Ancestors(Array(directories.dropFirst()), areKnown) }
    }
}
