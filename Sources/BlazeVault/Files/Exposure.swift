internal import BlazePlatform
internal import SystemPackage

/// Whether anybody but the user can reach the vault. Too open permissions are refused with the command that mends them,
/// not mended: who opened them should know, and look who has read the file meanwhile.
enum Exposure {
    static func check(directory path: FilePath, _ status: VaultFileStatus, user: UInt32) throws(VaultError) {
        switch status.kind {
        case .directory: break
        case .symbolicLink:
            throw VaultError(
                .exposed, "the vault's directory \(path.displayString) is a symbolic link",
                hint: "rm \(quoted(path)) && mkdir -m 700 \(quoted(path)), and move the vault's files there", path: path
            )
        case .regular, .special:
            throw VaultError(
                .exposed, "the vault's directory \(path.displayString) is not a directory", path: path)
        }
        try check(path, "directory", "700", status, user: user)
    }

    static func check(file path: FilePath, _ status: VaultFileStatus, user: UInt32) throws(VaultError) {
        switch status.kind {
        case .regular: break
        case .symbolicLink:
            throw VaultError(
                .exposed, "the vault's file \(path.displayString) is a symbolic link",
                hint: "mv -f \"$(readlink -f \(quoted(path)))\" \(quoted(path))", path: path)
        case .directory, .special:
            throw VaultError(.exposed, "\(path.displayString) is not a regular file", path: path)
        }
        try check(path, "file", "600", status, user: user)
    }

    private static func check(
        _ path: FilePath, _ what: String, _ mode: String, _ status: VaultFileStatus, user: UInt32
    ) throws(VaultError) {
        guard status.owner == user else {
            throw VaultError(
                .exposed, "the vault's \(what) \(path.displayString) belongs to the user with id \(status.owner)",
                hint: "chown \(user) \(quoted(path))", path: path)
        }
        guard status.mode & 0o077 == 0 else {
            throw VaultError(
                .exposed, "other users may use the vault's \(what) \(path.displayString)",
                hint: "chmod \(mode) \(quoted(path))", path: path)
        }
    }

    /// The path as one word of a shell command.
    private static func quoted(_ path: FilePath) -> String {
        let plain = path.bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "-"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
        if plain { return path.displayString }
        let shown = path.displayString
        // Control characters and broken UTF-8 are shown as \xNN, which $'...' understands.
        if Array(shown.utf8) == path.bytes {
            return "'" + shown.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"'\''"#) + "'"
        }
        return "$'" + shown.split(separator: "'", omittingEmptySubsequences: false).joined(separator: #"\'"#) + "'"
    }
}
