import BlazeModel
import FormatWriter

/// The input is a program that lays out a data file, page by page, and then an index over it: sealed and plain record
/// pages, chains with references and links of any value, raw bytes, damage.
public enum PageTarget: FuzzTarget {
    /// `page`.
    public static let name = "page"

    private static let mostSteps = 24
    /// Some ten overflow pages: long enough for every order, and fast.
    private static let longestRecord = 45_000

    /// Whatever the pages hold, reading agrees with itself.
    public static func run(_ input: [UInt8]) throws(Violation) {
        var source = ByteSource(input)
        var image = DatabaseImage()
        for _ in 0..<(1 + source.number(below: mostSteps)) {
            if source.isAtEnd { break }
            try written { try addPages(&image, &source) }
        }
        changeIndex(&image, &source)
        try DatabaseProperties.check(image)
    }

    private static func addPages(_ image: inout DatabaseImage, _ source: inout ByteSource) throws {
        let writer = DatabaseImage.writer
        let step = source.byte()
        let id = DatabaseImage.id(image.index.count)
        let first = UInt32(image.pages.count)
        switch step % 8 {
        case 0:
            image.pages.append(try writer.recordPage(DatabaseImage.record(id, n: step), nonce: image.nextNonce))
        case 1: try addChain(id, &image, &source)
        case 2:
            let piece = [UInt8](repeating: step, count: source.number(below: PageWriter.overflowCapacity + 1))
            image.pages.append(try writer.overflowPage(piece, next: source.page(), nonce: image.nextNonce))
            return
        case 3: image.pages.append(try writer.recordPage(plaintext(&source), nonce: image.nextNonce))
        case 4:
            image.pages.append(PageWriter.padded(source.bytes(source.number(below: PageWriter.pageBytes + 1))))
        case 5: image.pages.append(PageWriter.padded([]))
        case 6:
            guard !image.pages.isEmpty else { return }
            let page = source.number(below: image.pages.count)
            image.pages[page][source.number(below: PageWriter.pageBytes)] ^= source.byte()
            return
        default: image.pages.append(PageWriter.plainPage(Array(plaintext(&source).prefix(4087))))
        }
        image.index.append(MetadataWriter.Entry(id, pages: Array(first..<UInt32(image.pages.count))))
    }

    /// A plaintext of a length that the input names: its bytes, then filling.
    private static func plaintext(_ source: inout ByteSource) -> [UInt8] {
        let length = source.number(below: PageWriter.recordCapacity + 1)
        let bytes = source.bytes(source.number(below: length + 1))
        return bytes + [UInt8](repeating: 0x0B, count: length - bytes.count)
    }

    /// A long record in one of its two forms. Each bit of a byte gives one field or link to the input.
    private static func addChain(
        _ id: RecordID, _ image: inout DatabaseImage, _ source: inout ByteSource
    ) throws {
        let writer = DatabaseImage.writer
        let changes = source.byte()
        let record = DatabaseImage.record(id, size: PageWriter.mainPlaintext + source.number(below: longestRecord))
        let main = UInt32(image.pages.count)
        var (head, pieces) = PageWriter.cut(record)
        if changes & 1 == 0 {
            var fields = OverflowFields(record, first: main + 1, count: pieces.count)
            if changes & 2 != 0 { fields.first = source.page() }
            if changes & 4 != 0 { fields.total ^= UInt64(source.word()) << (source.byte() & 32) }
            if changes & 8 != 0 { fields.count = source.page() }
            if changes & 16 != 0 { fields.checksum ^= UInt64(source.byte()) }
            if changes & 32 != 0 { fields.flags = source.byte() }
            head += fields.bytes
        } else {
            let headBytes = PageWriter.mainPlaintext - 4
            head = record.prefix(headBytes) + (changes & 2 != 0 ? source.page() : main + 1).bigEndianBytes
            pieces = stride(from: headBytes, to: record.count, by: PageWriter.overflowCapacity).map {
                Array(record[$0..<min($0 + PageWriter.overflowCapacity, record.count)])
            }
        }
        image.pages.append(try writer.recordPage(head, nonce: image.nextNonce))
        for (i, piece) in pieces.enumerated() {
            let following = i + 1 < pieces.count ? main + UInt32(i) + 2 : 0
            let next = changes & 64 != 0 ? source.page() : following
            image.pages.append(try writer.overflowPage(piece, next: next, nonce: image.nextNonce))
        }
    }

    private static func changeIndex(_ image: inout DatabaseImage, _ source: inout ByteSource) {
        for _ in 0..<source.number(below: 8) {
            let entry = source.number(below: 16)
            let pages = (0..<source.number(below: 6)).map { _ in source.page() }
            if entry < image.index.count {
                image.index[entry].pages = pages
            } else {
                image.index.append(MetadataWriter.Entry(DatabaseImage.id(entry), pages: pages))
            }
        }
        image.free = (0..<source.number(below: 6)).map { _ in source.page() }
        if source.byte() & 1 == 1 { image.nextPageIndex = UInt64(source.word()) }
        image.missingTail = source.number(below: PageWriter.pageBytes)
    }
}
