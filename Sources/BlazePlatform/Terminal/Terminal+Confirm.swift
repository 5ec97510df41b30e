extension Terminal {
    /// How often a question is asked that is answered with something else than yes or no.
    private static let patience = 3
    /// Longer answers are no answers.
    private static let answerLimit = 64

    /// Asks a question on the controlling terminal that is answered with y(es) or n(o); an empty line means
    /// `defaultAnswer`, and so do three answers that are neither.
    ///
    /// - Parameter prompt: with the choice, such as `Remember it? [y/N] `.
    /// - Parameter timeout: how long to wait for each answer; nil for ever.
    /// - Throws: `.noTerminal`, `.background`, `.timedOut`, `.interrupted`, and `.empty` when the terminal is at its end.
    public static func confirm(
        _ prompt: String, default defaultAnswer: Bool, timeout: Duration? = nil
    ) throws(SecretInputError) -> Bool {
        try confirm(prompt, on: ControllingTerminal(), default: defaultAnswer, timeout: timeout)
    }

    static func confirm(
        _ prompt: String, on terminal: ControllingTerminal, default defaultAnswer: Bool, timeout: Duration?
    ) throws(SecretInputError) -> Bool {
        var bytes = [UInt8](repeating: 0, count: answerLimit)
        for _ in 0..<patience {
            let count: Int
            do throws(SecretInputError) {
                count = try line(terminal, prompt, timeout, &bytes)
            } catch {
                guard error.code == .tooLong else { throw error }
                continue
            }
            let answer = String(decoding: bytes[..<count], as: UTF8.self).lowercased().filter { !$0.isWhitespace }
            switch answer {
            case "": return defaultAnswer
            case "y", "yes": return true
            case "n", "no": return false
            default: continue
            }
        }
        return defaultAnswer
    }

    /// Has a word typed on the controlling terminal; whether it was exactly that one, spaces around it apart.
    ///
    /// - Parameter timeout: how long to wait; nil for ever.
    /// - Throws: `.noTerminal`, `.background`, `.timedOut`, `.interrupted`, and `.empty` when the terminal is at its end.
    public static func confirm(
        typing word: String, prompt: String, timeout: Duration? = nil
    ) throws(SecretInputError) -> Bool {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count: Int
        do throws(SecretInputError) {
            count = try line(ControllingTerminal(), prompt, timeout, &bytes)
        } catch {
            guard error.code == .tooLong else { throw error }
            return false
        }
        let typed = bytes[..<count].drop { $0 == UInt8(ascii: " ") }
        let end = typed.lastIndex { $0 != UInt8(ascii: " ") }.map { $0 + 1 } ?? typed.startIndex
        return typed[..<end].elementsEqual(word.utf8)
    }

    private static func line(
        _ terminal: ControllingTerminal, _ prompt: String, _ timeout: Duration?, _ bytes: inout [UInt8]
    ) throws(SecretInputError) -> Int {
        try bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(SecretInputError) in
                try terminal.line(prompt: prompt, echo: true, timeout: timeout, into: buffer)
            }
        }.get()
    }
}
