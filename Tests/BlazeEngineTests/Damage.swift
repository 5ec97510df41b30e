import TestSupport

/// One thing that happens to the bytes of a file, as a failing disk, a crash or a stranger does it.
enum Damage: CustomStringConvertible {
    /// Bits, counted from the lowest one of the first byte.
    case flipped([Int])
    case cut(Int)
    case zeroed(Range<Int>)
    case overwritten(Range<Int>, seed: UInt64)
    case swapped(UInt32, UInt32)

    private static let pageBytes = 4096

    /// - Parameters:
    ///   - size: the file's; not 0.
    ///   - isPaged: whether the file is one of pages, which may come into each other's place.
    static func random(size: Int, isPaged: Bool, _ generator: inout SeededGenerator) -> Damage {
        let pages = isPaged ? size / pageBytes : 0
        switch Int.random(in: 0..<10, using: &generator) {
        case 0: return .cut(Int.random(in: 0..<size, using: &generator))
        case 1 where Int.random(in: 0..<3, using: &generator) == 0: return .cut(0)
        case 2 where pages > 1, 3 where pages > 1:
            return .swapped(
                UInt32(Int.random(in: 0..<pages, using: &generator)),
                UInt32(Int.random(in: 0..<pages, using: &generator)))
        case 4, 5: return .zeroed(range(size, pages, &generator))
        case 6: return .overwritten(range(size, pages, &generator), seed: generator.next())
        default:
            let count = [1, 1, 1, 2, 8, 64][Int.random(in: 0..<6, using: &generator)]
            return .flipped((0..<count).map { _ in bit(size, &generator) }.sorted())
        }
    }

    /// Whole pages as often as any bytes; short ranges as often as long ones.
    private static func range(_ size: Int, _ pages: Int, _ generator: inout SeededGenerator) -> Range<Int> {
        if pages > 0, Bool.random(using: &generator) {
            let start = Int.random(in: 0..<pages, using: &generator)
            let end = min(pages, start + [1, 1, 2, 8][Int.random(in: 0..<4, using: &generator)])
            return start * pageBytes..<end * pageBytes
        }
        let start = Int.random(in: 0..<size, using: &generator)
        let longest = [1, 16, 9000][Int.random(in: 0..<3, using: &generator)]
        return start..<min(size, start + Int.random(in: 1...longest, using: &generator))
    }

    /// Near the headers of pages, which no tag protects, as often as anywhere.
    private static func bit(_ size: Int, _ generator: inout SeededGenerator) -> Int {
        let anywhere = Int.random(in: 0..<size, using: &generator)
        let header = min(size - 1, anywhere / pageBytes * pageBytes + anywhere % 45)
        return (Bool.random(using: &generator) ? anywhere : header) * 8 + Int.random(in: 0..<8, using: &generator)
    }

    func strike(_ bytes: inout [UInt8]) {
        switch self {
        case .flipped(let bits):
            for bit in bits where bit / 8 < bytes.count { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        case .cut(let size): bytes.removeLast(max(0, bytes.count - size))
        case .zeroed(let range):
            for place in range.clamped(to: 0..<bytes.count) { bytes[place] = 0 }
        case .overwritten(let range, let seed):
            var generator = SeededGenerator(seed: seed)
            for place in range.clamped(to: 0..<bytes.count) {
                bytes[place] = UInt8.random(in: 0...255, using: &generator)
            }
        case .swapped(let a, let b):
            let (x, y) = (Int(a) * Self.pageBytes, Int(b) * Self.pageBytes)
            guard max(x, y) + Self.pageBytes <= bytes.count else { return }
            for place in 0..<Self.pageBytes { bytes.swapAt(x + place, y + place) }
        }
    }

    var description: String {
        switch self {
        case .flipped(let bits): "bits flipped at \(bits.map { "\($0 / 8).\($0 % 8)" }.joined(separator: " "))"
        case .cut(let size): "cut to \(size)"
        case .zeroed(let range): "zeroed \(range)"
        case .overwritten(let range, _): "overwritten \(range)"
        case .swapped(let a, let b): "swapped pages \(a) and \(b)"
        }
    }
}
