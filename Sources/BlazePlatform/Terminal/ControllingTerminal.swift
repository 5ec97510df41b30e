internal import CPlatform
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The terminal that this process was started from, whatever its standard streams are.
final class ControllingTerminal {
    private let descriptor: Int32

    /// - Throws: `.noTerminal`.
    init() throws(SecretInputError) {
        descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw SecretInputError(.noTerminal, errno: Errno(rawValue: errno)) }
    }

    /// Another terminal than the controlling one; its descriptor is closed with this value.
    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// One line, written into `buffer`; the count of its bytes without the line's end.
    func line(
        prompt: String, echo: Bool, timeout: Duration?, into buffer: UnsafeMutableRawBufferPointer
    ) throws(SecretInputError) -> Int {
        let deadline = timeout.map(Deadline.after)
        while true {
            var signal: Int32 = 0
            let n = blaze_read_terminal_line(
                descriptor, prompt, echo ? 1 : 0, deadline?.millisecondsLeft ?? -1,
                buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), buffer.count, &signal)
            guard n < 0 else { return n }
            switch errno {
            case EINTR where signal == SIGTSTP:
                // Suspended with the terminal in order; when the user comes back, the question is asked again.
                raise(SIGSTOP)
            case EINTR: throw SecretInputError(.interrupted(signal))
            case EMSGSIZE: throw SecretInputError(.tooLong)
            case ENODATA: throw SecretInputError(.empty)
            case ETIMEDOUT: throw SecretInputError(.timedOut)
            case EBUSY: throw SecretInputError(.background)
            default: throw SecretInputError(.noTerminal, errno: Errno(rawValue: errno))
            }
        }
    }
}
