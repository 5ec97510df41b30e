internal import CSodium

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The process that empties the clipboard some time after a secret was put there.
public enum ClipboardClearing {
    /// The one argument by which a program is told to be that process.
    public static let argument = "clipboard-clearing-process"
    /// Where it finds what to do.
    private static let jobDescriptor: Int32 = 3

    /// Does what the job on descriptor 3 says; the exit status. Nothing else has run in this process.
    public static func run() -> Int32 {
        var bytes = [UInt8](repeating: 0, count: Job.byteCount + 1)
        var used = 0
        while used < bytes.count {
            let n = bytes.withUnsafeMutableBytes { read(jobDescriptor, $0.baseAddress! + used, $0.count - used) }
            if n < 0, errno == EINTR { continue }
            guard n > 0 else { break }
            used += n
        }
        close(jobDescriptor)
        guard let job = Job(Array(bytes[..<used])) else { return 2 }
        let clock = SystemMachineClock()
        let end = clock.sinceBoot() + .milliseconds(Int64(job.milliseconds))
        // A machine that slept meanwhile has waited, too.
        while case let left = end - clock.sinceBoot(), left > .zero {
            waitMilliseconds(Int32(min(left, .seconds(1)) / .milliseconds(1)) + 1)
        }
        let environment = Clipboard.variables.reduce(into: [String: String]()) { out, name in
            if let value = getenv(name) { out[name] = String(cString: value) }
        }
        let clipboard = Clipboard(job.tool, environment: environment)
        do throws(ClipboardError) {
            guard var content = try clipboard.paste(), job.isAbout(&content) else { return 0 }
            try clipboard.clear()
            return 0
        } catch {
            return 1
        }
    }

    /// What the process is told: the tool (1 byte), the delay in milliseconds (8 bytes, little-endian), a random key
    /// and the keyed BLAKE2b hash of the secret (32 bytes each).
    struct Job {
        static let byteCount = 1 + 8 + keyBytes + hashBytes
        private static let keyBytes = 32
        private static let hashBytes = 32
        /// No clipboard is kept longer.
        private static let longestDelay: UInt64 = 86_400_000

        let tool: ClipboardTool
        let milliseconds: UInt64
        private let key: [UInt8]
        private let hash: [UInt8]

        init(_ tool: ClipboardTool, delay: Duration, secret: inout SecretBytes) {
            self.tool = tool
            milliseconds = UInt64(max(.zero, min(delay, .milliseconds(Int64(Self.longestDelay)))) / .milliseconds(1))
            var key = [UInt8](repeating: 0, count: Self.keyBytes)
            randombytes_buf(&key, key.count)
            self.key = key
            hash = Self.hash(&secret, key: key)
        }

        init?(_ bytes: [UInt8]) {
            guard bytes.count == Self.byteCount, let tool = ClipboardTool(rawValue: bytes[0]) else { return nil }
            self.tool = tool
            milliseconds = (1...8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[$1]) }
            key = Array(bytes[9..<9 + Self.keyBytes])
            hash = Array(bytes[(9 + Self.keyBytes)...])
            guard milliseconds <= Self.longestDelay else { return nil }
        }

        var bytes: [UInt8] {
            [tool.rawValue] + (0..<8).map { UInt8(truncatingIfNeeded: milliseconds >> (8 * $0)) } + key + hash
        }

        /// Whether this is the secret.
        func isAbout(_ content: inout SecretBytes) -> Bool {
            sodium_memcmp(Self.hash(&content, key: key), hash, hash.count) == 0
        }

        private static func hash(_ secret: inout SecretBytes, key: [UInt8]) -> [UInt8] {
            var hash = [UInt8](repeating: 0, count: hashBytes)
            secret.withBytes { bytes in
                _ = crypto_generichash(
                    &hash, hash.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count),
                    key, key.count)
            }
            return hash
        }
    }
}
