internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct UnlockVerb: Verb {
    static let schemaName = "unlock"
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Give the agent a database's password; it keeps the key until lock or stop.",
        discussion: "Asks on the terminal unless an option says where the password comes from.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var password: PasswordOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireUnlockRequest()
        request.target = try context.target(database)
        if let count = password.kdfIterations { request.kdfIterations = count }
        // Read before anything is opened, so that a descriptor that was not given cannot turn out to be our own.
        var secret = try password.given(context)
        if secret == nil {
            // Whoever is asked for a password should see which database is meant, and none for a name that means
            // nothing. The answer may take long, so no connection waits for it.
            var look = WireInfoRequest()
            look.target = request.target
            let title = try context.call(look).row.title
            secret = try password.givenOrAsked(context, for: title)
        }
        let connection = try context.connect(for: .unlock)
        let reply = try connection.call(request, secret: &secret) { _ throws(ClientError) in }
        var fields = reply.row.identityFields
        fields["kdf_iterations"] = .count(reply.kdfIterations)
        return VerbResult(data: .object(fields), tier: "observe", warnings: reply.warnings) { _ in
            ["\(reply.row.title) is unlocked (\(reply.row.recordsText) records)"]
        }
    }
}

struct LockVerb: Verb {
    static let schemaName = "lock"
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Let the agent wipe the keys of these databases, or of all.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Aliases, paths or ids; none for all.")
    var databases: [String] = []

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireLockRequest()
        request.targets = try databases.map { try context.target($0) }
        let locked: [WireDatabaseRow]
        do throws(ClientError) {
            locked = try context.call(request).locked
        } catch {
            // Keys live in the agent only: without one, everything is locked already.
            guard error.code == .noAgent else { throw error }
            locked = []
        }
        let data = JSONValue.object([
            "locked": .array(locked.map { .optional($0.idText) }),
            "databases": .array(locked.map { .object($0.identityFields) }),
        ])
        return VerbResult(data: data) { _ in
            locked.isEmpty ? ["nothing was unlocked"] : locked.map { "\($0.title) is locked" }
        }
    }
}
