internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct KeygenVerb: Verb {
    static let schemaName = "keygen"
    static let configuration = CommandConfiguration(
        commandName: "keygen", abstract: "Make an identity that dumps can be sealed for.",
        discussion: """
            Writes the secret half to a new file (mode 0600) and prints the recipient, which may be given away: dump \
            --recipient seals for it, import --identity opens with the file.
            """)

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("The new identity file.", valueName: "file"))
    var out: String

    func execute(_ context: Context) throws -> VerbResult {
        let path = try context.path(out)
        let file = try NewFile(path: path)
        var identity = try SealIdentity.random()
        var text = try identity.text()
        try text.withBytes { (bytes: UnsafeRawBufferPointer) throws(StorageError) in try file.write(bytes) }
        try file.write([UInt8(ascii: "\n")])
        try file.publish()
        let recipient = identity.recipient.description
        var fields: [String: JSONValue] = ["recipient": .string(recipient)]
        fields.set(path: Data(path.bytes))
        return VerbResult(data: .object(fields)) { _ in [recipient] }
    }
}
