internal import BlazePlatform
internal import BlazeProtocol

/// Two secrets that came in one secret section, one behind the other; either may be missing.
struct SecretPair: ~Copyable {
    var first: SecretBytes?
    var second: SecretBytes?

    /// - Parameter count: how many bytes the first one has.
    init(_ secret: inout SecretBytes?, first count: UInt32) throws {
        guard var both = secret.take() else {
            guard count == 0 else { throw Self.short }
            return
        }
        let count = Int(count)
        let total = both.count
        guard count <= total else { throw Self.short }
        if count > 0 { first = try both.copy(of: 0..<count) }
        if count < total { second = try both.copy(of: count..<total) }
    }

    private static let short = Fault(.invalidRequest, "the secret section is shorter than the request says")
}
