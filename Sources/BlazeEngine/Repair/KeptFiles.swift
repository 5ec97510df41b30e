internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Which files beside a database a repair keeps, and which of them go then.
struct KeptFiles {
    /// The files of the set itself, those that a vacuum has moved aside under the names that they have otherwise.
    let own: [KeptSet.Source]
    /// What operations left: it goes once the new files count.
    let moved: [FilePath]

    /// The kinds of those that go, and of those that stay although they are named after the database.
    private let movedKinds: Set<Leftover.Kind>
    private let leftKinds: Set<Leftover.Kind>

    /// Whether any leftover of a kind goes.
    func movesAny(_ kind: Leftover.Kind) -> Bool { movedKinds.contains(kind) }

    /// Whether leftovers of some kinds stay, and none of them goes.
    func leaves(_ kinds: Leftover.Kind...) -> Bool {
        !leftKinds.isDisjoint(with: kinds) && movedKinds.isDisjoint(with: kinds)
    }

    /// Whether a file of this name goes once the new files count.
    func moves(_ name: FilePath.Component) -> Bool { moved.contains { $0.lastComponent == name } }

    /// - Parameter hasRecord: whether the database has a record of an id.
    init(
        _ files: FileSet, in storage: any Storage, key: SymmetricKey, hasRecord: (RecordID) -> Bool
    ) throws(EngineError) {
        let places = try RescueSource.places(of: files, in: storage)
        own = [
            KeptSet.Source(path: places.data ?? files.data, name: files.data),
            KeptSet.Source(path: places.meta, name: files.meta), KeptSet.Source(path: files.salt, name: files.salt),
            KeptSet.Source(path: files.wal, name: files.wal),
            // They say of these very files what of them does not count.
            KeptSet.Source(path: files.growthMarker, name: files.growthMarker),
            KeptSet.Source(path: files.rollbackMarker, name: files.rollbackMarker),
        ]
        let status = try FileSetStatus.read(files, in: storage)
        var moved: [FilePath] = status.indexes == nil ? [] : [files.indexes]
        var (movedKinds, leftKinds): (Set<Leftover.Kind>, Set<Leftover.Kind>) = ([], [])
        for leftover in status.leftovers {
            // What has a salt of its own is a database of its own, whatever its name looks like.
            let salt = leftover.path.withoutExtension.appendingSuffix(".salt")
            guard try onStorage(salt, { try storage.status(of: salt) }) == nil else {
                leftKinds.insert(leftover.kind)
                continue
            }
            switch leftover.kind {
            // What a swap has under these names is resolved.
            case .agentTemporary, .vacuumBackup, .vacuumMarker: continue
            case .openBackup:
                // Its name does not tell of which database it is; its metadata does, by this key and by records that both have.
                let meta = leftover.path.withoutExtension.appendingSuffix(".meta")
                guard let file = try? MetadataFile(meta, in: storage), let texts = try? file.signedTexts(),
                    file.isVerified(by: key, texts: texts), let index = try? file.payload().index,
                    index.entries.contains(where: { hasRecord($0.id) })
                else { continue }
                moved.append(leftover.path)
                movedKinds.insert(leftover.kind)
            case .transactionLog where leftover.path.lastComponent == "txn_log.json": continue
            default:
                moved.append(leftover.path)
                movedKinds.insert(leftover.kind)
            }
        }
        (self.moved, self.movedKinds, self.leftKinds) = (moved, movedKinds, leftKinds)
    }
}
