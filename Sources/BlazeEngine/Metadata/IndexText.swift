internal import BlazeModel

/// The long members of the metadata as text: `[{"id":UUID,"pages":[...]},...]` and lists of page numbers (FORMAT.md 5.2). An
/// index of a hundred thousand records is written with every change, so this goes straight into memory of the right size.
enum IndexText {
    private static let head = Array("{\"id\":\"".utf8)
    private static let middle = Array("\",\"pages\":[".utf8)
    /// The most bytes of an entry without its pages, and of a page with its comma.
    private static let entryBytes = head.count + 36 + middle.count + 3
    private static let pageBytes = 11

    /// The most bytes that an index takes.
    static func bound(_ index: RecordIndex) -> Int { 2 + index.count * entryBytes + index.pages.count * pageBytes }

    /// Appends the index's text, a part at a time: memory that is touched for the first time costs more than writing to it.
    static func append(_ index: RecordIndex, to out: inout [UInt8]) {
        out.append(UInt8(ascii: "["))
        var start = 0
        while start < index.count {
            var end = start
            var capacity = 0
            while end < index.count, capacity < partBytes {
                capacity += entryBytes + Int(index.entries[end].count) * pageBytes
                end += 1
            }
            out += [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
                var cursor = Cursor(buffer)
                for place in start..<end {
                    let entry = index.entries[place]
                    if place > 0 { cursor.put(UInt8(ascii: ",")) }
                    cursor.put(head)
                    cursor.put(entry.id)
                    cursor.put(middle)
                    cursor.put(numbers: index.pages(of: entry))
                    cursor.put(UInt8(ascii: "]"))
                    cursor.put(UInt8(ascii: "}"))
                }
                count = cursor.position
            }
            start = end
        }
        out.append(UInt8(ascii: "]"))
    }

    private static let partBytes = 64 << 10

    static func list(_ pages: [UInt32]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 2 + pages.count * pageBytes) { buffer, count in
            var cursor = Cursor(buffer)
            cursor.put(UInt8(ascii: "["))
            cursor.put(numbers: pages[...])
            cursor.put(UInt8(ascii: "]"))
            count = cursor.position
        }
    }

    /// Two digits of each byte, side by side.
    private static let hex: [UInt16] = (0..<256).map { byte in
        let digits = Array("0123456789ABCDEF".utf8)
        return UInt16(littleEndian: UInt16(digits[byte & 15]) << 8 | UInt16(digits[byte >> 4]))
    }

    /// A place in memory of which the caller has made enough.
    private struct Cursor {
        private let buffer: UnsafeMutableBufferPointer<UInt8>
        private let hex = IndexText.hex
        private(set) var position = 0

        init(_ buffer: UnsafeMutableBufferPointer<UInt8>) { self.buffer = buffer }

        mutating func put(_ byte: UInt8) {
            buffer[position] = byte
            position += 1
        }

        mutating func put(_ bytes: [UInt8]) {
            for byte in bytes { put(byte) }
        }

        mutating func put(_ id: RecordID) {
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for place in 0..<16 {
                if place == 4 || place == 6 || place == 8 || place == 10 { put(UInt8(ascii: "-")) }
                let byte = (place < 8 ? id.high : id.low) >> UInt64(56 - 8 * (place & 7)) & 0xFF
                raw.storeBytes(of: hex[Int(byte)], toByteOffset: position, as: UInt16.self)
                position += 2
            }
        }

        mutating func put(numbers: ArraySlice<UInt32>) {
            var isFirst = true
            for number in numbers {
                if !isFirst { put(UInt8(ascii: ",")) }
                isFirst = false
                put(number: number)
            }
        }

        private mutating func put(number: UInt32) {
            var digits = 1
            var bound: UInt64 = 10
            while UInt64(number) >= bound {
                digits += 1
                bound *= 10
            }
            var rest = number
            for place in stride(from: position + digits - 1, through: position, by: -1) {
                buffer[place] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            }
            position += digits
        }
    }
}
