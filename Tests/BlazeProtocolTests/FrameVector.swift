import BlazeProtocol
import Foundation
import Testing

/// One file of Protocol/vectors.
struct FrameVector: CustomTestStringConvertible, Sendable {
    let name: String
    let sender: String
    let expect: String
    let bytes: [UInt8]

    var testDescription: String { name }
    var header: [UInt8] { Array(bytes.prefix(FrameHeader.byteCount)) }
    var rest: [UInt8] { Array(bytes.dropFirst(FrameHeader.byteCount)) }

    static let all: [FrameVector] = {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Protocol/vectors")
        let names = try! FileManager.default.contentsOfDirectory(atPath: directory.path)
        return names.filter { $0.hasSuffix(".txt") }.sorted().map { file in
            try! FrameVector(
                name: file, text: String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8))
        }
    }()

    init(name: String, text: String) throws {
        self.name = name
        var fields: [String: String] = [:]
        var bytes: [UInt8] = []
        var inHex = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if inHex {
                var digits = line[...]
                while let byte = UInt8(digits.prefix(2), radix: 16) {
                    bytes.append(byte)
                    digits = digits.dropFirst(2)
                }
            } else if line.isEmpty {
                inHex = true
            } else {
                let parts = line.split(separator: ":", maxSplits: 1)
                fields[String(parts[0])] = parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        sender = try #require(fields["frame"])
        expect = try #require(fields["expect"])
        self.bytes = bytes
    }
}
