internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// salvage: what is left of a database into a new one.
enum SalvageHandler {
    static func salvage(
        _ request: WireSalvageRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireSalvageReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        guard let to = FilePath(bytes: [UInt8](request.to)), to.isAbsolute, to.lastComponent != nil else {
            throw Fault(.invalidRequest, "a salvage needs the absolute path of the new database")
        }
        let saltFile: FilePath?
        if request.salt.isEmpty {
            saltFile = nil
        } else {
            guard let path = FilePath(bytes: [UInt8](request.salt)), path.isAbsolute else {
                throw Fault(.invalidRequest, "a salt file is named by its absolute path")
            }
            saltFile = path
        }
        let files = database.files
        try Salvage.checkLeft(of: files, in: state.storage)
        let use = state.keyUses.begin(database, abandon: call.responder.abandon)
        let key = try JobKey(
            database, secret: &secret, iterations: request.hasKdfIterations ? request.kdfIterations : nil, state,
            isRescue: true, saltFile: saltFile)
        try use.check()
        // The new database has the old one's key, and so its salt; one without a salt file stays without.
        let saltPath = saltFile ?? files.salt
        let salt = try state.storage.status(of: saltPath).map { _ in
            try DatabaseKey.salt(at: saltPath, in: state.storage)
        }
        // Where there is a data file, nobody may be writing to it.
        let hasData = try state.changing.status(of: files.data) != nil
        let seeker = LockSeeker(state, .salvage, client: call.peer.processID, abandon: call.responder.abandon)
        let lease = hasData ? try seeker.lease(database, within: .zero) { _ in true } : nil
        let options = try RepairOptions(request.options)
        let report = try withExtendedLifetime(lease) {
            try key.use { key in
                try Salvage.run(
                    files, to: FileSet(data: to), in: state.changing, key: key, salt: salt, options: options
                ) { progress in
                    try use.check()
                    try lease?.check()
                    var part = WireSalvagePart()
                    part.phase = progress.phase.rawValue
                    part.done = UInt64(progress.done)
                    part.total = UInt64(progress.total)
                    try call.responder.part(part)
                }
            }
        }
        var reply = WireSalvageReply()
        reply.facts = WireRepairFacts(report.plan)
        reply.source = Data(report.source?.bytes ?? [])
        reply.row = DatabaseRows.row(for: LocatedDatabase(path: to, state: state), state)
        return reply
    }
}
