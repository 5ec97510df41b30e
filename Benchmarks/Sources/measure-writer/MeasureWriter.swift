import Foundation

/// Answers each line `MEASUREMENT RECORDS` on standard input with a figure, so that a driver can alternate them. All files
/// are made in the directory, which is to be on the disk that is measured.
@main struct MeasureWriter {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            try FileHandle.standardError.write(contentsOf: Data("usage: measure-writer DIRECTORY\n".utf8))
            exit(2)
        }
        try serve(URL(fileURLWithPath: CommandLine.arguments[1]))
    }

    private static func serve(_ directory: URL) throws {
        let bench = WriterBench(directory: directory)
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 2, let measurement = Measurement(rawValue: words[0]), let count = Int(words[1]) else {
                throw WrongResult()
            }
            let figure = try bench.figure(measurement, count)
            try FileHandle.standardOutput.write(contentsOf: Data("\(figure)\n".utf8))
        }
    }
}

/// What can be measured; seconds of its own work, setting up left out, or bytes.
enum Measurement: String {
    /// Inserts that many records into a new database, in one transaction.
    case bulk
    /// Inserts one record into a database of that many, made durable.
    case single
    /// What the disk takes for it: one page, the metadata of the same size, and three syncs.
    case syncs
    /// Vacuums a database of that many records, of which as many again were deleted.
    case vacuum
    /// Puts the pages of as many deleted records on the free list, and cuts off what is at the end.
    case gc
    /// Makes the database that `vacuum` would vacuum.
    case halve
    /// Vacuums what `halve` made, in whichever process.
    case revacuum
    /// Makes a database of that many records, for the next four.
    case keep
    /// Takes a backup of it, verified.
    case backup
    /// Restores that backup to another path.
    case restore
    /// Copies the database's files with `cp --reflink=never`, makes them durable, and reads every record of the copy.
    case copy
    /// The most memory that the process has had, in bytes.
    case memory
}

/// The measured code did not do its work, so its figure says nothing.
struct WrongResult: Error {}
