internal import ArgumentParser

/// A subcommand: turns its options into a request and an answer into a result, and does nothing else.
protocol Verb: ParsableCommand {
    /// The name in the JSON envelope, such as `db.add`.
    static var schemaName: String { get }
    var global: GlobalOptions { get }
    /// Carries the verb out.
    ///
    /// - Throws: `CommandFailure`, or an error of the client library.
    func execute(_ context: Context) throws -> VerbResult
}

/// What a verb found, for scripts and for people.
struct VerbResult {
    var data: JSONValue
    /// How well the figures are founded; nil where there are none.
    var tier: String?
    var warnings: [String] = []
    var status: ExitStatus = .success
    /// The lines for people.
    var text: (Style) -> [String]
    /// The verb wrote its document to standard output itself; only warnings are left to say.
    var isWritten = false

    init(
        data: JSONValue, tier: String? = nil, warnings: [String] = [], status: ExitStatus = .success,
        text: @escaping (Style) -> [String]
    ) {
        self.data = data
        self.tier = tier
        self.warnings = warnings
        self.status = status
        self.text = text
    }
}

extension Verb {
    func run() throws {
        let context = Context(global: global)
        do {
            let result = try execute(context)
            try context.write(result, schema: Self.schemaName)
            if result.status != .success { throw ExitCode(result.status.rawValue) }
        } catch let exit as ExitCode {
            throw exit
        } catch {
            let failure = CommandFailure(reporting: error)
            context.write(failure, schema: Self.schemaName)
            throw ExitCode(failure.exitCode)
        }
    }
}
