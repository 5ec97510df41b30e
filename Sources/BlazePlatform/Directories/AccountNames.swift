#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The names of users and groups, as the system's databases have them. Asking may reach out to a network: for programs that a
/// person waits for, not for the agent.
public enum AccountNames {
    /// The longest answer that is taken, in bytes; a group's has all its members in it.
    private static let longest = 1 << 20

    /// A user's name; nil when there is none, or it cannot be found out.
    public static func user(_ id: UInt32) -> String? {
        asked { buffer in
            var entry = passwd()
            var found: UnsafeMutablePointer<passwd>?
            let status = getpwuid_r(id, &entry, &buffer, buffer.count, &found)
            return (status, found == nil ? nil : entry.pw_name.map { String(cString: $0) })
        }
    }

    /// A group's name; nil when there is none, or it cannot be found out.
    public static func group(_ id: UInt32) -> String? {
        asked { buffer in
            var entry = GroupEntry()
            var found: UnsafeMutablePointer<GroupEntry>?
            let status = getgrgid_r(id, &entry, &buffer, buffer.count, &found)
            return (status, found == nil ? nil : entry.gr_name.map { String(cString: $0) })
        }
    }

    #if canImport(Glibc)
        private typealias GroupEntry = Glibc.group
    #elseif canImport(Darwin)
        private typealias GroupEntry = Darwin.group
    #endif

    private static func asked(_ ask: (inout [CChar]) -> (status: Int32, name: String?)) -> String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        while true {
            let (status, name) = ask(&buffer)
            guard status == ERANGE, buffer.count < longest else { return status == 0 ? name : nil }
            buffer = [CChar](repeating: 0, count: 4 * buffer.count)
        }
    }
}
