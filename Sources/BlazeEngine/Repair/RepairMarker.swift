internal import BlazePlatform
internal import SystemPackage

/// `NAME.agent_repair`: says that a repair, or undoing one, is under way, so that whoever comes after its process has died
/// brings it to its end or takes it back. Which of both is told by which data file is in place. Files are told by inode, size and
/// time of change, because an inode number is given to another file when one is gone.
///
///     repair 1 or undo 1
///     kept NAME       the directory that keeps the old files; its name in hex digits
///     from STAMP      of the data file that was there
///     data STAMP      of the one that comes; absent until the swap is about to begin
///     meta STAMP      of the metadata that comes where there was none
///     drop-meta       undo: the old files had no metadata
///     early NAME INODE  beside the database it goes before the swap, and comes back where that is undone
///     move NAME INODE repair: beside the database it goes once the new files count; undo: it comes back then
///     end
struct RepairMarker: Equatable {
    enum Operation: String {
        case repair
        case undo
    }

    struct Move: Equatable {
        let name: FilePath.Component
        let inode: UInt64
    }

    let operation: Operation
    /// The name of the directory that keeps the old files.
    let kept: FilePath.Component
    var from: WrittenStamp
    var data: WrittenStamp?
    var newMeta: WrittenStamp?
    var dropsMeta = false
    var early: [Move] = []
    var moves: [Move] = []

    init(_ operation: Operation, kept: FilePath.Component, from: WrittenStamp) {
        self.operation = operation
        self.kept = kept
        self.from = from
    }

    // MARK: Bytes

    private static let limit = 1 << 20

    private var bytes: [UInt8] {
        var lines = ["\(operation.rawValue) 1", "kept \(Self.hex(kept))", "from \(from.text)"]
        if let data { lines.append("data \(data.text)") }
        if let newMeta { lines.append("meta \(newMeta.text)") }
        if dropsMeta { lines.append("drop-meta") }
        lines += early.map { "early \(Self.hex($0.name)) \($0.inode)" }
        lines += moves.map { "move \(Self.hex($0.name)) \($0.inode)" }
        lines.append("end")
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// What the bytes say; nil for bytes that were not written to their end.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.split(separator: " ") }
        guard lines.count >= 5, lines.suffix(2) == [["end"], []], lines[0].count == 2, lines[0][1] == "1",
            let operation = Operation(rawValue: String(lines[0][0])), lines[1].count == 2, lines[1][0] == "kept",
            let kept = Self.component(lines[1][1]), let from = Self.stamp(lines[2], "from")
        else { return nil }
        self.init(operation, kept: kept, from: from)
        for line in lines[3...].dropLast(2) {
            switch line.first {
            case "data": data = Self.stamp(line, "data")
            case "meta": newMeta = Self.stamp(line, "meta")
            case "drop-meta" where line.count == 1: dropsMeta = true
            case "early" where line.count == 3, "move" where line.count == 3:
                guard let name = Self.component(line[1]), let inode = UInt64(line[2]) else { return nil }
                let move = Move(name: name, inode: inode)
                if line[0] == "early" { early.append(move) } else { moves.append(move) }
            default: return nil
            }
        }
    }

    private static func stamp(_ line: [Substring], _ word: String) -> WrittenStamp? {
        line.count == 4 && line[0] == word ? WrittenStamp(line[1], line[2], line[3]) : nil
    }

