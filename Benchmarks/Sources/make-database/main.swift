import Foundation
import SampleDatabase

guard CommandLine.arguments.count == 2 else {
    try FileHandle.standardError.write(contentsOf: Data("usage: make-database DIRECTORY\n".utf8))
    exit(2)
}
let directory = URL(fileURLWithPath: CommandLine.arguments[1])
for database in SampleDatabase.allCases {
    try database.write(in: directory)
}
