import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import BlazeEngine

/// Dumps and imports in memory.
struct DumpBench {
    static let source: FilePath = "/in/source"
    static let target = FileSet(data: "/new/made.blazedb")
    static let salt: [UInt8] = Array(0..<16)
    static let key = SymmetricKey(data: [UInt8](repeating: 9, count: 32))
    static let title = Dump.Title(name: "made", identity: nil, tool: "tests")

    /// A storage with nothing but a file to import.
    static func storage(_ bytes: [UInt8]) -> CrashStorage {
        let storage = CrashStorage()
        storage[source] = bytes
        return storage
    }

    @discardableResult
    static func run(
        _ storage: CrashStorage, as form: Import.Form? = nil, to target: FileSet = target
    ) throws -> Import.Report {
        try Import.run(
            FileStream(storage.open(source)), form: form, to: target, in: storage, key: key, salt: salt)
    }

    @discardableResult
    static func importing(_ bytes: [UInt8], as form: Import.Form? = nil) throws -> (CrashStorage, Import.Report) {
        let storage = storage(bytes)
        return (storage, try run(storage, as: form))
    }

    @discardableResult
    static func importing(_ text: String, as form: Import.Form? = nil) throws -> (CrashStorage, Import.Report) {
        try importing(Array(text.utf8), as: form)
    }

    /// The code of the error that a text is refused by; nothing may be left of it.
    static func refused(_ bytes: [UInt8], as form: Import.Form? = nil) throws -> EngineError? {
        let storage = storage(bytes)
        do {
            try run(storage, as: form)
            return nil
        } catch let error as EngineError {
            #expect(storage.paths == [source], "something is left")
            return error
        }
    }

    static func reader(_ storage: any Storage, _ files: FileSet = target, _ key: SymmetricKey = key) throws
        -> DatabaseReader
    { try DatabaseReader(files, in: storage, key: key) }

    static func records(_ storage: any Storage) throws -> [Record] {
        var out: [Record] = []
        _ = try reader(storage).forEachRecord { _, record in out.append(record) }
        return out
    }

    static func dump(
        _ reader: DatabaseReader, as form: Dump.Form = .lossless, skipsUnreadable: Bool = false
    ) throws -> (bytes: [UInt8], report: Dump.Report) {
        var out: [UInt8] = []
        let report = try Dump.write(reader, as: form, title: title, skipsUnreadable: skipsUnreadable) { out += $0 }
        return (out, report)
    }

    /// A database of these records.
    static func database(_ records: [Record]) throws -> CrashStorage {
        var text = TypedJSON.opening
        for (i, record) in records.enumerated() {
            if i > 0 { text += TypedJSON.separator }
            TypedJSON.append(record, to: &text)
        }
        return try importing(text + TypedJSON.closing, as: .typed).0
    }

    /// What of a lossless dump does not tell when and of what it was made: its kept metadata, and everything behind the header.
    static func payload(_ dump: [UInt8]) throws -> (members: [String: [UInt8]], records: [UInt8]) {
        let length = dump[12..<16].reduce(0) { $0 << 8 | Int($1) }
        let header = Array(dump[16..<16 + length])
        var members: [String: [UInt8]] = [:]
        var scanner = JSONScanner(header)
        try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
            members[try s.text(key)] = Array(header[try s.skipValue()])
        }
        for name in ["databaseId", "databaseName", "exportedAt", "toolVersion"] { members[name] = nil }
        return (members, Array(dump[(16 + length)..<(dump.count - 32)]))
    }
}
