extension GlobalOptions {
    private static let withValue: Set<String> = ["-o", "--output", "--socket", "--timeout"]
    private static let flags: Set<String> = ["--no-autostart", "--batch", "-q", "--quiet"]

    /// The same command line with the options that stand before the verb moved behind its arguments, since the parser
    /// knows them as options of the verb: `blazectl -o json ls` means `blazectl ls -o json`.
    static func movedBehindVerb(_ arguments: [String]) -> [String] {
        var leading: [String] = []
        var rest = arguments[...]
        while let next = rest.first {
            if withValue.contains(next), rest.count >= 2 {
                leading += rest.prefix(2)
                rest = rest.dropFirst(2)
            } else if flags.contains(next) || holdsValue(next) {
                leading.append(next)
                rest = rest.dropFirst()
            } else {
                break
            }
        }
        // Without a verb there is nothing to move them behind; the parser tells what is wrong.
        guard !leading.isEmpty, let verb = rest.first, !verb.hasPrefix("-") else { return arguments }
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        return rest[..<end] + leading + rest[end...]
    }

    /// Whether an argument is an option together with its value: `-ojson`, `--output=json`.
    private static func holdsValue(_ argument: String) -> Bool {
        if argument.hasPrefix("-o"), argument != "-o" { return true }
        return withValue.contains { name in name.hasPrefix("--") && argument.hasPrefix(name + "=") }
    }
}
