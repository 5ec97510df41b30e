import BlazeModel
import BlazePlatform
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// One file of Protocol/vectors/dump, which Python wrote.
struct DumpVector: Decodable, Sendable, CustomTestStringConvertible {
    let fact: String
    let expect: String
    let passphrase: String
    let identity: String
    let recipient: String
    let file: [String]

    var testDescription: String { fact }
    var bytes: [UInt8] {
        let digits = Array(file.joined().utf8)
        return stride(from: 0, to: digits.count, by: 2).compactMap { at in
            UInt8(String(decoding: digits[at..<at + 2], as: UTF8.self), radix: 16)
        }
    }

    static let all: [DumpVector] = {
        var root = FilePath(#filePath)
        for _ in 0..<3 { root.removeLastComponent() }
        let directory = root.appending("Protocol").appending("vectors").appending("dump")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.string)) ?? []
        return names.filter { $0.hasSuffix(".json") }.sorted().compactMap { name in
            let path = directory.appending(name).string
            return (try? Data(contentsOf: URL(fileURLWithPath: path))).flatMap {
                try? JSONDecoder().decode(DumpVector.self, from: $0)
            }
        }
    }()
}

@Suite struct DumpVectorTests {
    @Test func thereAreVectors() { #expect(DumpVector.all.count == 9) }

    @Test(arguments: DumpVector.all, [false, true])
    func readsAsItSays(_ vector: DumpVector, byIdentity: Bool) throws {
        let storage = DumpBench.storage(vector.bytes)
        func run() throws -> Import.Report {
            var secret: SealSecret
            if byIdentity {
                var text = try SecretBytes(utf8: vector.identity)
                let identity = try SealIdentity(text: &text)
                #expect(identity.recipient.description == vector.recipient)
                secret = SealSecret(identity: identity)
            } else {
                secret = SealSecret(passphrase: try SecretBytes(utf8: vector.passphrase))
            }
            let reader = try SealReader(storage.open(DumpBench.source), with: &secret)
            return try Import.run(
                reader, form: nil, to: DumpBench.target, in: storage, key: DumpBench.key, salt: DumpBench.salt)
        }
        var found: String
        do {
            #expect(try run().records == 3)
            let records = try DumpBench.records(storage)
            #expect(records.map { $0["n"] } == [.int(1), .int(2), .int(3)])
            found = "ok"
        } catch let error as SealError {
            found = "\(error.code)"
        } catch let error as EngineError {
            found = error.code.rawValue
        }
        #expect(found == vector.expect)
        if found != "ok" { #expect(storage.paths == [DumpBench.source]) }
    }
}
