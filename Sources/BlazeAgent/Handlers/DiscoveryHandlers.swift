internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Foundation
internal import SystemPackage

/// scan and list.
enum DiscoveryHandlers {
    static func list(_ request: WireListRequest, _ call: Call) -> WireListReply {
        var reply = WireListReply()
        let storage = ListingCache(call.state.storage)
        reply.databases = call.state.catalog.entries().map { entry in
            DatabaseRows.row(for: LocatedDatabase(path: entry.path, entry: entry), in: storage, call.state)
        }
        return reply
    }

    static func scan(_ request: WireScanRequest, _ call: Call) throws -> WireScanReply {
        let state = call.state
        var reply = WireScanReply()
        // With a slip in the settings a scan would go where its user has told it not to.
        let configuration = try state.configuration.load()
        let named = try request.roots.map { bytes in
            guard let root = FilePath(bytes: [UInt8](bytes)), root.isAbsolute else {
                throw Fault(.invalidRequest, "a root is an absolute path")
            }
            return root
        }
        for root in named where try state.storage.status(of: root) == nil {
            throw Fault(
                .notFound, "\(root.displayString) does not exist", hint: "name a directory that does",
                target: root.displayString)
        }
        let roots = named.isEmpty ? configuration.scanRoots(paths: state.paths) : named

        reply.roots = roots.map { Data($0.bytes) }
        var found = FoundDatabases(call)
        var failure: (any Error)?
        let totals = DirectoryScan(roots: roots, excludes: configuration.scanExcludes).run { event in
            do {
                try report(event, &found, &reply, call)
                return .go
            } catch {
                failure = error
                return .stop
            }
        }
        if let failure { throw failure }
        try found.flush(&reply)
        reply.directories = totals.directories
        reply.files = totals.files
        return reply
    }

    private static func report(
        _ event: DirectoryScan.Event, _ found: inout FoundDatabases, _ reply: inout WireScanReply, _ call: Call
    ) throws {
        var part = WireScanPart()
        switch event {
        case .found(let path):
            return try found.add(path, &reply)
        case .leftover(let path, let kind):
            part.leftover.path = Data(path.bytes)
            part.leftover.kind = kind.rawValue
        case .skipped(let path, let reason):
            part.skipped.path = Data(path.bytes)
            part.skipped.reason = reason
        case .progress(let directories, let files):
            try found.flush(&reply)
            part.progress.directories = directories
            part.progress.files = files
        }
        try call.responder.part(part)
    }
}

/// The databases that a scan has found and not yet told: they become known, and are told, some at a time, because each
/// change of the catalogue is a file written and synced.
private struct FoundDatabases {
    private static let batch = 256
    private let call: Call
    private let storage: ListingCache
    private var waiting: [(path: FilePath, summary: Result<FileSummary, EngineError>)] = []

    init(_ call: Call) {
        self.call = call
        storage = ListingCache(call.state.storage)
    }

    mutating func add(_ path: FilePath, _ reply: inout WireScanReply) throws {
        let canonical = path.canonical(from: path.removingLastComponent())
        let files = FileSet(data: canonical)
        do throws(EngineError) {
            waiting.append((canonical, .success(try FileSummary.read(files, in: storage))))
        } catch {
            waiting.append((canonical, .failure(error)))
        }
        if waiting.count >= Self.batch { try flush(&reply) }
    }

    /// That the catalogue is full, or cannot be written, is told and does not end the scan.
    mutating func flush(_ reply: inout WireScanReply) throws {
        guard !waiting.isEmpty else { return }
        let state = call.state
        do throws(CatalogError) {
            _ = try state.catalog.add(waiting.map { (path: $0.path, id: try? $0.summary.get().identity) })
        } catch {
            reply.warnings.append("\(waiting.count) databases were not added to the catalogue: \(error.message)")
        }
        for (path, summary) in waiting {
            let database = LocatedDatabase(path: path, state: state)
            var part = WireScanPart()
            switch summary {
            case .success(let summary): part.found = DatabaseRows.row(for: database, summary: summary, state)
            case .failure: part.found = DatabaseRows.row(for: database, in: storage, state)
            }
            try call.responder.part(part)
        }
        waiting.removeAll()
    }
}
