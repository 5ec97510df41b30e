internal import BlazeEngine
internal import BlazeModel
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import SystemPackage

/// A database that a request names: its data file's canonical path, and its entry in the catalogue if it has one.
struct LocatedDatabase {
    let path: FilePath
    let entry: CatalogEntry?

    init(path: FilePath, entry: CatalogEntry?) {
        self.path = path
        self.entry = entry
    }

    init(path: FilePath, state: AgentState) {
        self.init(path: path, entry: state.catalog.entry(at: path))
    }

    /// The database that `target` names: a path when it holds a slash, else an alias, else a file of that name in the
    /// client's directory, else a prefix of an id.
    init(_ target: WireTarget, state: AgentState) throws {
        let argument = [UInt8](target.argument)
        guard !argument.isEmpty, argument.count <= 4096, let path = FilePath(bytes: argument),
            let directory = FilePath(bytes: [UInt8](target.workingDirectory)), directory.isAbsolute
        else {
            throw Fault(
                .invalidRequest, "a database is named by an alias, a path or the first digits of its id, not by nothing"
            )
        }
        let canonical = path.canonical(from: directory)
        if argument.contains(UInt8(ascii: "/")) {
            self.init(path: canonical, state: state)
            return
        }
        let text = path.displayString
        if let entry = state.catalog.entry(alias: text) {
            self.init(path: entry.path, entry: entry)
            return
        }
        if try state.storage.status(of: canonical) != nil {
            self.init(path: canonical, state: state)
            return
        }
        do throws(CatalogError) {
            let entry = try state.catalog.resolve(text)
            self.init(path: entry.path, entry: entry)
        } catch {
            guard error.code == .notFound else { throw error }
            throw Fault(
                .notFound, "no database is known as \(text), and no file of that name is here",
                hint: "blazectl ls shows the known ones; blazectl scan DIRECTORY looks for more", target: text)
        }
    }

    var files: FileSet { FileSet(data: path) }

    /// A name for it where it has none: its file's, without the ending.
    var suggestedAlias: String {
        if let alias = entry?.alias { return alias }
        return FilePath.displayString(Array((path.stem ?? "database").utf8))
    }

    /// The name that people know it by.
    var title: String { entry?.alias ?? path.displayString }
}
