import FormatWriter

/// The first byte says what the rest is: a metadata file as it stands, or a payload that is signed; and whether the
/// payload is its unsigned mirror as well. The data file holds two sound records and a zero page.
public enum MetadataTarget: FuzzTarget {
    /// `metadata`.
    public static let name = "metadata"

    /// Whatever is signed, opening it ends in a reader that agrees with itself, or in an error.
    public static func run(_ input: [UInt8]) throws(Violation) {
        var source = ByteSource(input)
        let mode = source.byte()
        let text = source.rest()
        var image = DatabaseImage()
        image.pages = try written {
            try [1, 2].map { n in
                let record = DatabaseImage.record(DatabaseImage.id(n))
                return try DatabaseImage.writer.recordPage(record, nonce: UInt64(n))
            } + [PageWriter.padded([])]
        }
        let mirror = mode & 2 == 0 ? Array("{}".utf8) : text
        image.metadata =
            mode & 1 == 0 ? text : MetadataWriter.file(payload: text, key: DatabaseImage.key, layout: mirror)
        try DatabaseProperties.check(image)
    }
}
