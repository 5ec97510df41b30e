/// Takes an input apart into the numbers and bytes that drive a target. Behind the input's end everything is zero, so
/// every input means something.
struct ByteSource {
    private let input: [UInt8]
    private var position = 0

    init(_ input: [UInt8]) {
        self.input = input
    }

    var isAtEnd: Bool { position >= input.count }

    mutating func byte() -> UInt8 {
        guard position < input.count else { return 0 }
        defer { position += 1 }
        return input[position]
    }

    /// A number below `bound`.
    mutating func number(below bound: Int) -> Int {
        bound <= 256 ? Int(byte()) % bound : Int(short()) % bound
    }

    mutating func short() -> UInt16 { UInt16(byte()) << 8 | UInt16(byte()) }

    mutating func word() -> UInt32 { UInt32(short()) << 16 | UInt32(short()) }

    /// A page number: small ones from one byte, any other from four more.
    mutating func page() -> UInt32 {
        let small = byte()
        return small == .max ? word() : UInt32(small)
    }

    /// At most `count` bytes: what is left.
    mutating func bytes(_ count: Int) -> [UInt8] {
        let end = min(input.count, position + count)
        defer { position = end }
        return Array(input[position..<end])
    }

    mutating func rest() -> [UInt8] { bytes(input.count) }
}
