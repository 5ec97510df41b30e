public import Crypto

extension DatabaseKey {
    /// The key as one operation holds it: taken out of guarded memory once, zeroed when the operation lets it go.
    public typealias Shared = SymmetricKey
}
