internal import BlazeModel
internal import BlazePlatform
internal import Crypto
internal import SystemPackage

/// Opens a database for a change, and puts right what was interrupted first: files, then transactions, then the WAL, which
/// is empty before the first page is written (FORMAT.md 8.1). Killed at any point, the next opening goes on.
struct Recovery {
    /// What a writer begins with.
    struct Recovered {
        let locks: [any FileLock]
        let data: any WritableFile
        let store: PageStore
        let image: MetadataImage
        let allocator: PageAllocator
        let metadataStatus: FileStatus
        let shared: Set<UInt32>
        /// Whether the metadata on the disk says less than is known: it is to be written anew.
        let isMetadataStale: Bool
        let steps: [RecoveryStep]
    }

    private let files: FileSet
    private let storage: any ChangingStorage
    private let key: SymmetricKey
    private var locks: [any FileLock]
    private var steps: [RecoveryStep] = []

    init(_ files: FileSet, in storage: any ChangingStorage, key: SymmetricKey, locks: [any FileLock]) {
        self.files = files
        self.storage = storage
        self.key = key
        self.locks = locks
    }

    consuming func run() throws(EngineError) -> Recovered {
        // The key is tried before anything is changed. Where the data file or the metadata has no name for now, it is on
        // what a vacuum set aside.
        try checkKey()
        var swap = InterruptedSwap(files, in: storage, locks: locks)
        _ = try swap.resolve()
        locks = swap.locks
        steps += swap.steps
        try checkLock()
        steps += try RepairMarker.resolve(files, in: storage)
        let data = try onStorage(files.data) { try storage.openForWriting(files.data) }
        try checkSize(data)
        steps += try TransactionRollback(files, in: storage, key: key, data: data).run()
        // The reader verifies the metadata, and finds out which images of the WAL count.
        let generation = try Generation(files, in: storage, key: key, readingWAL: true)
        guard try onStorage(files.data, { try data.status() }).identity == generation.store.status.identity else {
            throw EngineError.changed(files.data)
        }
        let obstacles = generation.metadata.obstacles
        if let first = obstacles.first {
            throw EngineError(
                .damaged, "\(files.meta.displayString): \(first.message), and would be lost when it is written anew",
                hint: "blazectl check --quick tells more; nothing was changed", path: files.meta)
        }
        try applyWAL(generation, to: data)
        let store = generation.store
        store.overlay = [:]
        store.wal = nil
        try store.renewStatus()
        var image = try MetadataImage(generation.metadata)
        let listed = generation.metadata.index.pages.sorted()
        try cutUnfinished(generation, store, data)
        let next = max(image.nextPageIndex, store.filePages)
        guard next <= UInt64(UInt32.max) else {
            throw EngineError(
                .damaged, "\(files.meta.displayString): nextPageIndex is \(next), which is no page number",
                hint: "blazectl check --quick tells more; nothing was changed", path: files.meta)
        }
        if next > image.nextPageIndex {
            steps.append(
                RecoveryStep(
                    .nextPageRaised,
                    "nextPageIndex was \(image.nextPageIndex) with \(store.filePages) pages in the file: no page of the file is taken for unused"
                ))
        }
        let allocator = PageAllocator(free: image.freePages, next: next, listed: listed)
        let isStale = next > image.nextPageIndex || image.freePages != Array(allocator.free)
        image.nextPageIndex = next
        image.freePages = Array(allocator.free)
        let shared = Set(zip(listed, listed.dropFirst()).lazy.filter { $0 == $1 }.map(\.0))
        return Recovered(
            locks: locks, data: data, store: store, image: image, allocator: allocator,
            metadataStatus: generation.metadataStatus, shared: shared, isMetadataStale: isStale, steps: steps)
    }

    private func checkKey() throws(EngineError) {
        var problem: EngineError?
        for path in [files.meta, files.metaAside] {
            do throws(EngineError) {
                let file = try MetadataFile(path, in: storage)
                if file.isVerified(by: key, texts: try file.signedTexts()) { return }
                problem = problem ?? KeyProbe.explainUnverified(files, in: storage, keys: [key])
            } catch {
                problem = problem ?? error
            }
        }
        if let problem { throw problem }
    }

