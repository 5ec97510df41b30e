import BlazeEngine
import BlazeModel
import BlazePlatform
import Foundation
import SampleDatabase
import SystemPackage

/// Databases that are written, in a directory that is measured.
final class WriterBench {
    let directory: URL
    let storage = PosixStorage()
    /// Open databases into which single records are inserted, by their size, and how many were.
    private var open: [Int: (writer: DatabaseWriter, next: Int)] = [:]

    init(directory: URL) { self.directory = directory }

    func figure(_ measurement: Measurement, _ count: Int) throws -> Double {
        switch measurement {
        case .bulk: try bulk(count)
        case .single: try single(count)
        case .syncs: try syncs(count)
        case .vacuum: try vacuum(count)
        case .gc: try collect(count)
        case .halve: try timed { try halved(count).close() }
        case .revacuum: try revacuum(count)
        case .keep: try keep(count)
        case .backup: try backup(count)
        case .restore: try restore(count)
        case .copy: try copy(count)
        case .memory: try peak()
        }
    }

    func timed(_ work: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try work()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    func files(_ name: String) -> FileSet {
        FileSet(data: FilePath(directory.appendingPathComponent("\(name).blazedb").path))
    }

    func create(_ name: String) throws -> DatabaseWriter {
        for suffix in ["blazedb", "meta", "salt", "wal"] {
            try? FileManager.default.removeItem(at: directory.appendingPathComponent("\(name).\(suffix)"))
        }
        return try DatabaseWriter.create(files(name), in: storage, key: SampleDatabase.key, salt: [UInt8](0..<16))
    }

    func fill(_ writer: DatabaseWriter, _ numbers: Range<Int>) throws {
        try writer.transaction { transaction in
            for n in numbers { try transaction.insert(SampleDatabase.mixed.record(n)) }
        }
    }

    private func bulk(_ count: Int) throws -> Double {
        let writer = try create("bulk")
        let seconds = try timed { try fill(writer, 0..<count) }
        guard writer.recordCount == count else { throw WrongResult() }
        try writer.close()
        return seconds
    }

    private func single(_ count: Int) throws -> Double {
        if open[count] == nil {
            let writer = try create("single-\(count)")
            try fill(writer, 0..<count)
            open[count] = (writer, count)
        }
        guard let (writer, next) = open[count] else { throw WrongResult() }
        open[count]?.next += 1
        return try timed { try writer.insert(SampleDatabase.mixed.record(next)) }
    }

    private func syncs(_ count: Int) throws -> Double {
        let size = try storage.status(of: FilePath(directory.appendingPathComponent("single-\(count).meta").path))?.size
        guard let size else { throw WrongResult() }
        let base = FilePath(directory.path)
        let (page, meta) = ([UInt8](repeating: 7, count: 4096), [UInt8](repeating: 65, count: Int(size)))
        let (data, old, new) = (base.appending("raw.data"), base.appending("raw.meta"), base.appending("raw.new"))
        let file =
            try storage.status(of: data) == nil ? storage.create(data, like: nil) : storage.openForWriting(data)
        let end = try file.status().size
        return try timed {
            try file.write(page, at: end)
            try file.sync()
            let next = try storage.create(new, like: nil)
            try next.write(meta, at: 0)
            try next.sync()
            try storage.rename(new, to: old)
            try storage.syncDirectory(of: old)
        }
    }

    /// Every second record of twice as many is deleted.
    private func halved(_ count: Int) throws -> DatabaseWriter {
        let writer = try create("halved")
        try fill(writer, 0..<2 * count)
        try writer.transaction { transaction in
            for n in stride(from: 1, to: 2 * count, by: 2) {
                try transaction.delete(SampleDatabase.mixed.id(n))
            }
        }
        return writer
    }

    private func vacuum(_ count: Int) throws -> Double {
        let writer = try halved(count)
        let seconds = try timed {
            let report = try writer.vacuum()
            guard report.isRewritten, report.records == count else { throw WrongResult() }
        }
        try writer.close()
        return seconds
    }

    /// Vacuums what `halve` has made.
    private func revacuum(_ count: Int) throws -> Double {
        let files = files("halved")
        let writer = try DatabaseWriter(
            files, in: storage, key: SampleDatabase.key, lock: try storage.lock(files.data))
        let seconds = try timed {
            guard try writer.vacuum().records == count else { throw WrongResult() }
        }
        try writer.close()
        return seconds
    }

    private func collect(_ count: Int) throws -> Double {
        let writer = try halved(count)
        let seconds = try timed {
            guard try writer.collectGarbage().cut > 0 else { throw WrongResult() }
        }
        try writer.close()
        return seconds
    }

    private func peak() throws -> Double {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kilobytes = line?.split(separator: " ").dropFirst().first.flatMap({ Double($0) }) else {
            throw WrongResult()
        }
        return kilobytes * 1024
    }
}
