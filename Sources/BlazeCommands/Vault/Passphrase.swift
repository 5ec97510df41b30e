internal import BlazeClient
internal import BlazePlatform

/// A passphrase that the user chooses: typed twice, and not a weak one by accident.
enum Passphrase {
    private static let limit: Duration = .seconds(300)

    static func chosen(_ context: Context, _ prompt: String) throws -> SecretBytes {
        let asker = try Asker(context)
        while true {
            var first = try asker.ask(prompt, within: limit)
            var copy: SecretBytes? = try first.duplicate()
            let strength = try context.connect(for: .strength)
                .call(WireStrengthRequest(), secret: &copy) { _ throws(ClientError) in }.strength
            if !context.global.quiet { context.say(strength.meter) }
            if strength.isWeak, asker.canConfirm {
                guard try Asker.confirm("Use it all the same?", within: limit) else { continue }
            }
            var again = try asker.ask("The same again: ", within: limit)
            if first.isEqual(to: &again) { return first }
            context.say("the two differ, try again")
        }
    }
}

extension WireStrength {
    /// Whether it is so weak that it should be pointed out.
    var isWeak: Bool { hasScore && score < 3 }

    /// The score in a word.
    var word: String {
        guard hasScore else { return "not assessed" }
        return ["very weak", "weak", "fair", "good", "strong"][Int(min(score, 4))]
    }

    /// One line with bars.
    var meter: String {
        guard hasScore else { return "strength: not assessed" }
        let bars = String(repeating: "#", count: Int(min(score, 4)) + 1)
        let rest = String(repeating: "-", count: 4 - Int(min(score, 4)))
        let guesses = hasGuessesLog10 ? ", about 10^\(Int(guessesLog10.rounded())) guesses" : ""
        return "strength: [\(bars)\(rest)] \(word)\(guesses)"
    }

    var json: JSONValue {
        .object([
            "score": hasScore ? .count(score) : .null,
            "guesses_log10": hasGuessesLog10 ? .number((guessesLog10 * 100).rounded() / 100) : .null,
            "unmet": .strings(unmet),
        ])
    }
}