    /// Cuts off what a change of ours had filled at the end of the file when its process died. Where a record reaches a page
    /// there, as BlazeDB's may that has worked since, everything stays.
    private mutating func cutUnfinished(
        _ generation: Generation, _ store: PageStore, _ data: any WritableFile
    ) throws(EngineError) {
        let next = generation.metadata.nextPageIndex
        let counts = try onStorage(files.growthMarker) {
            try GrowthMarker.counts(files, in: storage, next: next, metadata: generation.metadataStatus)
        }
        if counts, store.filePages > next {
            let scan = try HeaderScan(store, generation.metadata)
            let reached = try ChainReach(generation.metadata, store, scan).pages
            if reached.allSatisfy({ $0 < next }), scan.listed.allSatisfy({ $0 < next }) {
                let pages = store.filePages - next
                try onStorage(files.data) {
                    try data.truncate(to: next * UInt64(PageView.byteCount))
                    try data.sync()
                }
                try store.renewStatus()
                steps.append(
                    RecoveryStep(.unfinishedCutOff, "\(pages) pages of a change that was not finished were cut off"))
            }
        }
        try onStorage(files.growthMarker) {
            if try storage.status(of: files.growthMarker) != nil { try storage.remove(files.growthMarker) }
        }
    }

    /// That every page has a number (FORMAT.md 3).
    private func checkSize(_ data: any WritableFile) throws(EngineError) {
        let size = try onStorage(files.data) { try data.status().size }
        guard size / UInt64(PageView.byteCount) < UInt64(UInt32.max) else {
            throw EngineError(
                .damaged, "\(files.data.displayString) has \(size) bytes, more than a database can have",
                hint: "blazectl check --quick tells what is in it", path: files.data)
        }
    }

    private func checkLock() throws(EngineError) {
        let named = try onStorage(files.data) { try storage.status(of: files.data)?.identity }
        guard let named else {
            throw EngineError(.notFound, "\(files.data.displayString) is missing", path: files.data)
        }
        guard locks.contains(where: { $0.identity == named }) else {
            throw EngineError(
                .replacedMeanwhile, "\(files.data.displayString) is another file than the one whose lock is held",
                hint: "another process replaced it; try again", path: files.data)
        }
    }

    /// Puts the images that count into their pages, syncs, and empties the WAL.
    private mutating func applyWAL(_ generation: Generation, to data: any WritableFile) throws(EngineError) {
        guard let size = generation.wal?.size, size > 0 else { return }
        guard generation.wal?.searchGivenUp != true else {
            throw EngineError(
                .recoveryUndecided,
                "\(files.wal.displayString) holds so much that is no entry that it was not searched to the end",
                hint: "copy all files of the database away; with an empty WAL it counts as the data file is",
                path: files.wal)
        }
        let store = generation.store
        // A page that the index does not name holds nothing that was acknowledged, and its number is not authenticated.
        let listed = Set(generation.metadata.index.pages)
        let pages = store.overlay.keys.filter(listed.contains).sorted()
        let run = PageRun(data, cipher: store.cipher)
        for page in pages { try run.put(try store.page(page).view, at: page) }
        try run.flush()
        try onStorage(files.wal) {
            if !pages.isEmpty { try data.sync() }
            let wal = try storage.openForWriting(files.wal)
            try wal.truncate(to: 0)
            try wal.sync()
        }
        if !pages.isEmpty {
            steps.append(
                RecoveryStep(
                    .walApplied, "\(pages.count) torn pages were filled from the WAL, page \(pages[0]) first"))
        }
        let entries = generation.wal?.entries ?? 0
        steps.append(
            RecoveryStep(
                .walEmptied,
                "the WAL was emptied: \(entries) entries in \(size) bytes; what counts of them is in the data file"))
    }
}
