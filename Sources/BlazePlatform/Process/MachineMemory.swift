internal import SystemPackage

/// The machine's memory.
public enum MachineMemory {
    /// Bytes that programs can still take without making others slow, as Linux estimates them (proc(5), MemAvailable); nil
    /// when that cannot be told.
    public static func available() -> UInt64? {
        guard let bytes = SystemFiles.bytes("/proc/meminfo", limit: 64 << 10) else { return nil }
        for line in bytes.split(separator: UInt8(ascii: "\n")) where line.starts(with: "MemAvailable:".utf8) {
            let digits = line.filter { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
            return UInt64(String(decoding: digits, as: UTF8.self)).map { $0 * 1024 }
        }
        return nil
    }
}
