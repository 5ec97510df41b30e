internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

/// How this command asks its user for a secret: on the terminal, or by an askpass program where there is none.
struct Asker {
    /// The variable that names a program which asks: it gets the question as its argument and prints the answer.
    static let programVariable = "BLAZEDB_ASKPASS"
    /// The variable that says when it is used: `never`, `prefer` (to the terminal), `force` (the terminal never).
    static let requireVariable = "BLAZEDB_ASKPASS_REQUIRE"

    private enum Means {
        case terminal
        case program(String)
    }

    private let environment: [String: String]

    private let means: Means?
    /// Why it must not ask at all.
    private let isBatch: Bool

    init(_ context: Context) throws {
        isBatch = context.global.batch
        environment = context.environment
        let named = context.environment[Self.programVariable].flatMap { $0.isEmpty ? nil : $0 }
        let program = named.map(Means.program)
        let terminal: Means? = Terminal.canAsk ? .terminal : nil
        switch context.environment[Self.requireVariable] ?? "" {
        case "": means = terminal ?? program
        case "never": means = terminal
        case "prefer": means = program ?? terminal
        case "force": means = program
        default:
            throw CommandFailure(
                .usage, "invalid-environment", "\(Self.requireVariable) is never, prefer or force")
        }
    }

    /// Whether it can ask.
    var canAsk: Bool { means != nil && !isBatch }

    /// Whether a person sits at a terminal who can be asked yes or no.
    var canConfirm: Bool {
        if case .terminal? = means { return !isBatch }
        return false
    }

    /// Asks for a secret.
    ///
    /// - Parameter hint: what the user once noted for this password.
    func ask(_ prompt: String, hint: String? = nil, within limit: Duration) throws -> SecretBytes {
        let words = (hint.map { "Hint: \($0)\n" } ?? "") + prompt
        switch means {
        case .terminal where !isBatch:
            return try SecretSource.reading("the terminal") {
                try SecretInput.fromTerminal(prompt: words, limit: ProtocolLimits.secret, timeout: limit)
            }
        case .program(let program) where !isBatch:
            return try SecretSource.reading(FilePath.displayString(Array(program.utf8))) {
                try SecretInput.from(
                    program: program, prompt: words, environment: environment, limit: ProtocolLimits.secret,
                    timeout: limit)
            }
        default: throw promptNeeded()
        }
    }

    /// Asks yes or no on the terminal; no is what an empty answer means.
    static func confirm(_ question: String, within limit: Duration = .seconds(60)) throws -> Bool {
        do throws(SecretInputError) {
            return try Terminal.confirm("\(question) [y/N] ", default: false, timeout: limit)
        } catch {
            throw CommandFailure(error, from: "the terminal")
        }
    }

    /// Has a word typed on the terminal; whether it was that one.
    static func confirm(typing word: String, within limit: Duration = .seconds(120)) throws -> Bool {
        do throws(SecretInputError) {
            return try Terminal.confirm(typing: word, prompt: "Type \(word) to go on: ", timeout: limit)
        } catch {
            throw CommandFailure(error, from: "the terminal")
        }
    }

    /// That a secret is needed and cannot be asked for.
    func promptNeeded() -> CommandFailure {
        let reason =
            if isBatch {
                "--batch forbids to ask"
            } else if Terminal.isInBackground {
                "this command runs in the background"
            } else {
                "there is no terminal to ask on"
            }
        return CommandFailure(
            .promptNeeded, "prompt-needed", "a password is needed, and \(reason)",
            hint: "give it by --vault-password-fd or --password-fd and their like, or unlock from a terminal first")
    }
}
