internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import BlazeVault

/// unlock and lock.
enum SessionHandlers {
    static func unlock(
        _ request: WireUnlockRequest, secret: inout SecretBytes?, _ call: Call
    ) throws -> WireUnlockReply {
        let state = call.state
        let database = try LocatedDatabase(request.target, state: state)
        let count = try OpenDatabase.checked(iterations: request.hasKdfIterations ? request.kdfIterations : nil)
        var reply = WireUnlockReply()
        let session: DatabaseSession
        if var password = secret.take() {
            let epoch = state.sessions.epoch(of: database.path)
            let (files, storage) = (database.files, state.storage)
            let key =
                request.rescue
                ? try DatabaseKey.deriveForRescue(of: files, in: storage, password: &password, iterations: count)
                : try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: count)
            let fresh = DatabaseSession(path: database.path, key: key)
            guard let kept = state.keep(fresh, since: epoch, isNewer: true) else {
                throw Fault.lockedMeanwhile(database.title)
            }
            session = kept
        } else if let open = state.sessions[database.path] {
            session = open
        } else if let open = try state.vault.openSession(
            database, iterations: count, state, isRescue: request.rescue)
        {
            session = open
            reply.fromVault = true
        } else {
            throw try OpenDatabase.locked(database, state)
        }
        if !reply.fromVault, let vault = state.vault.current {
            reply.canRemember = try vault.entry(for: session.identity)?.hasPassword != true
        }
        state.timer.touch()
        state.prompts.satisfied(.database(database.path))
        let (iterations, identity) = (session.iterations, session.identity)
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
            let (paths, vault) = state.lockEverything(.request)
            reply.vault = vault
            reply.locked = paths.map { path in
                DatabaseRows.row(for: LocatedDatabase(path: path, state: state), withContents: false, state)
            }
            return reply
        }
        // All names are looked up before any key goes, so that a typing error changes nothing.
        let databases = try request.targets.map { try LocatedDatabase($0, state: state) }
        for database in databases where state.lock(database.path) {
            reply.locked.append(DatabaseRows.row(for: database, withContents: false, state))
        }
        return reply
    }
}
