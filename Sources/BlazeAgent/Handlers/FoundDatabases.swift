internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// The databases that a scan has found and not yet told: they become known, and are told, some at a time, because each
/// change of the catalogue is a file written and synced.
struct FoundDatabases {
    private struct Found {
        let path: FilePath
        let summary: Result<FileSummary, EngineError>

        var sighting: Sighting {
            switch summary {
            case .success(let summary): Sighting(path, summary)
            case .failure: Sighting(path: path, id: nil, file: nil)
            }
        }
    }

    private static let batch = 256
    private static let interval = Duration.milliseconds(250)
    private let call: Call
    private let storage: LeftoverListings
    private var waiting: [Found] = []
    /// Those that may be known databases which have moved, as far as only the end of the scan can tell.
    private var undecided: [Found] = []
    private var seen: Set<FilePath> = []
    /// When it may be told again. Telling costs by the size of the catalogue, so it is given a quarter of the time at most.
    private var next = ContinuousClock.now.advanced(by: interval)

    init(_ call: Call) {
        self.call = call
        storage = LeftoverListings(call.state.storage)
    }

    mutating func add(_ path: FilePath, _ reply: inout WireScanReply) throws {
        let canonical = path.canonical(from: path.removingLastComponent())
        guard seen.insert(canonical).inserted else { return }
        do throws(EngineError) {
            waiting.append(
                Found(path: canonical, summary: .success(try FileSummary.read(FileSet(data: canonical), in: storage))))
        } catch {
            waiting.append(Found(path: canonical, summary: .failure(error)))
        }
        if waiting.count >= Self.batch { try tell(&reply) } else { try tellInTime(&reply) }
    }

    /// Tells what waits, unless that was done a moment ago.
    mutating func tellInTime(_ reply: inout WireScanReply) throws {
        if !waiting.isEmpty, ContinuousClock.now >= next { try tell(&reply) }
    }

    /// Tells all that is left.
    mutating func finish(_ reply: inout WireScanReply) throws {
        try tell(&reply)
        swap(&waiting, &undecided)
        try tell(&reply, isAll: true)
    }

    /// That the catalogue is full, or cannot be written, is told and does not end the scan.
    private mutating func tell(_ reply: inout WireScanReply, isAll: Bool = false) throws {
        guard !waiting.isEmpty else { return }
        let began = ContinuousClock.now
        defer {
            let ended = ContinuousClock.now
            next = ended.advanced(by: max(Self.interval, began.duration(to: ended) * 3))
        }
        let state = call.state
        var recognized = [Recognition?](repeating: nil, count: waiting.count)
        var isKept = true
        do throws(CatalogError) {
            recognized = try state.catalog.recognize(waiting.map(\.sighting), isAll: isAll) {
                DatabaseRows.exists($0, in: state.storage)
            }
        } catch {
            isKept = false
            reply.warnings.append("\(waiting.count) databases were not added to the catalogue: \(error.message)")
        }
        let twins = Twins(state)
        for (found, recognition) in zip(waiting, recognized) {
            if recognition == nil, isKept {
                undecided.append(found)
                continue
            }
            let database = LocatedDatabase(path: found.path, entry: recognition?.entry)
            var part = WireScanPart()
            switch found.summary {
            case .success(let summary):
                part.found = DatabaseRows.row(for: database, summary: summary, twins: twins, state)
            case .failure: part.found = DatabaseRows.row(for: database, in: storage, twins: twins, state)
            }
            if let recognition {
                DatabaseRows.note(recognition, in: &part.found)
                DatabaseRows.endSession(before: recognition, state)
            }
            try call.responder.part(part)
        }
        waiting.removeAll()
    }
}
