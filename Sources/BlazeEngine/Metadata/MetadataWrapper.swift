internal import BlazePlatform
internal import Crypto
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The envelope of a metadata file: a signature, what it covers, and an unsigned mirror (FORMAT.md 5.1, 5.3).
///
///     {"encodingFormat":f,"layout":{...},"secureLayoutVersion":2,"signature":base64,"signedAt":t,"signedPayload":base64}
///
/// Version 1 has neither `secureLayoutVersion` nor `signedPayload`; its signature is over an encoding of `layout`.
struct MetadataWrapper {
    let version: Int
    let signedAt: String?
    let encodingFormat: String?
    let unknownMembers: [Metadata.RawMember]
    /// Where `layout` stands in the file.
    let layout: Range<Int>
    /// Empty when it is no base64, so that it verifies nothing.
    let signature: [UInt8]
    /// The signed JSON text; nil in version 1.
    let payload: [UInt8]?

    static let knownMembers: Set = [
        "encodingFormat", "layout", "secureLayoutVersion", "signature", "signedAt", "signedPayload",
    ]

    /// Takes the wrapper apart. The payload and `layout` are not parsed.
    ///
    /// - Parameter isRescue: takes an unknown version with a signed payload for version 2.
    init(_ bytes: [UInt8], path: FilePath, isRescue: Bool = false) throws(EngineError) {
        var members: [String: Range<Int>] = [:]
        do {
            var scanner = JSONScanner(bytes)
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                members[try s.text(key)] = try s.skipValue()
            }
            try scanner.expectEnd()
        } catch {
            throw EngineError(error, in: "metadata", path: path)
        }
        guard let signature = members["signature"], let layout = members["layout"] else {
            throw EngineError(
                .metadataUnsigned, "metadata \(path.displayString) is not signed",
                hint: "BlazeDB never writes such a file; restore the metadata from a backup", path: path)
        }
        guard bytes[layout.lowerBound] == UInt8(ascii: "{") else {
            throw EngineError(
                .metadataMalformed, "metadata \(path.displayString): layout is no object", path: path,
                offset: UInt64(layout.lowerBound))
        }
        do throws(JSONError) {
            func text(_ name: String) throws(JSONError) -> String? {
                guard let range = members[name], bytes[range.lowerBound] == UInt8(ascii: "\"") else { return nil }
                var scanner = JSONScanner(bytes, in: range)
                return try scanner.text(try scanner.string())
            }
            let scanner = JSONScanner(bytes)
            let version = Int(members["secureLayoutVersion"].flatMap(scanner.exactInteger) ?? 1)
            self.version = isRescue && members["signedPayload"] != nil ? 2 : version
            signedAt = try text("signedAt")
            encodingFormat = try text("encodingFormat")
            self.signature = Self.base64(bytes, signature) ?? []
            let payloadRange = members["signedPayload"].flatMap { bytes[$0.lowerBound] == UInt8(ascii: "n") ? nil : $0 }
            if let payloadRange {
                guard let decoded = Self.base64(bytes, payloadRange) else {
                    throw JSONError(
                        offset: payloadRange.lowerBound, expected: "signedPayload in base64", isShape: true)
                }
                payload = decoded
            } else {
                payload = nil
            }
        } catch {
            throw EngineError(error, in: "metadata", path: path)
        }
        self.layout = layout
        unknownMembers = members.filter { !Self.knownMembers.contains($0.key) }.sorted { $0.key < $1.key }
            .map { Metadata.RawMember(key: $0.key, value: Array(bytes[$0.value])) }
        try checkVersion(path: path)
    }

    private func checkVersion(path: FilePath) throws(EngineError) {
        guard version == 1 || version == 2 else {
            throw EngineError(
                .unsupportedFormat, "metadata \(path.displayString) has wrapper version \(version); known are 1 and 2",
                hint: "a newer blazedb-agent may read it", path: path)
        }
        guard version == 1 || payload != nil else {
            throw EngineError(
                .metadataMalformed, "metadata \(path.displayString) has wrapper version 2 without a signed payload",
                hint: "restore the metadata from a backup", path: path)
        }
    }

    /// The bytes of a base64 string that stands in `range` with its quotes; nil when it is none.
    static func base64(_ bytes: [UInt8], _ range: Range<Int>) -> [UInt8]? {
        var scanner = JSONScanner(bytes, in: range)
        guard let text = try? scanner.string() else { return nil }
        let decoded: Data? =
            if text.hasEscapes {
                (try? scanner.unescape(text.range)).flatMap { Data(base64Encoded: Data($0)) }
            } else {
                Data(base64Encoded: Data(bytes[text.range]))
            }
        return decoded.map { [UInt8]($0) }
    }
}

extension EngineError {
    /// Bytes that are no JSON, or JSON of another shape.
    init(_ error: JSONError, in what: String, path: FilePath) {
        self.init(
            error.isShape ? .metadataMalformed : .metadataNotJSON,
            "\(what) \(path.displayString) is \(error.isShape ? "malformed" : "not valid JSON"): expected \(error.expected)",
            hint: "restore the metadata from a backup", path: path, offset: UInt64(error.offset))
    }
}
