internal import BlazePlatform
public import SystemPackage

/// A path as files of JSON have it: its text, or as hex where it is not UTF-8.
public struct StoredPath: Sendable, Equatable, Codable {
    var text: String?
    var hex: String?

    init(text: String?, hex: String?) {
        self.text = text
        self.hex = hex
    }

    /// A path's form.
    public init(_ path: FilePath) {
        let bytes = path.bytes
        text = String(validating: bytes, as: UTF8.self)
        hex = text == nil ? bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() : nil
    }

    /// The path; nil when what the file says is no absolute one.
    public var path: FilePath? {
        var bytes: [UInt8]?
        if let text {
            bytes = Array(text.utf8)
        } else if let hex, hex.utf8.count.isMultiple(of: 2) {
            let digits = Array(hex.utf8)
            let decoded = stride(from: 0, to: digits.count, by: 2).map { i in
                UInt8(String(decoding: digits[i..<i + 2], as: UTF8.self), radix: 16)
            }
            bytes = decoded.contains(nil) ? nil : decoded.compactMap { $0 }
        }
        guard let bytes, let path = FilePath(bytes: bytes), path.isAbsolute else { return nil }
        return path
    }
}
