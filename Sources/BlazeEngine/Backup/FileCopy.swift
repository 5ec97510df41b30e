internal import BlazePlatform
internal import SystemPackage

/// Copies files whole, and tells what their bytes were.
struct FileCopy {
    /// What was copied.
    struct Result {
        let bytes: UInt64
        let digest: String
        let file: any WritableFile
    }

    let storage: any ChangingStorage
    private static let block = 1 << 20

    /// Makes a new file, closed to others unless it is to be like another one, with the bytes of another one; not durable yet. Where the file system can give both the
    /// same blocks it does.
    func copy(
        _ path: FilePath, to other: FilePath, like model: FileStatus? = nil, _ check: () throws -> Void
    ) throws -> Result {
        let from = try storage.open(path)
        let size = try from.status().size
        let to = try storage.create(other, like: model)
        if storage.clone(from, into: to) {
            let (bytes, digest) = try Self.digest(of: to, check)
            guard bytes == size else { throw EngineError.changed(path) }
            return Result(bytes: bytes, digest: digest, file: to)
        }
        let hash = BLAKE2b()
        var buffer = [UInt8](repeating: 0, count: Int(min(UInt64(Self.block), max(size, 1))))
        var at: UInt64 = 0
        while at < size {
            try check()
            let count = try from.read(into: &buffer, at: at)
            guard count > 0 else { throw EngineError.changed(path) }
            try buffer.withUnsafeBytes { whole in
                let bytes = UnsafeRawBufferPointer(rebasing: whole.prefix(Int(min(UInt64(count), size - at))))
                hash.update(bytes)
                try to.write(bytes, at: at)
                at += UInt64(bytes.count)
            }
        }
        return Result(bytes: size, digest: hash.finishHex(), file: to)
    }

    /// A file's size and the BLAKE2b of its bytes.
    static func digest(of file: any StorageFile, _ check: () throws -> Void) throws -> (bytes: UInt64, digest: String) {
        let hash = BLAKE2b()
        var buffer = [UInt8](repeating: 0, count: block)
        var at: UInt64 = 0
        while true {
            try check()
            let count = try file.read(into: &buffer, at: at)
            guard count > 0 else { return (at, hash.finishHex()) }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
            at += UInt64(count)
        }
    }
}
