/// A program that reads and writes the clipboard.
enum ClipboardTool: UInt8, CaseIterable {
    case wayland = 1
    case xclip = 2
    case xsel = 3
    case macOS = 4

    /// The variable that says that there is a display of its kind; nil where none is needed.
    var display: String? {
        switch self {
        case .wayland: "WAYLAND_DISPLAY"
        case .xclip, .xsel: "DISPLAY"
        case .macOS: nil
        }
    }

    /// Takes the clipboard's new content from standard input.
    var copy: [String] {
        switch self {
        case .wayland: ["wl-copy"]
        case .xclip: ["xclip", "-selection", "clipboard", "-in"]
        case .xsel: ["xsel", "--clipboard", "--input"]
        case .macOS: ["pbcopy"]
        }
    }

    /// Prints the clipboard's content as it is.
    var paste: [String] {
        switch self {
        case .wayland: ["wl-paste", "--no-newline"]
        case .xclip: ["xclip", "-selection", "clipboard", "-out"]
        case .xsel: ["xsel", "--clipboard", "--output"]
        case .macOS: ["pbpaste"]
        }
    }

    /// Empties the clipboard; its standard input is empty.
    var clear: [String] {
        switch self {
        case .wayland: ["wl-copy", "--clear"]
        case .xsel: ["xsel", "--clipboard", "--clear"]
        case .xclip, .macOS: copy
        }
    }
}
