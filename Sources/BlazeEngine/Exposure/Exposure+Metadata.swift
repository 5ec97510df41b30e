internal import BlazeModel
internal import BlazePlatform
public import SystemPackage

extension Exposure {
    /// A text within a file that holds ids, indexed values and search words unencrypted.
    public struct Source: Sendable, Hashable {
        /// Which text of the file.
        public enum Part: String, Sendable, Hashable {
            /// The signed payload.
            case payload
            /// The layout: beside a signed payload an unsigned copy of it, without one the metadata proper.
            case layout
            /// The whole file: one without a wrapper, or the separate index file.
            case file
        }

        /// The file.
        public let path: FilePath
        /// What the file is, as in `File.role`.
        public let role: String
        /// Which text of it.
        public let part: Part
        /// The indexes whose keys stand in it.
        public let indexes: [Index]
        /// Words of a search index; nil when it has none.
        public let searchWords: Int?
        /// Fields that are said to have a search index, sorted.
        public let searchFields: [String]
        /// Records whose ids stand in it; nil when it has no index of records.
        public let recordIDs: Int?
        /// Whether it is the unsigned copy, and holds something else than the signed payload.
        public let differs: Bool
        /// Why it is not known what it holds; nil when it is. Then nothing else is told of it.
        public let problem: String?

        /// Whether values of records can be read in it.
        var holdsValues: Bool { !indexes.isEmpty || searchWords != nil }

        init(_ path: FilePath, _ role: String, _ part: Part, unknown problem: String) {
            (self.path, self.role, self.part, self.problem) = (path, role, part, problem)
            (indexes, searchWords, searchFields, recordIDs, differs) = ([], nil, [], nil, false)
        }

        init(_ path: FilePath, _ role: String, _ part: Part, _ contents: ReadableContents, differs: Bool) {
            (self.path, self.role, self.part, self.differs) = (path, role, part, differs)
            indexes = contents.indexes
            searchWords = contents.searchWords
            searchFields = contents.searchFields.sorted()
            recordIDs = contents.recordIDs?.count
            problem = nil
        }
    }

    /// What one file of metadata tells. A wrapper that the check would refuse is taken apart all the same, as far as it goes:
    /// what it holds can be read, whether or not BlazeDB takes it.
    struct MetadataReading {
        var sources: [Source] = []
        /// Why the check would refuse the file, where it would by its wrapper or by a text that cannot be read.
        var problem: EngineError?

        /// - Throws: `.metadataMissing` where nothing has that path.
        init(_ path: FilePath, _ role: String, in storage: any Storage) throws(EngineError) {
            let bytes: [UInt8]
            do {
                bytes = try MetadataFile.read(path, in: storage).bytes
            } catch {
                guard error.code != .metadataMissing else { throw error }
                problem = error
                sources = [Source(path, role, .file, unknown: error.description)]
                return
            }
            do {
                try takeApart(bytes, path, role)
            } catch {
                problem = EngineError(error, in: "metadata", path: path)
                sources = [Source(path, role, .file, unknown: problem?.description ?? "")]
                return
            }
            if problem == nil {
                do {
                    _ = try MetadataWrapper(bytes, path: path)
                } catch {
                    problem = error
                }
            }
        }

        private mutating func takeApart(_ bytes: [UInt8], _ path: FilePath, _ role: String) throws(JSONError) {
            var payload: Range<Int>?
            var layout: Range<Int>?
            var scanner = JSONScanner(bytes)
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                let (isPayload, isLayout) = (s.equals(key, "signedPayload"), s.equals(key, "layout"))
                let range = try s.skipValue()
                if isPayload, bytes[range.lowerBound] != UInt8(ascii: "n") { payload = range }
                if isLayout { layout = range }
            }
            try scanner.expectEnd()
            var signed: ReadableContents?
            if let payload {
                if let text = MetadataWrapper.base64(bytes, payload) {
                    signed = add(.payload, JSONScanner(text), path, role)
                } else {
                    let error = JSONError(
                        offset: payload.lowerBound, expected: "signedPayload in base64", isShape: true)
                    fail(.payload, EngineError(error, in: "metadata", path: path), path, role)
                }
            }
            if let layout { add(.layout, JSONScanner(bytes, in: layout), path, role, beside: signed) }
            // Without a wrapper the file itself may be a layout; and beside one its members can be read as well.
            do throws(JSONError) {
                let whole = try ReadableContents(JSONScanner(bytes))
                if whole.isMetadata {
                    sources.append(Source(path, role, .file, whole, differs: false))
                } else if sources.isEmpty {
                    throw JSONError(offset: 0, expected: "members that metadata has", isShape: true)
                }
            } catch {
                fail(.file, EngineError(error, in: "metadata", path: path), path, role)
            }
        }

        @discardableResult
        private mutating func add(
            _ part: Source.Part, _ scanner: JSONScanner, _ path: FilePath, _ role: String,
            beside signed: ReadableContents? = nil
        ) -> ReadableContents? {
            do throws(JSONError) {
                let contents = try ReadableContents(scanner)
                // An empty layout beside a payload holds nothing.
                if contents.isMetadata || signed == nil {
                    sources.append(
                        Source(path, role, part, contents, differs: signed.map { contents.differs(from: $0) } ?? false))
                }
                return contents
            } catch {
                let what = part == .payload ? "signed payload of" : "layout of"
                fail(part, EngineError(error, in: what, path: path), path, role)
                return nil
            }
        }

        private mutating func fail(_ part: Source.Part, _ error: EngineError, _ path: FilePath, _ role: String) {
            sources.append(Source(path, role, part, unknown: error.description))
            problem = problem ?? error
        }
    }

    /// What the separate index file tells.
    static func separateIndexes(_ path: FilePath, _ role: String, in storage: any Storage) throws(EngineError) -> Source
    {
        let bytes: [UInt8]
        do {
            bytes = try MetadataFile.read(path, in: storage, opening: Array("{[".utf8)).bytes
        } catch {
            guard error.code != .metadataMissing else { throw error }
            return Source(path, role, .file, unknown: error.description)
        }
        do {
            return Source(path, role, .file, try ReadableContents(separate: JSONScanner(bytes)), differs: false)
        } catch {
            return Source(
                path, role, .file, unknown: EngineError(error, in: "separate index file", path: path).description)
        }
    }
}
