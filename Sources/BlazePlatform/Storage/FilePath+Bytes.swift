public import SystemPackage

extension FilePath {
    /// A path from raw bytes; nil when they are empty or hold a NUL.
    public init?(bytes: some Collection<UInt8>) {
        guard !bytes.isEmpty, !bytes.contains(0) else { return nil }
        var chars = bytes.map { CInterop.PlatformChar(bitPattern: $0) }
        chars.append(0)
        self = chars.withUnsafeBufferPointer { FilePath(platformString: $0.baseAddress!) }
    }

    /// The path's bytes, which need not be UTF-8.
    public var bytes: [UInt8] {
        withPlatformString { start in
            var out: [UInt8] = []
            var p = start
            while p.pointee != 0 {
                out.append(UInt8(bitPattern: p.pointee))
                p += 1
            }
            return out
        }
    }

    /// The path for a person: control characters and bytes that are not UTF-8 are written as `\xNN`, so that a file's
    /// name can neither break a table nor drive a terminal.
    public var displayString: String { Self.displayString(bytes) }

    /// Bytes for a person, by the same rule.
    public static func displayString(_ bytes: [UInt8]) -> String {
        func escaped(_ byte: UInt8) -> String {
            let digits = Array("0123456789abcdef")
            return "\\x\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
        var out = ""
        var decoder = UTF8()
        var rest = bytes[...]
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            decoder = UTF8()
            switch decoder.decode(&iterator) {
            case .scalarValue(let scalar):
                let width = UTF8.width(scalar)
                let hidden =
                    scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
                    || scalar.properties.generalCategory == .lineSeparator
                    || scalar.properties.generalCategory == .paragraphSeparator
                if hidden {
                    for byte in rest.prefix(width) { out += escaped(byte) }
                } else {
                    out.unicodeScalars.append(scalar)
                }
                rest = rest.dropFirst(width)
            case .emptyInput: rest = []
            case .error:
                out += escaped(rest.removeFirst())
            }
        }
        return out
    }

    /// The path without its last extension: `/dir/NAME` of `/dir/NAME.blazedb` (FORMAT.md 1). A name without an
    /// extension is kept whole.
    public var withoutExtension: FilePath {
        var copy = self
        if copy.extension != nil { copy.extension = nil }
        return copy
    }

    /// The same path with `suffix` behind its last component.
    public func appendingSuffix(_ suffix: String) -> FilePath {
        FilePath(bytes: bytes + Array(suffix.utf8)) ?? self
    }
}