    static func hex(_ name: FilePath.Component) -> String {
        FilePath(root: nil, [name]).bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// A name from its hex digits; nil where it is none.
    static func component(_ hex: some StringProtocol) -> FilePath.Component? {
        let digits = Array(hex.utf8)
        guard digits.count % 2 == 0, !digits.isEmpty else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16),
                byte != 0, byte != UInt8(ascii: "/")
            else { return nil }
            bytes.append(byte)
        }
        guard let path = FilePath(bytes: bytes), let name = path.lastComponent, path.components.count == 1,
            name.kind == .regular
        else { return nil }
        return name
    }

    // MARK: File

    /// Writes it in the place of what is there; durable when it returns. Throws `.limitExceeded` for one that could not be read.
    func write(_ files: FileSet, in storage: any ChangingStorage) throws {
        let bytes = bytes
        guard bytes.count <= Self.limit else {
            throw EngineError(
                .limitExceeded,
                "\(moves.count + early.count) files lie beside \(files.data.displayString): too many to keep",
                hint: "move away what does not belong there", path: files.data)
        }
        try storage.remove(files.repairMarkerNew)
        let file = try storage.create(files.repairMarkerNew, like: nil)
        try file.write(bytes, at: 0)
        try file.sync()
        try storage.rename(files.repairMarkerNew, to: files.repairMarker)
        try storage.syncDirectory(of: files.repairMarker)
    }

    /// The marker that is there; nil where there is none. Throws `.recoveryUndecided` for one that no repair has written: whoever
    /// may write into the directory could have what it names removed.
    static func read(_ files: FileSet, in storage: any ChangingStorage) throws -> RepairMarker? {
        guard let status = try storage.ownStatus(of: files.repairMarker) else { return nil }
        guard status.kind == .regular, status.size <= UInt64(limit),
            let marker = RepairMarker(try storage.open(files.repairMarker).bytes(count: limit, at: 0)),
            files.isKept(FilePath(root: nil, [marker.kept]).bytes),
            (marker.early + marker.moves).allSatisfy({ files.mayKeep($0.name) })
        else {
            throw EngineError(
                .recoveryUndecided, "\(files.repairMarker.displayString) is there and was not written by a repair",
                hint: "copy all files of the database away, then remove it", path: files.repairMarker)
        }
        return marker
    }

    static func remove(_ files: FileSet, in storage: any ChangingStorage) throws {
        try storage.remove(files.repairMarker)
        try storage.syncDirectory(of: files.repairMarker)
    }

    // MARK: After a crash

    /// Brings to its end, or takes back, what was interrupted. The swap itself has been resolved, and the lock is held.
    static func resolve(_ files: FileSet, in storage: any ChangingStorage) throws(EngineError) -> [RecoveryStep] {
        try onStorage(files.data) {
            if try storage.status(of: files.repairMarkerNew) != nil { try storage.remove(files.repairMarkerNew) }
            guard let marker = try read(files, in: storage) else { return [] }
            let kept = KeptSet(files.directory.appending(marker.kept), of: files, in: storage)
            let now = try storage.status(of: files.data).map { WrittenStamp($0) }
            if let data = marker.data, let now, now.inode == data.inode {
                guard marker.operation == .repair || now == data else {
                    // It went on as it was before the repair: a WAL of that time must not come over it any more.
                    try remove(files, in: storage)
                    return [
                        RecoveryStep(
                            .repairFinished,
                            "a repair was undone, and the database went on: \(kept.directory.displayString) stays")
                    ]
                }
                return [try marker.finish(files, kept, in: storage)]
            }
            return [try marker.takeBack(files, kept, now, in: storage)]
        }
    }

    /// The new files count: what is left is done.
    func finish(_ files: FileSet, _ kept: KeptSet, in storage: any ChangingStorage) throws -> RecoveryStep {
        switch operation {
        case .repair:
            try removeMoved(moves, files, in: storage)
            for path in [files.rollbackMarker, files.growthMarker] where try storage.status(of: path) != nil {
                try storage.remove(path)
            }
        case .undo:
            if try storage.status(of: files.walAside) != nil { try storage.remove(files.walAside) }
            // Each file comes back once: the next time it is not there any more.
            for move in moves where try storage.status(of: kept.path(move.name)) != nil {
                try storage.rename(kept.path(move.name), to: files.directory.appending(move.name))
            }
            try storage.syncDirectory(of: files.data)
            try kept.remove()
        }
        try storage.syncDirectory(of: files.data)
        try Self.remove(files, in: storage)
        return operation == .repair
            ? RecoveryStep(.repairFinished, "a repair had ended: what was left of it was done")
            : RecoveryStep(.repairFinished, "undoing a repair had ended: what was left of it was done")
    }

    /// Takes files away that are still the ones that were kept.
    func removeMoved(_ moves: [Move], _ files: FileSet, in storage: any ChangingStorage) throws {
        for move in moves {
            let path = files.directory.appending(move.name)
            if try storage.status(of: path)?.identity.inode == move.inode { try storage.remove(path) }
        }
        try storage.syncDirectory(of: files.data)
    }

    /// The old files count.
    private func takeBack(
        _ files: FileSet, _ kept: KeptSet, _ now: WrittenStamp?, in storage: any ChangingStorage
    ) throws -> RecoveryStep {
        if operation == .undo {
            if try storage.status(of: files.walAside) != nil {
                if try storage.status(of: files.wal) == nil {
                    try storage.rename(files.walAside, to: files.wal)
                } else {
                    try storage.remove(files.walAside)
                }
                try storage.syncDirectory(of: files.data)
            }
            try Self.remove(files, in: storage)
            return RecoveryStep(.repairUndone, "undoing a repair did not begin: the repaired files are in place")
        }
        // A second name keeps the inode number from being given to another file.
        let second = try files.data.lastComponent.flatMap { try storage.status(of: kept.path($0))?.identity.inode }
        let isOld = now == from || (now != nil && now?.inode == second)
        if isOld {
            if let newMeta, let meta = try storage.status(of: files.meta), WrittenStamp(meta) == newMeta {
                try storage.remove(files.meta)
            }
            // What went before the swap comes back, unless the database went on without it.
            for move in early where now == from {
                let path = files.directory.appending(move.name)
                guard try storage.status(of: path) == nil, try storage.status(of: kept.path(move.name)) != nil else {
                    continue
                }
                try storage.link(kept.path(move.name), to: path)
            }
            if now == from { try giveBackLog(files, kept, in: storage) }
            try storage.syncDirectory(of: files.data)
            try kept.remove()
        }
        try Self.remove(files, in: storage)
        return RecoveryStep(
            .repairUndone,
            isOld
                ? "a repair that did not end was undone"
                : "a repair did not end, and other files have come since: \(kept.directory.displayString) keeps the old ones"
        )
    }

    /// The WAL is emptied just before the new files come; the kept set has all of it by then. What was to be decided by it is
    /// open again: a decision is written down only because the WAL will not tell any more.
    private func giveBackLog(_ files: FileSet, _ kept: KeptSet, in storage: any ChangingStorage) throws {
        guard let name = files.wal.lastComponent, let now = try storage.status(of: files.wal) else { return }
        if now.size == 0 {
            guard let old = try storage.status(of: kept.path(name)), old.size > 0 else { return }
            try storage.rename(kept.path(name), to: files.wal)
            try storage.syncDirectory(of: files.wal)
        }
        try storage.remove(files.rollbackMarker)
    }
}

extension FileSet {
    /// Whether a kept set may have a file of this name: the set's own, and what operations leave beside it.
    func mayKeep(_ name: FilePath.Component) -> Bool {
        let bytes = FilePath(root: nil, [name]).bytes
        let own = [data, meta, salt, wal, indexes, growthMarker, rollbackMarker].compactMap(\.lastComponent)
        if own.contains(name) { return true }
        switch Leftover.Kind(file: bytes, name: nameBytes, dataName: dataNameBytes) {
        case .openBackup, .transactionCopy, .transactionLog, .vacuumNew, .asyncVacuum: return true
        case .agentTemporary, .vacuumBackup, .vacuumMarker, nil: return false
        }
    }
}
