internal import ArgumentParser
internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show, change and check the settings (a TOML file).",
        subcommands: [
            ConfigShowVerb.self, ConfigGetVerb.self, ConfigSetVerb.self, ConfigCheckVerb.self, ConfigPathVerb.self,
        ])
}

extension WireConfigEntry {
    var json: JSONValue {
        .object([
            "key": .string(key), "value": .string(value), "default": .bool(isDefault), "meaning": .string(meaning),
        ])
    }
}

extension WireConfigReply {
    var pathText: String { FilePath.displayString([UInt8](path)) }
}

struct ConfigShowVerb: Verb {
    static let schemaName = "config.show"
    static let configuration = CommandConfiguration(commandName: "show", abstract: "All settings and their values.")
    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let reply = try context.call(WireConfigShowRequest())
        return VerbResult(data: .object(["settings": .array(reply.entries.map(\.json))])) { style in
            var table = Table([.init("KEY"), .init("VALUE"), .init("FROM"), .init("MEANING")])
            for entry in reply.entries {
                table.add([
                    .init(entry.key), .init(entry.value), .init(entry.isDefault ? "default" : "file"),
                    .init(entry.meaning),
                ])
            }
            return table.lines(style: style)
        }
    }
}

struct ConfigGetVerb: Verb {
    static let schemaName = "config.get"
    static let configuration = CommandConfiguration(commandName: "get", abstract: "One setting's value.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The setting, such as scan.roots.")
    var key: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireConfigGetRequest()
        request.key = key
        let reply = try context.call(request)
        let entry = reply.entries.first ?? WireConfigEntry()
        return VerbResult(data: entry.json) { _ in [entry.value] }
    }
}

struct ConfigSetVerb: Verb {
    static let schemaName = "config.set"
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change a setting in the file; the rest of the file stays as it is.")
    @OptionGroup var global: GlobalOptions
    @Argument(help: "The setting, such as scan.roots.")
    var key: String
    @Argument(help: "The value as TOML writes it, such as '[\"~/Databases\"]'.")
    var value: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireConfigSetRequest()
        request.key = key
        request.value = value
        let reply = try context.call(request)
        let entry = reply.entries.first ?? WireConfigEntry()
        return VerbResult(data: entry.json) { _ in ["\(entry.key) = \(entry.value)"] }
    }
}

struct ConfigCheckVerb: Verb {
    static let schemaName = "config.check"
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Look for errors in the file; ends with 2 when there are some.")
    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let reply = try context.call(WireConfigCheckRequest())
        var fields: [String: JSONValue] = [
            "exists": .bool(reply.exists),
            "problems": .array(
                reply.problems.map { problem in
                    .object([
                        "line": problem.line == 0 ? .null : .count(problem.line),
                        "column": problem.column == 0 ? .null : .count(problem.column),
                        "message": .string(problem.message),
                    ])
                }),
        ]
        fields.set(path: reply.path)
        let status: ExitStatus = reply.problems.isEmpty ? .success : .usage
        return VerbResult(data: .object(fields), status: status) { _ in
            guard !reply.problems.isEmpty else {
                return [reply.exists ? "\(reply.pathText) is in order" : "\(reply.pathText) does not exist: defaults"]
            }
            return reply.problems.map { problem in
                let place = problem.line == 0 ? "" : ":\(problem.line)"
                return "\(reply.pathText)\(place): \(problem.message)"
            }
        }
    }
}

struct ConfigPathVerb: Verb {
    static let schemaName = "config.path"
    static let configuration = CommandConfiguration(commandName: "path", abstract: "Where the file is.")
    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        // The place follows from the environment alone: no agent is needed to tell it.
        let path = context.paths.configurationFile
        var fields: [String: JSONValue] = [:]
        fields.set(path: Data(path.bytes))
        return VerbResult(data: .object(fields)) { _ in [path.displayString] }
    }
}

struct VersionVerb: Verb {
    static let schemaName = "version"
    static let configuration = CommandConfiguration(commandName: "version", abstract: "This program's version.")
    @OptionGroup var global: GlobalOptions

    func execute(_ context: Context) throws -> VerbResult {
        let data = JSONValue.object([
            "version": .string(Blazectl.version), "protocol": .count(ProtocolVersion.current),
        ])
        return VerbResult(data: data) { _ in
            ["blazectl \(Blazectl.version) (protocol \(ProtocolVersion.current))"]
        }
    }
}
