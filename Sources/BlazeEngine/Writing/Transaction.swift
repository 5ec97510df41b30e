public import BlazeModel
internal import BlazePlatform

extension DatabaseWriter {
    /// Carries out changes that become durable together when `body` returns, or not at all.
    ///
    /// Records are stored as they are given: no field is added or changed. What `body` throws undoes everything.
    ///
    /// Rethrows what `body` throws. Throws `.noSpace`, `.readOnly`, `.writeFailed` and `.replacedMeanwhile` when it could not
    /// be made durable: opening again tells whether it was. Throws `.poisoned` after such an error.
    public func transaction<T>(_ body: (Transaction) throws -> T) throws -> T {
        try exclusively {
            let transaction = Transaction(self)
            let result: T
            do {
                result = try body(transaction)
            } catch {
                transaction.isOver = true
                // What ended the transaction is the error to tell; a failure of undoing poisons the handle by itself.
                if poison == nil { try? transaction.undo() } else { cutBack() }
                throw error
            }
            transaction.isOver = true
            try transaction.commit()
            return result
        }
    }

    /// Stores a new record. Throws `.recordExists`, `.invalidRecord`, and what `transaction` throws.
    public func insert(_ record: Record) throws { try transaction { try $0.insert(record) } }

    /// Puts a record in the place of the one with its id. Throws `.recordNotFound`, `.unreadableRecord`,
    /// `.invalidRecord`, and what `transaction` throws.
    public func update(_ record: Record) throws { try transaction { try $0.update(record) } }

    /// Stores a record, in the place of one with its id if there is one. Throws what `insert` and `update` throw.
    public func upsert(_ record: Record) throws { try transaction { try $0.upsert(record) } }

    /// Deletes a record. Throws `.recordNotFound`, `.unreadableRecord`, and what `transaction` throws.
    public func delete(_ id: RecordID) throws { try transaction { try $0.delete(id) } }
}

/// Changes that are to become durable together. Pages are written as the changes come, to places that nothing durable
/// names, so that a transaction of any size takes little memory: its ids and page lists.
public final class Transaction {
    private let writer: DatabaseWriter
    private let run: PageRun
    private var allocator: PageAllocator
    /// What has become of a record: its pages, or nil when it was deleted.
    private var changes: [RecordID: [UInt32]?] = [:]
    /// Pages of the state before that are not used any more.
    private var freed: [UInt32] = []
    /// Pages that this transaction wrote and does not need any more.
    private var dropped: [UInt32] = []
    /// Pages that this transaction has filled.
    private var written: Set<UInt32> = []
    fileprivate var isOver = false

    fileprivate init(_ writer: DatabaseWriter) {
        self.writer = writer
        allocator = writer.allocator
        run = PageRun(writer.data, cipher: writer.cipher)
    }

    /// The record of an id as it stands in this transaction; nil when there is none.
    public func record(_ id: RecordID) throws(EngineError) -> Record? { try found(id)?.record }

    /// Stores a new record. Throws `.recordExists`, `.invalidRecord`, and what writing throws.
    public func insert(_ record: Record) throws(EngineError) {
        let id = try self.id(of: record)
        guard try found(id) == nil else {
            throw EngineError(.recordExists, "there is a record \(id) already", hint: "update it, or upsert")
        }
        try put(record, id)
    }

    /// Puts a record in the place of the one with its id. Throws `.recordNotFound`, `.unreadableRecord`,
    /// `.invalidRecord`, and what writing throws.
    public func update(_ record: Record) throws(EngineError) {
        let id = try self.id(of: record)
        guard let old = try found(id) else { throw Self.notFound(id) }
        try put(record, id)
        release(old, id)
    }

    /// Stores a record, in the place of one with its id if there is one. Throws what `insert` and `update` throw.
    public func upsert(_ record: Record) throws(EngineError) {
        let id = try self.id(of: record)
        let old = try found(id)
        try put(record, id)
        if let old { release(old, id) }
    }

    /// Deletes a record. Throws `.recordNotFound` and `.unreadableRecord`.
    public func delete(_ id: RecordID) throws(EngineError) {
        guard let old = try found(id) else { throw Self.notFound(id) }
        changes.updateValue(nil, forKey: id)
        release(old, id)
    }

    private static func notFound(_ id: RecordID) -> EngineError {
        EngineError(.recordNotFound, "there is no record \(id)")
    }

    private func id(of record: Record) throws(EngineError) -> RecordID {
        precondition(!isOver, "a transaction ends with its body")
        guard case .uuid(let id) = record["id"] else {
            throw EngineError(.invalidRecord, "the record has no id, or one that is no UUID")
        }
        return id
    }

    /// The record that an id has now, and where.
    private func found(_ id: RecordID) throws(EngineError) -> FoundRecord? {
        precondition(!isOver, "a transaction ends with its body")
        try writer.checkUsable()
        switch changes[id] {
        case .some(.none): return nil
        case .some(.some(let pages)):
            try writer.changing { () throws(EngineError) in try run.flush() }
            return try writer.stored(id, in: pages[...])
        case nil:
            guard let entry = writer.image.index.entry(id) else { return nil }
            return try writer.stored(id, in: writer.image.index.pages(of: entry))
        }
    }

    private func put(_ record: Record, _ id: RecordID) throws(EngineError) {
        try RecordCodec.encode(record).withRawBytes { (bytes) throws(EngineError) in
            let shape = try RecordShape(bytes)
            let pages = try allocator.take(shape.pages) { (page) throws(EngineError) in try isUsable(page) }
            written.formUnion(pages)
            try writer.changing { () throws(EngineError) in
                if let last = pages.last, UInt64(last) >= writer.image.nextPageIndex { try writer.markGrowth() }
                try run.write(bytes, shape, to: pages)
                changes.updateValue(pages, forKey: id)
            }
        }
    }

    /// Gives up the pages of what a record was before.
    private func release(_ old: FoundRecord, _ id: RecordID) {
        if written.contains(old.main) { dropped += old.chain } else { freed += writer.owned(old.chain) }
    }

    /// Whether a page of the free list may be filled: it is zero, or holds a record page that the index does not name.
    /// Whatever else stands there may be reached by a chain that grew while no metadata was saved (trap T2).
    private func isUsable(_ page: UInt32) throws(EngineError) -> Bool {
        let (view, kind) = try writer.store.filePage(page)
        switch kind {
        case .empty, .absent: return true
        case .record: return writer.cipher.authenticates(view)
        default: return false
        }
    }

    fileprivate func commit() throws(EngineError) {
        guard !changes.isEmpty else { return }
        let sorted = changes.map { RecordIndex.Change(id: $0.key, pages: $0.value) }.sorted { $0.id < $1.id }
        var image = writer.image
        image.index = image.index.applying(sorted)
        image.dropSearchIndex()
        allocator.give(freed + dropped)
        image.freePages = Array(allocator.free)
        image.nextPageIndex = allocator.next
        try writer.dropSeparateIndexes()
        try writer.commit(image, allocator, freed: freed + dropped, run: run)
    }

    /// Puts the pages that were written back to what they were: zero, or behind the file's end.
    fileprivate func undo() throws(EngineError) {
        guard !written.isEmpty else { return }
        try writer.changing { () throws(EngineError) in
            let old = writer.allocator.next
            try run.flush()
            try run.zero(written.filter { $0 < old }.sorted())
            try onStorage(writer.files.data) {
                try writer.data.truncate(to: min(try writer.data.status().size, old * UInt64(PageView.byteCount)))
            }
        }
    }
}
