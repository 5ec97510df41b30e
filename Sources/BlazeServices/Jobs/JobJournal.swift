internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The jobs on disk, so that the next agent knows what this one had begun: a file for each, written before the job begins
/// and when it is over, always whole.
struct JobJournal: Sendable {
    /// Larger files are none of ours.
    private static let sizeLimit: UInt64 = 64 << 10
    private static let ending = ".json"
    /// More jobs than any machine has had: a file that names a higher number is none of ours.
    private static let highestID: UInt64 = 1 << 53

    let directory: FilePath

    /// What the directory holds.
    struct Contents {
        var jobs: [Job] = []
        /// The highest number that any file has, also a damaged one.
        var highest: UInt64 = 0
        /// What could not be understood, for people.
        var problems: [String] = []
    }

    /// Writes a job down, durably.
    func write(_ job: Job) throws(StorageError) {
        try PrivateDirectory.ensure(directory)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let bytes: [UInt8]
        do {
            bytes = Array(try encoder.encode(StoredJob(job))) + [UInt8(ascii: "\n")]
        } catch {
            throw StorageError(.failed, operation: "write", path: file(job.id))
        }
        try AtomicFile.write(bytes, to: file(job.id))
    }

    /// Forgets jobs. One that comes back after the machine has failed is forgotten by the next agent.
    func remove(_ ids: [UInt64]) throws(StorageError) {
        for id in ids { try PosixStorage().remove(file(id)) }
    }

    /// Reads everything, and takes away what a write left that was cut short. Nothing in it is fatal.
    func load() -> Contents {
        var contents = Contents()
        let names: [FilePath.Component]
        do throws(StorageError) {
            let storage = PosixStorage()
            guard try storage.status(of: directory) != nil else { return contents }
            names = try storage.names(in: directory)
        } catch {
            contents.problems.append("the journal of jobs cannot be read: \(error)")
            return contents
        }
        for name in names {
            let path = directory.appending(name)
            if name.string.contains("\(Self.ending).tmp-") {
                do throws(StorageError) {
                    try PosixStorage().remove(path)
                } catch {
                    contents.problems.append("\(error)")
                }
                continue
            }
            guard name.string.hasSuffix(Self.ending), let id = UInt64(name.string.dropLast(Self.ending.count)),
                id <= Self.highestID
            else { continue }
            contents.highest = max(contents.highest, id)
            if let job = read(path), job.id == id {
                contents.jobs.append(job)
            } else {
                contents.problems.append(
                    "\(path.displayString) is damaged, so that job \(id) is not known any more; remove the file")
            }
        }
        contents.jobs.sort { $0.id < $1.id }
        return contents
    }

    private func file(_ id: UInt64) -> FilePath { directory.appending("\(id)\(Self.ending)") }

    /// A job's file; nil when it cannot be understood.
    private func read(_ path: FilePath) -> Job? {
        do {
            let file = try PosixStorage().open(path)
            let size = try file.status().size
            guard size <= Self.sizeLimit else { return nil }
            let bytes = try file.bytes(count: Int(size), at: 0)
            return try JSONDecoder().decode(StoredJob.self, from: Data(bytes)).job
        } catch {
            return nil
        }
    }
}
