internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Finds out which images of a WAL count, and what replaying all of them would do.
///
/// An image counts only where the data file's page is neither all zero nor authentic: every acknowledged write is in
/// the data file already, and plain replay brings back deleted records and older contents (FORMAT.md 8.1a). Of
/// several images the last one that authenticates counts. Nothing of the WAL is kept in memory but offsets.
struct WALOverlay {
    enum Image: Sendable {
        /// A page image at an offset of the WAL.
        case written(offset: UInt64, kind: PageKind)
        /// A committed delete, which zeroes the page (unified form).
        case deleted
    }

    /// What is known of a page that an entry names.
    private struct PageState {
        let kind: PageKind
        /// Whether the data file's page stands as it is: authentic, or all zero.
        let isSound: Bool
        let checksum: UInt32
        var image: Image?
        /// What BlazeDB's replay would leave in the page: the checksum of an image, or 0 bytes.
        var replayed: Replayed?
    }

    private enum Replayed {
        case image(UInt32)
        case zero
    }

    private struct PendingOperation {
        let page: UInt32
        let image: UInt64?
    }

    private let store: PageStore
    private let wal: any StorageFile
    private let buffer = PageBuffer(pages: 1)
    private var pages: [UInt32: PageState] = [:]
    private var pending: [WALEntry.Transaction: [PendingOperation]] = [:]
    private var summary = WALSummary()
    /// BlazeDB's replay stops at the first byte that belongs to no entry.
    private var isReached = true

    private init(_ wal: any StorageFile, over store: PageStore) {
        self.wal = wal
        self.store = store
    }

    /// Reads the WAL, if there is one, and lays its counting images over the store's pages. `index` tells which
    /// pages records use.
    static func lay(
        _ path: FilePath, over store: PageStore, index: RecordIndex, in storage: any Storage
    ) throws(EngineError) -> (summary: WALSummary, status: FileStatus?) {
        let wal: any StorageFile
        let status: FileStatus
        do {
            wal = try storage.open(path)
            status = try wal.status()
        } catch {
            if error.code == .notFound { return (WALSummary(), nil) }
            throw EngineError(error)
        }
        guard status.size > 0 else { return (WALSummary(), status) }
        var overlay = WALOverlay(wal, over: store)
        try overlay.readAll(size: status.size)
        overlay.finish(index)
        return (overlay.summary, status)
    }

    private mutating func readAll(size: UInt64) throws(EngineError) {
        summary.size = size
        var scanner = WALScanner(wal, size: size)
        while true {
            let entry: WALEntry?
            do {
                entry = try scanner.next()
            } catch {
                throw EngineError(error)
            }
            if scanner.skipped > 0 { isReached = false }
            summary.skippedBytes += scanner.skipped
            guard let entry else { break }
            summary.entries += 1
            if !isReached { summary.hiddenEntries += 1 }
            switch entry {
            case .legacy(let page, let image, let checksum):
                try apply(PendingOperation(page: page, image: image), checksum: checksum)
            case .unified(let transaction, let operation, let page, let image):
                summary.unifiedEntries += 1
                try follow(transaction, operation, page: page, image: image)
            }
        }
        summary.tailBytes = scanner.skipped
        summary.searchGivenUp = scanner.searchGivenUp
        summary.uncommittedEntries += pending.values.reduce(0) { $0 + $1.count }
    }

    /// A transaction's writes and deletes count from its commit on, in their order.
    private mutating func follow(
        _ transaction: WALEntry.Transaction, _ operation: WALEntry.Operation, page: UInt32, image: UInt64?
    ) throws(EngineError) {
        switch operation {
        case .begin, .checkpoint: break
        case .write:
            if image != nil { pending[transaction, default: []].append(PendingOperation(page: page, image: image)) }
        case .delete: pending[transaction, default: []].append(PendingOperation(page: page, image: nil))
        case .abort: summary.uncommittedEntries += pending.removeValue(forKey: transaction)?.count ?? 0
        case .commit:
            for operation in pending.removeValue(forKey: transaction) ?? [] { try apply(operation, checksum: nil) }
        }
    }

    private mutating func apply(_ operation: PendingOperation, checksum: UInt32?) throws(EngineError) {
        var state: PageState
        if let known = pages[operation.page] { state = known } else { state = try look(at: operation.page) }
        defer { pages[operation.page] = state }
        guard let offset = operation.image else {
            if isReached { state.replayed = .zero }
            if !state.isSound { state.image = .deleted }
            return
        }
        var loaded = false
        if isReached {
            if checksum == nil { loaded = try load(offset) }
            state.replayed = .image(checksum ?? Checksum.crc32(buffer.page(0).bytes))
        }
        guard !state.isSound else { return }
        if !loaded { loaded = try load(offset) }
        let image = buffer.page(0)
        if loaded, store.cipher.authenticates(image) { state.image = .written(offset: offset, kind: image.kind) }
    }

    private func load(_ offset: UInt64) throws(EngineError) -> Bool {
        do {
            return try wal.read(into: buffer.bytes, at: offset) == PageView.byteCount
        } catch {
            throw EngineError(error)
        }
    }

    private func look(at page: UInt32) throws(EngineError) -> PageState {
        let view: PageView
        let kind: PageKind
        do throws(EngineError) {
            (view, kind) = try store.filePage(page)
        } catch {
            // A page that the disk does not give is what an image is there for.
            guard error.code == .readFailed else { throw error }
            return PageState(kind: .unrecognized, isSound: false, checksum: 0)
        }
        return PageState(
            kind: kind, isSound: kind == .empty || (kind != .absent && store.cipher.isSound(view)),
            checksum: Checksum.crc32(view.bytes))
    }

    private mutating func finish(_ index: RecordIndex) {
        var refilled: Set<UInt32> = []
        for (page, state) in pages {
            if let image = state.image {
                store.overlay[page] = image
                summary.counting.add(page)
            }
            guard state.isSound, let replayed = state.replayed else { continue }
            switch (state.kind, replayed) {
            case (.empty, .image): refilled.insert(page)
            case (.empty, .zero): break
            case (.overflow, _): summary.overOverflow.add(page)
            case (_, .image(let checksum)): if checksum != state.checksum { summary.wouldRevert.add(page) }
            case (_, .zero): summary.wouldRevert.add(page)
            }
        }
        // A page that no record uses may be filled with anything.
        for page in index.pages where refilled.remove(page) != nil { summary.wouldResurrect.add(page) }
        if !store.overlay.isEmpty { store.wal = wal }
    }
}
