public import BlazePlatform
internal import CSodium

/// New passwords that BlazeDB takes.
public enum PasswordGenerator {
    /// How long a password may be.
    public static let lengths = PasswordPolicy.shortest...1024

    /// Letters and digits, less those that are taken for one another (0 O o, 1 I l, and others by hand or in print),
    /// and symbols that no shell and no URL treats specially.
    private static let unmistakable = Array("ABCDEFGHJKLMNPQRTUVWXYZabcdefghijkmnpqrstuvwxyz2346789-_.+=@%".utf8)
    private static let all = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~".utf8)

    /// A random password: every one of this length that meets BlazeDB's policy is equally likely.
    ///
    /// - Parameter lookAlikes: whether characters that are taken for one another, and symbols that shells treat
    ///   specially, may be in it.
    /// - Throws: `limitExceeded` for a length outside of `lengths`, `noSecretMemory`.
    public static func generate(length: Int = 24, lookAlikes: Bool = false) throws(VaultError) -> SecretBytes {
        guard lengths.contains(length) else {
            throw VaultError(
                .limitExceeded, "a password has \(lengths.lowerBound) to \(lengths.upperBound) characters")
        }
        defer { wipeStack() }
        let alphabet = lookAlikes ? all : unmistakable
        return try .guarded(length) { out in
            repeat {
                for i in out.indices { out[i] = alphabet[Int(randombytes_uniform(UInt32(alphabet.count)))] }
            } while !PasswordPolicy.verdict(UnsafeRawBufferPointer(out)).unmet.isEmpty
        }
    }
}
