internal import ArgumentParser

/// The shells for which a variable can be set by what a command prints.
enum ShellSyntax: String, EnumerableFlag {
    case sh
    case csh
    case fish

    static func name(for value: ShellSyntax) -> NameSpecification {
        switch value {
        case .sh: .customShort("s")
        case .csh: .customShort("c")
        case .fish: .long
        }
    }

    static func help(for value: ShellSyntax) -> ArgumentHelp? {
        switch value {
        case .sh: "For sh, bash, zsh and the like."
        case .csh: "For csh and tcsh."
        case .fish: "For fish."
        }
    }

    /// The syntax of the user's login shell, as `$SHELL` names it.
    init(loginShell: String?) {
        let name = loginShell?.split(separator: "/").last ?? ""
        self = name.hasSuffix("csh") ? .csh : name == "fish" ? .fish : .sh
    }

    /// A line that sets and exports a variable. The value is bytes: a path need not be text.
    func setting(_ variable: String, to value: [UInt8]) -> [UInt8] {
        let quoted = quoted(value)
        return switch self {
        case .sh: Array("\(variable)=".utf8) + quoted + Array("; export \(variable);\n".utf8)
        case .csh: Array("setenv \(variable) ".utf8) + quoted + Array(";\n".utf8)
        case .fish: Array("set -gx \(variable) ".utf8) + quoted + Array(";\n".utf8)
        }
    }

    /// The value as one word that the shell does not look into.
    func quoted(_ value: [UInt8]) -> [UInt8] {
        let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/.,:@%+=-".utf8)
        if !value.isEmpty, value.allSatisfy(plain.contains) { return value }
        let quote = UInt8(ascii: "'")
        var out = [quote]
        for byte in value {
            switch (self, byte) {
            case (.fish, quote), (.fish, UInt8(ascii: "\\")): out += [UInt8(ascii: "\\"), byte]
            case (_, quote): out += Array(#"'\''"#.utf8)
            // csh ends a quoted word at the end of a line, and looks for events even inside of quotes.
            case (.csh, UInt8(ascii: "\n")), (.csh, UInt8(ascii: "!")): out += [UInt8(ascii: "\\"), byte]
            default: out.append(byte)
            }
        }
        return out + [quote]
    }
}
