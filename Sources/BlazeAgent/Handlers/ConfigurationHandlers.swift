internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// The configuration file: show, get, set, check.
enum ConfigurationHandlers {
    static func show(_ request: WireConfigShowRequest, _ call: Call) throws -> WireConfigReply {
        try reply(call, entries: call.state.configuration.show())
    }

    static func get(_ request: WireConfigGetRequest, _ call: Call) throws -> WireConfigReply {
        try reply(call, entries: [call.state.configuration.get(request.key)])
    }

    static func set(_ request: WireConfigSetRequest, _ call: Call) throws -> WireConfigReply {
        try reply(call, entries: [call.state.configuration.set(request.key, to: request.value)])
    }

    /// Tells what is wrong as its answer: a broken file is no failure of the check.
    static func check(_ request: WireConfigCheckRequest, _ call: Call) throws -> WireConfigReply {
        var reply = try reply(call, entries: [])
        reply.problems = call.state.configuration.check().map { error in
            var problem = WireConfigProblem()
            problem.line = UInt32(clamping: error.line ?? 0)
            problem.column = UInt32(clamping: error.column ?? 0)
            problem.message = error.message
            return problem
        }
        return reply
    }

    private static func reply(_ call: Call, entries: [ConfigurationEntry]) throws -> WireConfigReply {
        let path = call.state.paths.configurationFile
        var reply = WireConfigReply()
        reply.path = Data(path.bytes)
        reply.exists = try call.state.storage.status(of: path) != nil
        reply.entries = entries.map { entry in
            var out = WireConfigEntry()
            out.key = entry.key
            out.value = entry.value
            out.isDefault = entry.isDefault
            out.meaning = entry.meaning
            return out
        }
        return reply
    }
}
