internal import ArgumentParser
internal import BlazeClient

struct DatabaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "Keep the list of known databases; changes none of them.",
        subcommands: [DatabaseAddVerb.self, DatabaseForgetVerb.self, DatabaseAliasVerb.self, DatabaseTagVerb.self])
}

extension VerbResult {
    /// A catalogue verb's result: the database's row, and a sentence.
    init(_ reply: WireCatalogReply, _ sentence: String) {
        self.init(data: reply.row.json, tier: "file", warnings: reply.warnings) { _ in [sentence] }
    }
}

struct DatabaseAddVerb: Verb {
    static let schemaName = "db.add"
    static let configuration = CommandConfiguration(commandName: "add", abstract: "Remember a database.")

    @OptionGroup var global: GlobalOptions
    @Option(help: ArgumentHelp("Its alias; by default its file's name.", valueName: "name"))
    var alias: String?
    @Argument(help: "The path of its .blazedb file.")
    var path: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireAddRequest()
        request.target = try context.target(path)
        if let alias { request.alias = alias }
        let reply = try context.call(request)
        var sentence = "\(reply.row.title) is known: \(reply.row.pathText)"
        if reply.row.hasMovedFrom { sentence = reply.row.movedText }
        if !reply.row.twins.isEmpty { sentence += " (a twin of \(reply.row.twinsText))" }
        return VerbResult(reply, sentence)
    }
}

struct DatabaseForgetVerb: Verb {
    static let schemaName = "db.forget"
    static let configuration = CommandConfiguration(
        commandName: "forget", abstract: "Forget a database and its key; its files stay as they are.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Alias, path or id.")
    var database: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireForgetRequest()
        request.target = try context.target(database)
        let reply = try context.call(request)
        return VerbResult(reply, "\(reply.row.title) is forgotten; its files stay as they are")
    }
}

struct DatabaseAliasVerb: Verb {
    static let schemaName = "db.alias"
    static let configuration = CommandConfiguration(commandName: "alias", abstract: "Give a database another alias.")

    @OptionGroup var global: GlobalOptions
    @Argument(help: "Alias, path or id.")
    var database: String
    @Argument(help: "The new alias: letters, digits, dot, underscore, hyphen.")
    var name: String

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireAliasRequest()
        request.target = try context.target(database)
        request.alias = name
        let reply = try context.call(request)
        return VerbResult(reply, "\(reply.row.pathText) is known as \(reply.row.title)")
    }
}

struct DatabaseTagVerb: Verb {
    static let schemaName = "db.tag"
    static let configuration = CommandConfiguration(
        commandName: "tag", abstract: "Put tags on a database, or take them off.")

    @OptionGroup var global: GlobalOptions
    @Flag(help: "Take the tags off.")
    var remove = false
    @Argument(help: "Alias, path or id.")
    var database: String
    @Argument(help: "Tags.")
    var tags: [String]

    func execute(_ context: Context) throws -> VerbResult {
        var request = WireTagRequest()
        request.target = try context.target(database)
        if remove { request.remove = tags } else { request.add = tags }
        let reply = try context.call(request)
        let now = reply.row.tags.isEmpty ? "no tags" : "the tags \(reply.row.tags.joined(separator: ", "))"
        return VerbResult(reply, "\(reply.row.title) has \(now)")
    }
}
