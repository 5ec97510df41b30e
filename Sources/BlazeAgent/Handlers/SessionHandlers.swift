internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

/// unlock and lock.
enum SessionHandlers {
    static func unlock(
        _ request: WireUnlockRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireUnlockReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        guard var password = secret.take() else {
            throw Fault(.invalidRequest, "unlock needs the database's password")
        }
        let key = try DatabaseKey.derive(
            for: database.files, in: state.storage, password: &password,
            iterations: try OpenDatabase.checked(iterations: request.hasKdfIterations ? request.kdfIterations : nil))
        let (iterations, identity) = (key.iterations, key.identity)
        state.sessions.put(DatabaseSession(path: database.path, key: key))
        var reply = WireUnlockReply()
        let file = try state.storage.status(of: database.path)?.identity
        do throws(CatalogError) {
            let recognition = try state.catalog.recognize(
                Sighting(path: database.path, id: identity, file: file), alias: nil
            ) { DatabaseRows.exists($0, in: state.storage) }
            reply.row = DatabaseRows.row(
                for: LocatedDatabase(path: database.path, entry: recognition.entry), twins: Twins(state), state)
            DatabaseRows.note(recognition, in: &reply.row)
            DatabaseRows.endSession(before: recognition, state)
        } catch {
            // The key is in use all the same; only the list of known databases does not have it.
            reply.warnings.append("it was not added to the catalogue: \(error.message)")
            reply.row = DatabaseRows.row(for: database, twins: Twins(state), state)
        }
        reply.kdfIterations = UInt32(clamping: iterations)
        return reply
    }

    static func lock(_ request: WireLockRequest, _ call: Call) throws -> WireLockReply {
        let state = call.state
        var reply = WireLockReply()
        if request.targets.isEmpty {
            reply.locked = state.sessions.lockAll().map { path in
                DatabaseRows.row(for: LocatedDatabase(path: path, state: state), withContents: false, state)
            }
            return reply
        }
        // All names are looked up before any key goes, so that a typing error changes nothing.
        let databases = try request.targets.map { try LocatedDatabase($0, state: state) }
        for database in databases where state.sessions.lock(database.path) {
            reply.locked.append(DatabaseRows.row(for: database, withContents: false, state))
        }
        return reply
    }
}
