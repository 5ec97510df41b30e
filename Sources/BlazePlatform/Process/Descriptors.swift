internal import CPlatform

/// How many files and sockets the process may have open at once.
public enum Descriptors {
    /// Raises the soft limit to `wanted`, or to the hard limit where that is lower. The limit then, at most `wanted`;
    /// nil when the system does not tell.
    public static func raiseLimit(to wanted: Int) -> Int? {
        let limit = blaze_raise_descriptor_limit(wanted)
        return limit < 0 ? nil : limit
    }
}
