import BlazeEngine
import BlazeModel
import BlazePlatform
import Crypto
import Foundation
import SampleDatabase
import SystemPackage

/// What can be measured. Each takes the seconds of its own work and leaves setting up out.
enum Measurement: String {
    /// Opens every page's ciphertext, which lies in memory: the reference for reading.
    case decrypt
    /// Reads, decrypts and decodes every record, on all cores that the process may use.
    case read
    /// Checks everything, on all cores that the process may use.
    case check
    /// Opens the database, verifies the signature and counts the records.
    case open

    func seconds(_ database: SampleDatabase, in directory: URL) throws -> Double {
        let files = FileSet(data: FilePath(database.data(in: directory).path))
        switch self {
        case .decrypt:
            let data = try Data(contentsOf: files.dataURL, options: .alwaysMapped)
            return try data.withUnsafeBytes { bytes in try timed { try decryptPages(bytes, count: database.count) } }
        case .read:
            let reader = try DatabaseReader(files, in: PosixStorage(), key: SampleDatabase.key)
            return try timed { try readAll(reader, expecting: database.count) }
        case .check:
            let reader = try DatabaseReader(files, in: PosixStorage(), key: SampleDatabase.key)
            return try timed {
                let check = try reader.fullCheck()
                guard check.findings.isEmpty, check.reading?.pages == UInt64(database.count) else {
                    throw WrongResult()
                }
            }
        case .open:
            return try timed {
                let reader = try DatabaseReader(files, in: PosixStorage(), key: SampleDatabase.key)
                guard reader.metadata.recordCount == database.count else { throw WrongResult() }
            }
        }
    }
}

/// The measured code did not do its work, so its time says nothing.
struct WrongResult: Error {}

extension FileSet {
    var dataURL: URL { URL(fileURLWithPath: data.string) }
}

private func timed(_ work: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try work()
    return (ContinuousClock.now - start) / .seconds(1)
}

/// Puts nonce, ciphertext and tag in order in one buffer, which is the fastest way to hand them to the library.
private func decryptPages(_ bytes: UnsafeRawBufferPointer, count: Int) throws {
    let box = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
    defer { box.deallocate() }
    for page in 0..<count {
        let raw = UnsafeRawBufferPointer(rebasing: bytes[page * 4096..<(page + 1) * 4096])
        let length = Int(UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 5, as: UInt32.self)))
        box.copyBytes(from: raw[9..<21])
        UnsafeMutableRawBufferPointer(rebasing: box[12...]).copyBytes(from: raw[37..<37 + length])
        UnsafeMutableRawBufferPointer(rebasing: box[(12 + length)...]).copyBytes(from: raw[21..<37])
        let sealed = try AES.GCM.SealedBox(combined: UnsafeRawBufferPointer(rebasing: box[..<(28 + length)]))
        guard try AES.GCM.open(sealed, using: SampleDatabase.key).count == length else { throw WrongResult() }
    }
}

private func readAll(_ reader: DatabaseReader, expecting count: Int) throws {
    var fields = 0
    let report = try reader.forEachRecord { _, record in fields += record.fields.count }
    guard report.readable == count, fields >= 2 * count else { throw WrongResult() }
}
