internal import CPlatform

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A pipe with everything in it that its reader will get: at most PIPE_BUF bytes (4096), which fit without a reader.
final class FilledPipe {
    /// The end to read from.
    let descriptor: Int32

    /// nil when there are no descriptors, or `fill` failed.
    init?(_ fill: (Int32) throws(StorageError) -> Void) {
        var pipe: [Int32] = [-1, -1]
        guard blaze_pipe(&pipe) == 0 else { return nil }
        descriptor = pipe[0]
        defer { close(pipe[1]) }
        do throws(StorageError) {
            try fill(pipe[1])
        } catch {
            return nil
        }
    }

    deinit { close(descriptor) }
}
