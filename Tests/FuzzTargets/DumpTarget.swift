import BlazeEngine
import BlazeModel
import BlazePlatform
import Crypto
import SystemPackage
import TestSupport

/// The first byte says what the rest is: 0 a source whose form is to be told, 1 to 5 a source of a form, 6 a lossless dump
/// without its hash, which is put behind it, 7 the beginning of a sealed stream.
public enum DumpTarget: FuzzTarget {
    /// `dump`.
    public static let name = "dump"

    private static let source: FilePath = "/in/source"
    private static let target = FileSet(data: "/new/made.blazedb")
    private static let key = SymmetricKey(data: [UInt8](repeating: 9, count: 32))

    /// What is refused leaves nothing; what is taken reads back, and a dump of it makes the same records again.
    public static func run(_ input: [UInt8]) throws(Violation) {
        guard let kind = input.first else { return }
        let content = Array(input.dropFirst())
        switch kind % 8 {
        case 7:
            // Whether it is one is for the parser to say.
            _ = try? SealHeader(content)
        case 6: try check(content + Array(SHA256.hash(data: content)), .lossless)
        case 0: try check(content, nil)
        case let n: try check(content, Import.Form.allCases[Int(n) - 1])
        }
    }

    private static func check(_ bytes: [UInt8], _ form: Import.Form?) throws(Violation) {
        guard let first = try made(of: bytes, form) else { return }
        let records = try records(first)
        var dump: [UInt8] = []
        do {
            let reader = try DatabaseReader(target, in: first, key: key)
            _ = try Dump.write(
                reader, as: .lossless, title: Dump.Title(name: "made", identity: nil, tool: "fuzzing")
            ) { dump += $0 }
        } catch {
            throw Violation("what was imported cannot be dumped: \(error)")
        }
        guard let second = try made(of: dump, nil) else { throw Violation("a dump cannot be imported") }
        try require(try self.records(second) == records, "a dump makes other records")
    }

    /// The database that an import makes; nil where it refuses.
    private static func made(of bytes: [UInt8], _ form: Import.Form?) throws(Violation) -> CrashStorage? {
        let storage = CrashStorage()
        storage[source] = bytes
        do {
            _ = try Import.run(
                FileStream(storage.open(source)), form: form, to: target, in: storage, key: key,
                salt: [UInt8](repeating: 1, count: 16))
        } catch {
            try require(storage.paths == [source], "a refused import has left something")
            return nil
        }
        return storage
    }

    /// The typed JSON of all records.
    private static func records(_ storage: CrashStorage) throws(Violation) -> [UInt8] {
        var out: [UInt8] = []
        do {
            let report = try DatabaseReader(target, in: storage, key: key).forEachRecord { _, record in
                try RecordProperties.check(record)
                TypedJSON.append(record, to: &out)
            }
            try require(report.unreadable == 0 && report.unstable == 0, "an imported record cannot be read")
        } catch let violation as Violation {
            throw violation
        } catch {
            throw Violation("an imported database cannot be read: \(error)")
        }
        return out
    }
}
