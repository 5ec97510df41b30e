internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

/// Where a recovery code goes, which is shown once and kept nowhere.
struct RecoveryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write the recovery code to this new file, which only you may read, instead of the terminal.",
            valueName: "path"))
    var recoveryFile: String?

    /// The place; nil when there is none.
    func place(_ context: Context) throws -> RecoveryPlace? {
        if let recoveryFile {
            let path = try context.path(recoveryFile)
            return .file(try NewFile(path: path), path)
        }
        return Terminal.canAsk && !context.global.batch ? .terminal : nil
    }
}

/// A place for a recovery code, made ready before the code is.
enum RecoveryPlace {
    case terminal
    case file(NewFile, FilePath)

    /// Writes the code there, from guarded memory.
    ///
    /// - Returns: what is told of it: the file's path, or that the terminal showed it.
    func show(_ code: inout SecretBytes?) throws -> String {
        guard var secret = code.take() else {
            throw CommandFailure(.protocolMismatch, "invalid-reply", "the agent sent no recovery code")
        }
        switch self {
        case .terminal:
            do throws(SecretInputError) {
                try Terminal.show(
                    &secret,
                    under: "Recovery code, shown this once. Write it down and keep it apart from this machine:")
            } catch {
                throw CommandFailure(error, from: "the terminal")
            }
            return "terminal"
        case .file(let file, let path):
            try secret.withBytes { (bytes: UnsafeRawBufferPointer) throws(StorageError) in try file.write(bytes) }
            try file.write([UInt8(ascii: "\n")])
            try file.publish()
            return path.displayString
        }
    }
}
