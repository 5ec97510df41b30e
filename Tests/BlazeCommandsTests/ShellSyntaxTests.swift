@testable import BlazeCommands
import Testing

@Suite struct ShellSyntaxTests {
    static func text(_ syntax: ShellSyntax, _ value: String) -> String {
        String(decoding: syntax.quoted(Array(value.utf8)), as: UTF8.self)
    }

    @Test func plainWordsStayAsTheyAre() {
        for syntax in ShellSyntax.allCases {
            #expect(
                Self.text(syntax, "/run/user/1000/blazedb-agent/agent.sock")
                    == "/run/user/1000/blazedb-agent/agent.sock")
            #expect(Self.text(syntax, "") == "''")
        }
    }

    @Test func quotesAreOneWordInEachShell() {
        #expect(Self.text(.sh, "a b'c!\\") == #"'a b'\''c!\'"#)
        #expect(Self.text(.csh, "a b'c!\\") == #"'a b'\''c\!\'"#)
        #expect(Self.text(.csh, "a\nb") == "'a\\\nb'")
        #expect(Self.text(.fish, "a b'c!\\") == #"'a b\'c!\\'"#)
    }

    @Test func bytesAreKept() {
        #expect(ShellSyntax.sh.quoted([0xFF, 0x20]) == [0x27, 0xFF, 0x20, 0x27])
    }

    @Test func theLoginShellDecides() {
        #expect(ShellSyntax(loginShell: "/bin/tcsh") == .csh && ShellSyntax(loginShell: "csh") == .csh)
        #expect(ShellSyntax(loginShell: "/usr/bin/fish") == .fish)
        for other in [nil, "", "/", "/bin/zsh", "/bin/fish/sh"] { #expect(ShellSyntax(loginShell: other) == .sh) }
    }
}
