internal import BlazePlatform
internal import SystemPackage

/// `NAME.agent_repair`: says that a repair, or undoing one, is under way, so that whoever comes after its process has died
/// brings it to its end or takes it back. Which of both is told by which data file is in place.
///
///     repair 1 or undo 1
///     kept NAME       the directory that keeps the old files; its name in hex digits
///     from INODE      of the data file that was there
///     data INODE      of the one that comes; absent until the swap is about to begin
///     meta INODE      of the metadata that comes where there was none
///     drop-meta       undo: the old files had no metadata
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
    let from: UInt64
    var data: UInt64?
    var meta: UInt64?
    var dropsMeta = false
    var moves: [Move] = []

    init(_ operation: Operation, kept: FilePath.Component, from: UInt64) {
        self.operation = operation
        self.kept = kept
        self.from = from
    }

    // MARK: Bytes

    private static let limit = 1 << 20

    private var bytes: [UInt8] {
        var lines = ["\(operation.rawValue) 1", "kept \(Self.hex(kept))", "from \(from)"]
        if let data { lines.append("data \(data)") }
        if let meta { lines.append("meta \(meta)") }
        if dropsMeta { lines.append("drop-meta") }
        lines += moves.map { "move \(Self.hex($0.name)) \($0.inode)" }
        lines.append("end")
        return Array((lines.joined(separator: "\n") + "\n").utf8)
    }

    /// What the bytes say; nil for bytes that were not written to their end.
    init?(_ bytes: [UInt8]) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.split(separator: " ") }
        guard lines.count >= 5, lines.suffix(2) == [["end"], []],
            let operation = ["repair", "undo"].contains(lines[0].first ?? "")
                ? lines[0].first.flatMap({ Operation(rawValue: String($0)) }) : nil,
            lines[0].dropFirst() == ["1"], lines[1].count == 2, lines[1][0] == "kept",
            let kept = Self.component(lines[1][1]), lines[2].count == 2, lines[2][0] == "from",
            let from = UInt64(lines[2][1])
        else { return nil }
        self.init(operation, kept: kept, from: from)
        for line in lines[3...].dropLast(2) {
            switch line.first {
            case "data" where line.count == 2: data = UInt64(line[1])
            case "meta" where line.count == 2: meta = UInt64(line[1])
            case "drop-meta" where line.count == 1: dropsMeta = true
            case "move" where line.count == 3:
                guard let name = Self.component(line[1]), let inode = UInt64(line[2]) else { return nil }
                moves.append(Move(name: name, inode: inode))
            default: return nil
            }
        }
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

    /// Writes it in the place of what is there; durable when it returns.
    func write(_ files: FileSet, in storage: any ChangingStorage) throws {
        try storage.remove(files.repairMarkerNew)
        let file = try storage.create(files.repairMarkerNew, like: nil)
        try file.write(bytes, at: 0)
        try file.sync()
        try storage.rename(files.repairMarkerNew, to: files.repairMarker)
        try storage.syncDirectory(of: files.repairMarker)
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
            guard let status = try storage.status(of: files.repairMarker) else { return [] }
            guard status.size <= UInt64(limit),
                let marker = RepairMarker(try storage.open(files.repairMarker).bytes(count: limit, at: 0))
            else {
                throw EngineError(
                    .recoveryUndecided, "\(files.repairMarker.displayString) is there and was not written by a repair",
                    hint: "copy all files of the database away, then remove it", path: files.repairMarker)
            }
            let kept = KeptSet(files.directory.appending(marker.kept), of: files, in: storage)
            let now = try storage.status(of: files.data)?.identity.inode
            if let data = marker.data, now == data { return [try marker.finish(files, kept, in: storage)] }
            return [try marker.takeBack(files, kept, isOld: now == marker.from, in: storage)]
        }
    }

    /// The new files count: what is left is done.
    func finish(_ files: FileSet, _ kept: KeptSet, in storage: any ChangingStorage) throws -> RecoveryStep {
        switch operation {
        case .repair:
            for move in moves {
                let path = files.directory.appending(move.name)
                if try storage.status(of: path)?.identity.inode == move.inode { try storage.remove(path) }
            }
            for path in [files.rollbackMarker, files.growthMarker] where try storage.status(of: path) != nil {
                try storage.remove(path)
            }
        case .undo:
            for move in moves {
                let (from, to) = (kept.path(move.name), files.directory.appending(move.name))
                guard try storage.status(of: from) != nil else { continue }
                try storage.remove(files.returning)
                try storage.link(from, to: files.returning)
                try storage.rename(files.returning, to: to)
                // Two names of one file both stay.
                try storage.remove(files.returning)
            }
            if dropsMeta { try storage.remove(files.meta) }
            try storage.syncDirectory(of: files.data)
            try kept.remove()
        }
        try storage.syncDirectory(of: files.data)
        try Self.remove(files, in: storage)
        return operation == .repair
            ? RecoveryStep(.repairFinished, "a repair had ended: what was left of it was done")
            : RecoveryStep(.repairFinished, "undoing a repair had ended: what was left of it was done")
    }

    /// The old files count.
    ///
    /// - Parameter isOld: whether the data file is the one that was there; any other one leaves everything where it is.
    private func takeBack(
        _ files: FileSet, _ kept: KeptSet, isOld: Bool, in storage: any ChangingStorage
    ) throws -> RecoveryStep {
        if operation == .repair, isOld {
            if let meta, try storage.status(of: files.meta)?.identity.inode == meta { try storage.remove(files.meta) }
            try storage.syncDirectory(of: files.data)
            try kept.remove()
        }
        try Self.remove(files, in: storage)
        return RecoveryStep(
            .repairUndone,
            operation == .undo
                ? "undoing a repair did not begin: the repaired files are in place"
                : isOld
                    ? "a repair that did not end was undone"
                    : "a repair did not end, and other files have come since: \(kept.directory.displayString) keeps the old ones"
        )
    }
}
