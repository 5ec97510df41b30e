import Foundation
import SampleDatabase

/// Answers each line `MEASUREMENT DATABASE` on standard input with the seconds that it took, so that a driver can
/// alternate it with other programs. `make-database` has made the databases in the directory.
@main struct MeasureEngine {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            try FileHandle.standardError.write(contentsOf: Data("usage: measure-engine DIRECTORY\n".utf8))
            exit(2)
        }
        try serve(URL(fileURLWithPath: CommandLine.arguments[1]))
    }

    private static func serve(_ directory: URL) throws {
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            guard words.count == 2, let measurement = Measurement(rawValue: words[0]),
                let database = SampleDatabase(rawValue: words[1])
            else { throw WrongResult() }
            let seconds = try measurement.seconds(database, in: directory)
            try FileHandle.standardOutput.write(contentsOf: Data("\(seconds)\n".utf8))
        }
    }
}
