/// Arguments whose bytes need not be UTF-8, as file names need not.
///
/// Swift's own arguments are text, with what is not UTF-8 replaced and lost. Here each such byte becomes a private-use
/// character (U+10FF00 plus the byte), which no keyboard writes, and turns back into the byte where a path is meant.
public enum RawArguments {
    private static let base: UInt32 = 0x10FF00

    /// The process's arguments without its name.
    public static func ofProcess() -> [String] {
        let pointers = UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
        return pointers.dropFirst().compactMap { pointer -> String? in
            guard let pointer else { return nil }
            var bytes: [UInt8] = []
            var p = pointer
            while p.pointee != 0 {
                bytes.append(UInt8(bitPattern: p.pointee))
                p += 1
            }
            return text(of: bytes)
        }
    }

    /// Text that stands for any bytes.
    static func text(of bytes: [UInt8]) -> String {
        var out = String.UnicodeScalarView()
        var rest = bytes[...]
        while !rest.isEmpty {
            var decoder = UTF8()
            var iterator = rest.makeIterator()
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                out.append(scalar)
                rest = rest.dropFirst(UTF8.width(scalar))
            case .emptyInput: rest = []
            case .error:
                if let scalar = Unicode.Scalar(base + UInt32(rest.removeFirst())) { out.append(scalar) }
            }
        }
        return String(out)
    }

    /// The bytes that a text stands for.
    static func bytes(of text: String) -> [UInt8] {
        text.unicodeScalars.flatMap { scalar -> [UInt8] in
            if scalar.value >= base + 0x80, scalar.value <= base + 0xFF {
                return [UInt8(truncatingIfNeeded: scalar.value - base)]
            }
            return Array(String(scalar).utf8)
        }
    }
}
