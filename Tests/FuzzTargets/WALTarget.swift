import BlazeModel
import FormatWriter

/// The input is a program that damages pages of a small database and then writes its WAL: entries of both forms with
/// images of any kind, entries with wrong checksums, and raw bytes.
public enum WALTarget: FuzzTarget {
    /// `wal`.
    public static let name = "wal"

    private static let mostEntries = 48

    /// Whatever the WAL holds, reading agrees with itself.
    public static func run(_ input: [UInt8]) throws(Violation) {
        var source = ByteSource(input)
        var image = try base()
        for _ in 0..<source.number(below: 8) {
            let page = source.number(below: image.pages.count)
            switch source.byte() % 3 {
            case 0: image.pages[page] = PageWriter.padded([])
            case 1: image.pages[page][50] ^= 1
            default: image.pages[page] = PageWriter.padded(source.bytes(64))
            }
        }
        if source.byte() & 1 == 1 { image.pages.removeLast(source.number(below: image.pages.count)) }
        image.nextPageIndex = UInt64(source.number(below: 64))
        for _ in 0..<mostEntries where !source.isAtEnd {
            image.wal += try written { try entry(&source, image) }
        }
        try DatabaseProperties.check(image)
    }

    /// Three records, one of them with two overflow pages.
    private static func base() throws(Violation) -> DatabaseImage {
        let writer = DatabaseImage.writer
        return try written {
            var image = DatabaseImage()
            for n in 1...2 {
                image.pages.append(
                    try writer.recordPage(DatabaseImage.record(DatabaseImage.id(n)), nonce: image.nextNonce))
            }
            let record = DatabaseImage.record(DatabaseImage.id(3), size: 10_000)
            let (head, pieces) = PageWriter.cut(record)
            let reference = OverflowFields(record, first: 3, count: pieces.count)
            image.pages.append(try writer.recordPage(head + reference.bytes, nonce: image.nextNonce))
            image.pages.append(try writer.overflowPage(pieces[0], next: 4, nonce: image.nextNonce))
            image.pages.append(try writer.overflowPage(pieces[1], next: 0, nonce: image.nextNonce))
            image.index = [
                MetadataWriter.Entry(DatabaseImage.id(1), pages: [0]),
                MetadataWriter.Entry(DatabaseImage.id(2), pages: [1]),
                MetadataWriter.Entry(DatabaseImage.id(3), pages: [2, 3, 4]),
            ]
            return image
        }
    }

    private static func entry(_ source: inout ByteSource, _ image: DatabaseImage) throws -> [UInt8] {
        let step = source.byte()
        var bytes: [UInt8]
        switch step % 4 {
        case 0: return source.bytes(source.number(below: 600))
        case 1: bytes = WALWriter.entry(page: source.page(), image: try pageImage(&source, image))
        case 2:
            bytes = WALWriter.unified(
                transaction: source.byte() & 3, operation: source.byte() % 7, page: source.page(),
                payload: try pageImage(&source, image))
        default:
            bytes = WALWriter.unified(
                transaction: source.byte() & 3, operation: source.byte() % 7, page: source.page(),
                payload: source.bytes(source.number(below: 64)))
        }
        if step & 64 != 0 { bytes[source.number(below: bytes.count)] ^= source.byte() }
        if step & 128 != 0 { bytes.removeLast(source.number(below: bytes.count)) }
        return bytes
    }

    private static func pageImage(_ source: inout ByteSource, _ image: DatabaseImage) throws -> [UInt8] {
        let choice = source.byte()
        switch choice % 5 {
        case 0 where !image.pages.isEmpty: return image.pages[source.number(below: image.pages.count)]
        case 1:
            return try DatabaseImage.writer.overflowPage(
                source.bytes(32), next: source.page(), nonce: 1000 + UInt64(choice))
        case 2: return PageWriter.padded(source.bytes(64))
        case 3: return source.bytes(64)
        default:
            let record = DatabaseImage.record(DatabaseImage.id(Int(choice >> 4)), n: choice)
            return try DatabaseImage.writer.recordPage(record, nonce: 2000 + UInt64(choice))
        }
    }
}
