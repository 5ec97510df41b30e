import BlazeEngine
import BlazeModel
import BlazePlatform
import Crypto

/// Makes a small database large, with many free pages: every tenth record has several pages, every third goes again.
struct Growth {
    private let files: FileSet
    private let key: SymmetricKey

    init(_ files: FileSet, _ key: SymmetricKey) {
        self.files = files
        self.key = key
    }

    func run(_ count: UInt64) throws {
        let storage = PosixStorage()
        let writer = try DatabaseWriter(files, in: storage, key: key, lock: try storage.lock(files.data))
        try writer.transaction { transaction in
            for n in 0..<count { try transaction.insert(record(n)) }
        }
        try writer.transaction { transaction in
            for n in 0..<count where n % 3 == 0 { try transaction.delete(id(n)) }
        }
        try writer.close()
    }

    private func id(_ n: UInt64) -> RecordID {
        RecordID(high: 0x5CE0_A210_0000_4000, low: 0x8000_0000_0000_0000 | n)
    }

    private func record(_ n: UInt64) -> Record {
        let length = n % 10 == 0 ? 9000 : 200
        return Record(fields: [
            Field("id", .uuid(id(n))), Field("number", .int(Int64(n))),
            Field("text", .string(String(repeating: Character(Unicode.Scalar(UInt8(97 + n % 26))), count: length))),
        ])
    }
}
