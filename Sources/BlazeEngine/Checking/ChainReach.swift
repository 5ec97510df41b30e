internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Finds the overflow pages that indexed records reach although no page list names them: an update that grew a record
/// leaves its list behind until the metadata is saved (trap T2).
struct ChainReach {
    private let store: PageStore
    private let scan: HeaderScan
    private(set) var pages: Set<UInt32> = []

    /// Follows the chain of every indexed record. Throws what reading throws.
    init(_ metadata: Metadata, _ store: PageStore, _ scan: HeaderScan) throws(EngineError) {
        self.store = store
        self.scan = scan
        for entry in metadata.index.entries {
            guard let main = metadata.index.pages(of: entry).first(where: { scan.kind(of: $0).holdsRecord }) else {
                continue
            }
            try follow(main)
        }
    }

    private mutating func follow(_ main: UInt32) throws(EngineError) {
        let (view, kind) = try store.page(main)
        // Only a full main page can have a chain, so no other one is decrypted.
        guard kind == .record, view.recordLength == OverflowReference.mainPlaintext,
            let plaintext = store.cipher.openRecord(view)
        else { return }
        var next: UInt32
        var left: Int
        if let reference = plaintext.withUnsafeBytes({ OverflowReference(plaintext: $0) }) {
            next = reference.first
            left = min(Int(reference.pages), EngineLimits.chainPages)
        } else {
            // The old form has no count, and only a record that reads proves it.
            guard let record = try? RecordReader(store: store).record(main: main), record.isOldForm else { return }
            pages.formUnion(record.chain)
            return
        }
        while next != 0, left > 0 {
            let (view, kind) = try store.page(next)
            guard kind == .overflow, pages.insert(next).inserted else { return }
            next = view.nextPage
            left -= 1
        }
    }
}
