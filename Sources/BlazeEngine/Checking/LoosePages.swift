internal import BlazeModel
internal import BlazePlatform

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What stands in pages that no record was read from: whole records that no index entry leads to, and pages that are none of
/// this key. Read on all cores, some thousand at a time; what is kept is bounded by what is found.
struct LoosePages {
    /// A whole record.
    struct Whole: Sendable {
        let page: UInt32
        let id: RecordID
        /// When it was changed last, in seconds since 2001; nil when it does not say.
        let updated: Double?
    }

    /// Whole records, by their main pages.
    private(set) var whole: [Whole] = []
    /// Pages that do not authenticate, or that are no pages of BlazeDB's, and why.
    private(set) var broken: [(page: UInt32, reason: String)] = []
    /// Pages of a version that is not read here.
    private(set) var unsupported: [UInt32] = []
    /// How many pages were authenticated, or failed to be.
    private(set) var pagesRead: UInt64 = 0

    private static let window = 4096

    private enum Look: Sendable {
        case whole(Whole, chain: [UInt32])
        case broken(UInt32, String)
        case unsupported(UInt32)
        /// Read and authentic, and nothing more to say of it.
        case remains
        /// To be authenticated on its own, unless a whole record has it.
        case overflow(UInt32)
        case nothing
    }

    /// Reads pages, which are in ascending order.
    ///
    /// - Parameter progress: called now and then with how many are done; what it throws ends the look.
    init(_ pages: [UInt32], _ store: PageStore, progress: (Int) throws -> Void) throws {
        var overflow: [UInt32] = []
        var chains: Set<UInt32> = []
        var done = 0
        try Self.forEach(pages, store, progress: { try progress(done) }, Self.look) { look in
            switch look {
            case .overflow(let page):
                overflow.append(page)
                return
            case .whole(let record, let chain):
                pagesRead += UInt64(chain.count)
                chains.formUnion(chain.dropFirst())
                whole.append(record)
            default: note(look)
            }
            done += 1
        }
        overflow.removeAll { chains.contains($0) }
        done = pages.count - overflow.count
        try Self.forEach(overflow, store, progress: { try progress(done) }, Self.lookAtPiece) { look in
            done += 1
            note(look)
        }
        broken.sort { $0.page < $1.page }
    }

    private mutating func note(_ look: Look) {
        switch look {
        case .broken(let page, let reason):
            pagesRead += 1
            broken.append((page, reason))
        case .unsupported(let page): unsupported.append(page)
        case .remains: pagesRead += 1
        case .whole, .overflow, .nothing: break
        }
    }

    /// Looks at pages on all cores, and hands out what it saw in their order.
    private static func forEach(
        _ pages: [UInt32], _ store: PageStore, progress: () throws -> Void,
        _ look: @escaping @Sendable (UInt32, PageStore) -> Look, _ body: (Look) -> Void
    ) throws {
        for start in stride(from: 0, to: pages.count, by: window) {
            try progress()
            let part = Array(pages[start..<min(start + window, pages.count)])
            let looks = PageSlices.map(part.count, of: store) { places, store in
                part[places].map { look($0, store) }
            }
            for look in looks.joined() { body(look) }
        }
    }

    private static func look(_ page: UInt32, _ store: PageStore) -> Look {
        guard let kind = try? store.page(page).kind else { return .broken(page, "could not be read from the disk") }
        switch kind {
        case .absent, .empty, .plain: return .nothing
        case .compressed, .unknownVersion: return .unsupported(page)
        case .unrecognized: return .broken(page, "is no page of BlazeDB's")
        case .overflow: return .overflow(page)
        case .record: break
        }
        do throws(RecordFailure) {
            let stored = try RecordReader(store: store).record(main: page)
            // What is authentic and no record is the remains of one: nobody misses it.
            guard let record = stored.bytes.withUnsafeBytes({ try? RecordCodec.decodeNoting($0) })?.record,
                let id = record.id
            else { return .remains }
            return .whole(Whole(page: page, id: id, updated: record.updated), chain: stored.chain)
        } catch {
            // A page of its chain is looked at on its own.
            guard error.page == page, error.isUnauthentic || error.name == .readError else { return .remains }
            return .broken(page, error.reason)
        }
    }

    private static func lookAtPiece(_ page: UInt32, _ store: PageStore) -> Look {
        guard let (view, kind) = try? store.page(page) else {
            return .broken(page, "could not be read from the disk")
        }
        guard kind == .overflow else { return .nothing }
        return store.cipher.openOverflow(view) == nil ? .broken(page, "does not authenticate") : .remains
    }
}
