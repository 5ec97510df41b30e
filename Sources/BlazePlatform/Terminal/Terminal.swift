internal import CPlatform
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What a command-line program needs to know of its standard streams.
public enum Terminal {
    /// Standard output.
    public static let output: Int32 = 1
    /// Standard error.
    public static let error: Int32 = 2

    /// Whether a descriptor is a terminal.
    public static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Columns of a terminal; nil when it is none, or does not say.
    public static func columns(_ descriptor: Int32) -> Int? {
        let n = blaze_terminal_columns(descriptor)
        return n > 0 ? Int(n) : nil
    }

    /// Rows of a terminal; nil when it is none, or does not say.
    public static func rows(_ descriptor: Int32) -> Int? {
        let n = blaze_terminal_rows(descriptor)
        return n > 0 ? Int(n) : nil
    }

    /// Lets a signal that ends programs end this one with status 128 and the signal's number, after `words` were written
    /// to `descriptor`, so that a terminal is left as it was found.
    public static func exitOnSignals(writing words: String, to descriptor: Int32) {
        // Never given back: a signal may come as long as the process lives.
        if let kept = strdup(words) { _ = blaze_exit_on_signals(descriptor, kept) }
    }

    /// Keeps later files and sockets off the descriptors of standard streams that are closed. Called first of all.
    public static func occupyStandardStreams() -> Bool { blaze_occupy_standard_streams() == 0 }

    /// Takes the environment's locale for character widths. Called once, first.
    public static func useLocale() { blaze_use_locale() }

    /// Columns that a text takes.
    public static func width(_ text: String) -> Int {
        text.unicodeScalars.reduce(0) { $0 + Int(blaze_display_width($1.value)) }
    }

    /// Writes everything.
    public static func write(_ bytes: [UInt8], to descriptor: Int32) throws(StorageError) {
        let failure = bytes.withUnsafeBytes { raw -> StorageError? in
            do throws(StorageError) {
                try write(raw, to: descriptor)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    /// Writes everything, straight from where it lies.
    public static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws(StorageError) {
        var done = 0
        while done < bytes.count {
            let n = sysWrite(descriptor, bytes.baseAddress! + done, bytes.count - done)
            if n < 0 {
                let errno = Errno(rawValue: errno)
                if errno == .interrupted { continue }
                throw StorageError(errno, operation: "write to", path: "standard output")
            }
            done += n
        }
    }
}

private func sysWrite(_ fd: Int32, _ p: UnsafeRawPointer, _ n: Int) -> Int { write(fd, p, n) }
