internal import BlazePlatform
internal import CBoringSSL
internal import Crypto
internal import SystemPackage

/// A metadata file in memory, read once; any number of keys may be tried on it.
struct MetadataFile {
    let path: FilePath
    /// The status of the open file that was read.
    let status: FileStatus
    /// The open file. As long as it is held, no other file gets its inode, so that device and inode tell it apart.
    let file: any StorageFile
    let wrapper: MetadataWrapper
    let bytes: [UInt8]
    /// Reads and takes apart `NAME.meta`. Nothing is verified yet.
    init(_ files: FileSet, in storage: any Storage) throws(EngineError) { try self.init(files.meta, in: storage) }

    /// The same of a copy under another name.
    ///
    /// - Parameter isRescue: also one whose wrapper claims a version that is not known here. Nothing signs that number, so a
    ///   signature that verifies tells that it is damaged.
    init(_ path: FilePath, in storage: any Storage, isRescue: Bool = false) throws(EngineError) {
        self.path = path
        (bytes, status, file) = try Self.read(path, in: storage)
        wrapper = try MetadataWrapper(bytes, path: path, isRescue: isRescue)
    }

    /// The same of a file that is open: nobody can have put another one in its place.
    init(_ file: any StorageFile) throws(EngineError) {
        path = file.path
        self.file = file
        do {
            status = try file.status()
        } catch {
            throw EngineError(error)
        }
        bytes = try Self.bytes(of: file, status)
        wrapper = try MetadataWrapper(bytes, path: path)
    }

    /// What the signature may cover: the payload, or the encodings of a version 1 layout (FORMAT.md 5.3). The latter cost
    /// many times the file's size, so they are made only where there is a key to try.
    func signedTexts() throws(EngineError) -> [[UInt8]] {
        if let payload = wrapper.payload { return [payload] }
        return try CanonicalPayload.encodings(of: JSONScanner(bytes, in: wrapper.layout), path: path)
    }

    /// Whether the signature over one of `texts` is by this key.
    func isVerified(by key: SymmetricKey, texts: [[UInt8]]) -> Bool {
        // What the codes are computed with is left on the stack, in the frames of this call as well.
        defer { wipeStack() }
        return texts.contains { text in
            (try? Self.authenticationCode(of: text, key: key)).map { isEqualInConstantTime(wrapper.signature, $0) }
                ?? false
        }
    }

    /// The signature of a text: HMAC-SHA256 (FORMAT.md 5.1). Throws `.noMemory`.
    static func authenticationCode(of text: [UInt8], key: SymmetricKey) throws(EngineError) -> [UInt8] {
        // What the code is computed with is left on the stack.
        defer { wipeStack() }
        var code = [UInt8](repeating: 0, count: BLAZE_SHA256_SIZE)
        let status = key.withUnsafeBytes { key in
            text.withUnsafeBytes { blaze_hmac_sha256(key.baseAddress, key.count, $0.baseAddress, $0.count, &code) }
        }
        guard status == 0 else { throw EngineError(.noMemory, "memory is out: the metadata was not signed") }
        return code
    }

    /// The payload, not verified by this call.
    func payload() throws(EngineError) -> MetadataPayload {
        do {
            if let payload = wrapper.payload { return try MetadataPayload(JSONScanner(payload)) }
            return try MetadataPayload(JSONScanner(bytes, in: wrapper.layout))
        } catch {
            throw EngineError(error, in: wrapper.payload == nil ? "metadata" : "signed payload of", path: path)
        }
    }

    /// The index in the unsigned mirror, which BlazeDB uses only when the rest is damaged; nil when it has none, or
    /// none that can be read.
    func mirrorIndex() -> RecordIndex? {
        guard wrapper.payload != nil,
            let mirror = try? MetadataPayload(JSONScanner(bytes, in: wrapper.layout)), mirror.index.count > 0
        else { return nil }
        return mirror.index
    }

    /// A file's bytes, if it starts with one of `opening`. Nothing of it is taken apart yet.
    static func read(
        _ path: FilePath, in storage: any Storage, opening: [UInt8] = [UInt8(ascii: "{")]
    ) throws(EngineError) -> (bytes: [UInt8], status: FileStatus, file: any StorageFile) {
        let file: any StorageFile
        let status: FileStatus
        do {
            file = try storage.open(path)
            status = try file.status()
        } catch {
            guard error.code == .notFound else { throw EngineError(error) }
            throw EngineError(
                .metadataMissing, "metadata file \(path.displayString) is missing",
                hint: "without it BlazeDB would open the database empty; restore it from a backup", path: path)
        }
        return (try bytes(of: file, status, opening: opening), status, file)
    }

    private static func bytes(
        of file: any StorageFile, _ status: FileStatus, opening: [UInt8] = [UInt8(ascii: "{")]
    ) throws(EngineError) -> [UInt8] {
        let path = file.path
        guard status.size <= EngineLimits.metadataBytes, let size = Int(exactly: status.size) else {
            throw EngineError(
                .limitExceeded,
                "metadata \(path.displayString) has \(status.size) bytes; at most \(EngineLimits.metadataBytes) are read",
                path: path)
        }
        do {
            // Looked at first, so that a sparse or foreign file of any size is told at once.
            var start = JSONScanner(try file.bytes(count: min(size, 4096), at: 0))
            guard let first = start.peek(), opening.contains(first) else {
                throw EngineError(start.failed("an object"), in: "metadata", path: path)
            }
            let bytes = try file.bytes(count: size, at: 0)
            guard bytes.count == size else { throw EngineError.changed(path) }
            return bytes
        } catch let error as EngineError {
            throw error
        } catch let error as StorageError {
            throw EngineError(error)
        } catch {
            throw EngineError(.readFailed, "metadata \(path.displayString) could not be read", path: path)
        }
    }
}

extension EngineError {
    /// A file that shrank or was replaced between two looks at it.
    static func changed(_ path: FilePath) -> EngineError {
        EngineError(
            .changedWhileReading, "\(path.displayString) changed while it was read",
            hint: "another process is using the database; try again", path: path)
    }
}
