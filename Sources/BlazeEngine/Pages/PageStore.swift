internal import BlazePlatform
internal import SystemPackage

/// A buffer of whole pages, freed with its owner.
final class PageBuffer {
    let bytes: UnsafeMutableRawBufferPointer

    init(pages: Int) {
        bytes = .allocate(byteCount: pages * PageView.byteCount, alignment: PageView.byteCount)
    }

    deinit { bytes.deallocate() }

    /// The page at a place of the buffer.
    func page(_ i: Int) -> PageView {
        PageView(UnsafeRawBufferPointer(rebasing: bytes[i * PageView.byteCount..<(i + 1) * PageView.byteCount]))
    }

    /// A page of the buffer that is being filled.
    struct Place {
        let bytes: UnsafeMutableRawBufferPointer

        func clear() { bytes.initializeMemory(as: UInt8.self, repeating: 0) }
        /// Writes an integer, big-endian.
        func put<T: FixedWidthInteger>(_ integer: T, at offset: Int) {
            bytes.storeBytes(of: integer.bigEndian, toByteOffset: offset, as: T.self)
        }
    }

    /// The page at a place of the buffer, for filling.
    func place(_ i: Int) -> Place {
        Place(
            bytes: UnsafeMutableRawBufferPointer(rebasing: bytes[i * PageView.byteCount..<(i + 1) * PageView.byteCount])
        )
    }

    /// Zeroes everything from a byte on.
    func zero(from count: Int) {
        guard count < bytes.count else { return }
        UnsafeMutableRawBufferPointer(rebasing: bytes[count...]).initializeMemory(as: UInt8.self, repeating: 0)
    }
}

/// The data file's pages, with the WAL images that count laid over them (FORMAT.md 8.1a). Reads only. One thread at a
/// time; another thread makes one of its own from `source`.
final class PageStore {
    /// What a store reads from, without its buffers.
    struct Source: Sendable {
        let file: any StorageFile
        let status: FileStatus
        let cipher: PageCipher
        let overlay: [UInt32: WALOverlay.Image]
        let wal: (any StorageFile)?
    }

    let file: any StorageFile
    /// The data file as it was when it was opened, or looked at last.
    private(set) var status: FileStatus
    let cipher: PageCipher
    /// What stands in the WAL for pages that the data file does not hold soundly.
    var overlay: [UInt32: WALOverlay.Image] = [:]
    var wal: (any StorageFile)?
    private let buffer = PageBuffer(pages: 1)
    private let ahead: ReadAhead?

    init(_ path: FilePath, in storage: any Storage, cipher: PageCipher) throws(EngineError) {
        do {
            file = try storage.open(path)
            status = try file.status()
        } catch {
            throw EngineError(error)
        }
        self.cipher = cipher
        ahead = nil
    }

    /// - Parameter readingAhead: whether pages that `expect` names may be as they were a little before they are asked for.
    init(_ source: Source, readingAhead: Bool = false) {
        file = source.file
        status = source.status
        cipher = source.cipher
        overlay = source.overlay
        wal = source.wal
        ahead = readingAhead ? ReadAhead() : nil
    }

    var source: Source { Source(file: file, status: status, cipher: cipher, overlay: overlay, wal: wal) }

    /// Names the pages that will be asked for next, in this order; without effect in a store that does not read ahead.
    func expect(_ lists: some Sequence<ArraySlice<UInt32>>) { ahead?.expect(lists) }

    /// Looks at the open file again: an owner makes it longer.
    func renewStatus() throws(EngineError) {
        do {
            status = try file.status()
        } catch {
            throw EngineError(error)
        }
    }

    /// Pages of the data file, a short last one included. May exceed 32 bits in a huge sparse file.
    var filePages: UInt64 {
        status.size / UInt64(PageView.byteCount) + (status.size % UInt64(PageView.byteCount) == 0 ? 0 : 1)
    }

    /// One more than the highest page of file and WAL.
    var totalPages: UInt64 {
        max(filePages, overlay.keys.max().map { UInt64($0) + 1 } ?? 0)
    }

    /// A page and its kind. The view is valid until the next call.
    func page(_ number: UInt32) throws(EngineError) -> (view: PageView, kind: PageKind) {
        guard !overlay.isEmpty, let image = overlay[number] else { return try filePage(number) }
        switch image {
        case .deleted:
            buffer.zero(from: 0)
            return (buffer.page(0), .empty)
        case .written(let offset, _):
            guard let wal else { return try filePage(number) }
            guard try read(wal, at: offset) == PageView.byteCount else { throw EngineError.changed(wal.path) }
            return (buffer.page(0), buffer.page(0).kind)
        }
    }

    /// A page as the data file has it. A short last page is filled up with zeros; a missing one is all zeros, and
    /// `absent`.
    func filePage(_ number: UInt32) throws(EngineError) -> (view: PageView, kind: PageKind) {
        if let view = ahead?.page(number, of: file) { return (view, view.kind) }
        let count = try read(file, at: UInt64(number) * UInt64(PageView.byteCount))
        return (buffer.page(0), count == 0 ? .absent : buffer.page(0).kind)
    }

    private func read(_ file: any StorageFile, at offset: UInt64) throws(EngineError) -> Int {
        do {
            let count = try file.read(into: buffer.bytes, at: offset)
            buffer.zero(from: count)
            return count
        } catch {
            throw EngineError(error)
        }
    }
}
