/// A clipboard that could not be used. Compared by code.
public struct ClipboardError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it was.
    public enum Code: Sendable, Equatable {
        /// There is no display, or none of the programs for it is installed.
        case none
        /// The program failed, or did not end in time.
        case failed
        /// The secret is longer than a clipboard is given.
        case tooLong
        /// The program that is to empty the clipboard later could not be started.
        case notCleared
        /// Guarded memory could not be had.
        case noSecretMemory
    }

    /// What kind of failure it was.
    public let code: Code
    /// The program that it is about; nil where it is about none.
    public let program: String?

    /// An error.
    public init(_ code: Code, program: String? = nil) {
        self.code = code
        self.program = program
    }

    /// A sentence for a person.
    public var description: String {
        switch code {
        case .none:
            "there is no clipboard: no display (WAYLAND_DISPLAY, DISPLAY), or none of wl-copy, xclip and xsel is installed"
        case .failed: "\(program ?? "the clipboard's program") failed"
        case .tooLong: "it is too long for the clipboard"
        case .notCleared: "it is in the clipboard, and nothing could be started that clears it later: clear it yourself"
        case .noSecretMemory: "locked memory could not be had"
        }
    }

    /// Errors are equal when their codes are.
    public static func == (a: ClipboardError, b: ClipboardError) -> Bool { a.code == b.code }
}
