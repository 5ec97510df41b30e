import BlazeEngine
import BlazeModel
import BlazePlatform
import SystemPackage

/// `DatabaseScenario PATH RECORDS`, the password on standard input: makes a small sample large. Adds so many records, every
/// tenth of them over several pages, and deletes a third of them again, so that many pages are free.
@main enum Scenario {
    static func main() throws {
        guard CommandLine.arguments.count == 3, let count = UInt64(CommandLine.arguments[2]) else { throw Usage() }
        let files = FileSet(data: FilePath(CommandLine.arguments[1]))
        let storage = PosixStorage()
        var password = try SecretInput.from(descriptor: 0, limit: 1024)
        var key = try DatabaseKey.derive(for: files, in: storage, password: &password, iterations: nil)
        let writer = try DatabaseWriter(
            files, in: storage, key: key.withKey { $0 }, lock: try storage.lock(files.data))
        try writer.transaction { transaction in
            for n in 0..<count { try transaction.insert(record(n)) }
        }
        try writer.transaction { transaction in
            for n in 0..<count where n % 3 == 0 { try transaction.delete(id(n)) }
        }
        try writer.close()
    }

    private struct Usage: Error {}

    private static func id(_ n: UInt64) -> RecordID {
        RecordID(high: 0x5CE0_A210_0000_4000, low: 0x8000_0000_0000_0000 | n)
    }

    private static func record(_ n: UInt64) -> Record {
        let length = n % 10 == 0 ? 9000 : 200
        return Record(fields: [
            Field("id", .uuid(id(n))), Field("number", .int(Int64(n))),
            Field("text", .string(String(repeating: Character(Unicode.Scalar(UInt8(97 + n % 26))), count: length))),
        ])
    }
}
