import Foundation

/// A private system bus with python-dbusmock's logind on it: `Tests/EndToEnd/logind.py` as a program.
///
/// Its address goes into this process's environment, where sd-bus looks, so only one lives at a time.
final class MockLogind {
    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    private var unread = Data()

    init() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../EndToEnd/logind.py").standardizedFileURL
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = [script.path]
        process.standardInput = commands
        process.standardOutput = answers
        try process.run()
        setenv("DBUS_SYSTEM_BUS_ADDRESS", try line(), 1)
    }

    /// Does what a command of the program says; its answer.
    @discardableResult
    func tell(_ command: String) throws -> String {
        try commands.fileHandleForWriting.write(contentsOf: Data((command + "\n").utf8))
        return try line()
    }

    func close() throws {
        try commands.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    private func line() throws -> String {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: unread[unread.startIndex..<end], as: UTF8.self)
                unread = Data(unread[(end + 1)...])
                return line
            }
            let more = answers.fileHandleForReading.availableData
            guard !more.isEmpty else { throw Ended() }
            unread += more
        }
    }

    /// The program ended; what it says about it is on standard error.
    struct Ended: Error {}
}
