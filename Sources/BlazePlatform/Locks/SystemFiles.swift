internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The small files in which Linux tells about itself. Where there is no /proc, nothing is told.
enum SystemFiles {
    /// The whole contents; nil when it cannot be read, or is longer than `limit` bytes.
    static func bytes(_ path: FilePath, limit: Int) -> [UInt8]? {
        let fd = path.withPlatformString { open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY) }
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var out: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let n = read(fd, &chunk, chunk.count)
            if n < 0, errno == EINTR { continue }
            guard n >= 0 else { return nil }
            if n == 0 { return out }
            guard out.count + n <= limit else { return nil }
            out += chunk[..<n]
        }
    }

    /// Where a link leads, as text; nil when it cannot be read.
    static func link(_ path: FilePath) -> String? {
        var buffer = [CChar](repeating: 0, count: 512)
        let n = path.withPlatformString { readlink($0, &buffer, buffer.count) }
        guard n > 0 else { return nil }
        return String(decoding: buffer[..<n].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
