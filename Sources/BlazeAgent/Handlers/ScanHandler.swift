internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// scan: looks for databases and makes them known.
enum ScanHandler {
    static func scan(_ request: WireScanRequest, _ call: Call) throws -> WireScanReply {
        let state = call.state
        var reply = WireScanReply()
        // With a slip in the settings a scan would go where its user has told it not to.
        let configuration = try state.configuration.load()
        let roots = try roots(of: request, configuration, state)
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
        try found.finish(&reply)
        reply.directories = totals.directories
        reply.files = totals.files
        return reply
    }

    private static func roots(
        of request: WireScanRequest, _ configuration: Configuration, _ state: AgentState
    ) throws -> [FilePath] {
        func absolute(_ bytes: Data, _ what: String) throws -> FilePath {
            guard let path = FilePath(bytes: [UInt8](bytes)), path.isAbsolute else {
                throw Fault(.invalidRequest, "\(what) is an absolute path")
            }
            return path
        }
        let directory =
            request.workingDirectory.isEmpty ? nil : try absolute(request.workingDirectory, "a working directory")
        guard !request.roots.isEmpty else {
            return configuration.scanRoots(paths: state.paths, workingDirectory: directory)
        }
        let named = try request.roots.map { try absolute($0, "a root") }
        for root in named where try state.storage.status(of: root) == nil {
            throw Fault(
                .notFound, "\(root.displayString) does not exist", hint: "name a directory that does",
                target: root.displayString)
        }
        return named
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
            // One that has gone since has no size.
            if let status = try? call.state.storage.status(of: path) { part.leftover.size = status.size }
        case .skipped(let path, let reason):
            part.skipped.path = Data(path.bytes)
            part.skipped.reason = reason
        case .progress(let directories, let files):
            try found.tellInTime(&reply)
            part.progress.directories = directories
            part.progress.files = files
        }
        try call.responder.part(part)
    }
}
