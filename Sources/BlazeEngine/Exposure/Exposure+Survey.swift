internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

extension Exposure {
    /// What is found while the files are looked at one after another.
    struct Survey {
        private(set) var files: [File] = []
        private(set) var sources: [Source] = []
        /// Why the check would refuse the metadata file.
        private(set) var metadataProblem: EngineError?
        /// Files with metadata that were not looked into, because there are too many.
        private(set) var passedOver: [FilePath] = []
        /// Directories that could not be listed.
        var unlisted: [FilePath] = []
        private var copies = 0
        private let storage: any Storage

        init(_ storage: any Storage) { self.storage = storage }

        /// A file, and what is in it where it is metadata.
        mutating func add(_ role: String, _ facts: PermissionFacts, below above: Ancestors) throws(EngineError) {
            files.append(File(role, facts, below: above))
            guard let form = Form(role, facts.path) else { return }
            if role != "meta", role != "indexes" {
                guard copies < EngineLimits.exposedCopies else {
                    passedOver.append(facts.path)
                    return
                }
                copies += 1
            }
            do throws(EngineError) {
                try look(into: facts.path, role, form)
            } catch {
                // It went away since, as such files do.
                guard error.code == .metadataMissing else { throw error }
            }
        }

        private mutating func look(into path: FilePath, _ role: String, _ form: Form) throws(EngineError) {
            if form == .separateIndexes {
                sources.append(try Exposure.separateIndexes(path, role, in: storage))
                return
            }
            // A second name of either file of a set: only one of metadata starts as such.
            if form == .either, !startsAsObject(path) { return }
            let reading = try MetadataReading(path, role, in: storage)
            sources += reading.sources
            if role == "meta" { metadataProblem = reading.problem }
        }

        private func startsAsObject(_ path: FilePath) -> Bool {
            guard let start = try? storage.open(path).bytes(count: 1, at: 0) else { return true }
            return start.first == UInt8(ascii: "{")
        }

        /// The directories that keep the files from before repairs, and what is in them.
        mutating func addKept(
            of set: FileSet, below above: Ancestors, facts: (FilePath) throws(StorageError) -> PermissionFacts?
        ) throws {
            for name in try sorted(set.directory) where set.isKept(FilePath(root: nil, [name]).bytes) {
                let path = set.directory.appending(name)
                guard let directory = try facts(path) else { continue }
                files.append(File("kept-set", directory, below: above))
                guard directory.kind == .directory else { continue }
                let names: [FilePath.Component]
                do throws(StorageError) {
                    names = try sorted(path)
                } catch {
                    if error.code != .notFound { unlisted.append(path) }
                    continue
                }
                for name in names {
                    guard let file = try facts(path.appending(name)) else { continue }
                    try add("kept", file, below: above.entering(directory))
                }
            }
        }

        private func sorted(_ directory: FilePath) throws(StorageError) -> [FilePath.Component] {
            func bytes(_ name: FilePath.Component) -> [UInt8] { FilePath(root: nil, [name]).bytes }
            return try storage.names(in: directory).sorted { bytes($0).lexicographicallyPrecedes(bytes($1)) }
        }

        /// In which form a file holds ids and indexed values.
        private enum Form {
            case metadata, separateIndexes, either

            /// Nil for a file that holds none, or none unencrypted.
            init?(_ role: String, _ path: FilePath) {
                func ends(_ suffix: String) -> Bool { path.bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
                if ends(".meta.indexes") {
                    self = .separateIndexes
                } else if role == "meta" || ends(".meta") || ends(".agent_meta") {
                    self = .metadata
                } else if ends(".agent_back") {
                    self = .either
                } else {
                    return nil
                }
            }
        }
    }
}
