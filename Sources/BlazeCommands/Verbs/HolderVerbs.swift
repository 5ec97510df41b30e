internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform

struct HoldersVerb: Verb {
    static let schemaName = "holders"
    static let configuration = CommandConfiguration(
        commandName: "holders", abstract: "Show which processes have a database open.",
        discussion: """
            Told by the system's table of locks, without taking the lock. A process has held it since its start at the \
            earliest: no system tells when a lock was taken. Where locks may be out of sight, the answer is unknown.
            """)

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireHoldersRequest()
        request.target = try context.target(database)
        let row = try context.call(request).row
        let ownership = row.ownership.ownership
        var fields = row.identityFields
        fields["ownership"] = row.ownershipJSON
        fields["holders"] = .array(ownership.holders.map(\.json))
        return VerbResult(data: .object(fields), tier: "file") { style in
            switch ownership {
            case .owned(let holders): Self.table(holders).lines(style: style)
            case .free, .leased: ["\(row.title) is free: no process has it open"]
            case .unknown(let reason): ["whether a process has \(row.title) open is unknown: \(reason)"]
            }
        }
    }

    private static func table(_ holders: [LockHolder]) -> Table {
        var table = Table([
            .init("PID", .right), .init("NAME"), .init("USER", .right), .init("RUNNING SINCE"), .init("LOCK"),
            .init("PROGRAM"),
        ])
        for holder in holders {
            table.add([
                .init("\(holder.processID)"), .init(holder.name ?? "-"),
                .init(holder.userID.map { "\($0)" } ?? "-"),
                .init(holder.started.map { Style.time(nanoseconds: $0) } ?? "-"),
                .init(holder.isExclusive ? "exclusive" : "shared"),
                .init(holder.executable?.displayString ?? "-"),
            ])
        }
        return table
    }
}

struct ReleaseVerb: Verb {
    static let schemaName = "release"
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "End operations of the agent that hold a database's lock.",
        discussion: """
            The agent takes the lock only for one operation with --tier lease and gives it back at its end. This ends such \
            an operation early, so that an app can open the database now. Keys stay.
            """)

    @OptionGroup var global: GlobalOptions
    @Flag(help: "All databases.")
    var all = false
    @Argument(help: "Aliases, paths or ids.")
    var databases: [String] = []

    func validate() throws {
        guard all == databases.isEmpty else { throw ValidationError("name databases, or give --all") }
    }

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireReleaseRequest()
        request.targets = try databases.map { try context.target($0) }
        request.all = all
        let released: [WireLease]
        do throws(ClientError) {
            released = try context.call(request).released
        } catch {
            // Without an agent no lock of one is held.
            guard error.code == .noAgent else { throw error }
            released = []
        }
        return VerbResult(data: .object(["released": .array(released.map(\.json))])) { _ in
            released.isEmpty ? ["the agent held no lock"] : released.map { "released: \($0.line)" }
        }
    }
}

extension WireLease {
    var json: JSONValue {
        var fields = row.identityFields
        fields["operation"] = .string(operation)
        fields["client_pid"] = .integer(Int64(clientPid))
        fields["since"] = .string(Style.time(nanoseconds: since))
        return .object(fields)
    }

    /// One line for people.
    var line: String { "\(row.title) by \(operation) of process \(clientPid)" }
}
