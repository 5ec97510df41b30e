/// A vault's file as bytes and as what they say.
package struct VaultFile: Sendable, Equatable {
    package let bytes: [UInt8]
    package let image: VaultImage

    /// Reads a whole file.
    ///
    /// - Throws: `damaged`, `unsupportedVersion`, `limitExceeded`.
    package init(_ bytes: [UInt8]) throws(VaultError) {
        image = try VaultImage.parse(bytes)
        self.bytes = bytes
    }

    /// The file of an image, summed with its keys.
    init(_ image: VaultImage, keys: inout VaultKeys) throws(VaultError) {
        var bytes = try image.body()
        bytes += keys.sum(of: bytes, count: bytes.count)
        bytes += Checksum.of(bytes)
        // Read again, so that nothing is written that could not be read, and entries are slices of these bytes.
        try self.init(bytes)
    }
}
