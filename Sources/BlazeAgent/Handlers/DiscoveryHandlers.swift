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
        reply.databases = call.state.catalog.entries().map { entry in
            DatabaseRows.row(for: LocatedDatabase(path: entry.path, entry: entry), call.state)
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
        var failure: (any Error)?
        let totals = DirectoryScan(roots: roots, excludes: configuration.scanExcludes).run { event in
            do {
                try report(event, &reply, call)
                return .go
            } catch {
                failure = error
                return .stop
            }
        }
        if let failure { throw failure }
        reply.directories = totals.directories
        reply.files = totals.files
        return reply
    }

    private static func report(_ event: DirectoryScan.Event, _ reply: inout WireScanReply, _ call: Call) throws {
        var part = WireScanPart()
        switch event {
        case .found(let path):
            part.found = try found(path, &reply, call)
        case .leftover(let path, let kind):
            part.leftover.path = Data(path.bytes)
            part.leftover.kind = kind.rawValue
        case .skipped(let path, let reason):
            part.skipped.path = Data(path.bytes)
            part.skipped.reason = reason
        case .progress(let directories, let files):
            part.progress.directories = directories
            part.progress.files = files
        }
        try call.responder.part(part)
    }

    /// A database found is known from then on. That the catalogue is full, or cannot be written, is told and does not
    /// end the scan.
    private static func found(
        _ path: FilePath, _ reply: inout WireScanReply, _ call: Call
    ) throws -> WireDatabaseRow {
        let state = call.state
        let canonical = path.canonical(from: path.removingLastComponent())
        let identity = try? FileSummary.read(FileSet(data: canonical), in: state.storage).identity
        var database = LocatedDatabase(path: canonical, entry: nil)
        do throws(CatalogError) {
            database = LocatedDatabase(
                path: canonical, entry: try state.catalog.add(path: canonical, id: identity, alias: nil))
        } catch {
            reply.warnings.append("\(canonical.displayString) was not added to the catalogue: \(error.message)")
        }
        return DatabaseRows.row(for: database, state)
    }
}
