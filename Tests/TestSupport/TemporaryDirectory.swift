import Foundation
public import SystemPackage

/// A directory of its own for one test, removed with everything in it when the value goes.
public final class TemporaryDirectory: Sendable {
    /// Where it is.
    public let path: FilePath

    /// A new, empty directory under the system's temporary directory.
    public init() throws {
        let template = FileManager.default.temporaryDirectory.appendingPathComponent(
            "blazedb-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: template, withIntermediateDirectories: false)
        path = FilePath(template.path)
    }

    deinit {
        // A test may have taken write permission away; a leftover in the temporary directory fails no test.
        try? FileManager.default.removeItem(atPath: path.string)
    }

    /// Writes a file and returns its path.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String) throws -> FilePath {
        let file = path.appending(name)
        try Data(bytes).write(to: URL(fileURLWithPath: file.string))
        return file
    }

    /// Writes a program for the shell and returns its path.
    ///
    /// Another process writes it: a child that another test forks in that moment would inherit a descriptor of ours, and
    /// nobody can run a file that somebody has open for writing.
    @discardableResult
    public func program(_ name: String, _ text: String) throws -> FilePath {
        let file = path.appending(name)
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = [
            "-c", "printf '%s\\n' '#!/bin/sh' \"$1\" >\"$2\" && chmod 700 \"$2\"", "sh", text, file.string,
        ]
        try writer.run()
        writer.waitUntilExit()
        guard writer.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
        return file
    }
}
