internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

extension Terminal {
    /// Whether a question can be asked: there is a controlling terminal, and this process is in its foreground.
    public static var canAsk: Bool { isInForeground == true }

    /// Whether there is a controlling terminal, with another job in its foreground.
    public static var isInBackground: Bool { isInForeground == false }

    /// Nil without a controlling terminal.
    private static var isInForeground: Bool? {
        let fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        return tcgetpgrp(fd) == getpgrp()
    }

    /// Shows a secret on the controlling terminal, wherever standard output leads.
    ///
    /// - Throws: `.noTerminal`.
    public static func show(_ secret: inout SecretBytes, under heading: String) throws(SecretInputError) {
        let fd = open("/dev/tty", O_WRONLY | O_CLOEXEC | O_NOCTTY)
        guard fd >= 0 else { throw SecretInputError(.noTerminal, errno: Errno(rawValue: errno)) }
        defer { close(fd) }
        do throws(StorageError) {
            try write(Array("\(heading)\n\n    ".utf8), to: fd)
            try SecretSink.write(&secret, to: fd, lineEnd: true)
            try write([UInt8(ascii: "\n")], to: fd)
        } catch {
            throw SecretInputError(.noTerminal, errno: error.errno)
        }
    }
}
