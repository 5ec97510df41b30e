internal import BlazeModel
internal import BlazePlatform
internal import Synchronization
internal import SystemPackage

/// An unlocked vault: its keys in guarded memory, and what its file says.
///
/// Any number of threads may use it. Reading goes by memory alone; writing takes the lock between processes, applies the
/// change to what is on the disk then, and keeps that in memory. Neither derivations nor the disk hold up a reader, nor
/// `wipe`.
public final class OpenVault: Sendable {
    struct Contents: ~Copyable, Sendable {
        var keys: VaultKeys
        var file: VaultFile
    }

    /// Where the vault is.
    public let store: VaultStore
    let contents: Mutex<Contents?>
    /// One writer at a time; always taken before `contents`, never inside of it.
    private let writers = Mutex(())
    /// When entries were last used, as far as the file does not say so yet.
    let uses = Mutex<[DatabaseID: Int64]>([:])

    init(store: VaultStore, file: VaultFile, keys: consuming VaultKeys) {
        self.store = store
        contents = Mutex(Contents(keys: keys, file: file))
    }

    /// Whether the keys are there.
    public var isOpen: Bool { contents.withLock { $0 != nil } }

    /// Wipes the keys. Every later call throws `locked`; a write that is under way ends, and its outcome is forgotten.
    public func wipe() {
        contents.withLock { $0 = nil }
        uses.withLock { $0 = [:] }
    }

    /// What the file says, as it is in memory; the mode and the generation before are looked up.
    ///
    /// - Throws: `locked`, and what `VaultStore.facts` throws.
    public var facts: VaultFacts {
        get throws(VaultError) {
            let file = try withContents { $0.file }
            return VaultFacts(file, mode: try store.place.read().mode, place: store.place)
        }
    }

    /// Takes in what another process wrote; whether there was something.
    ///
    /// - Throws: `locked`, `changed`, and what `VaultStore.facts` throws.
    @discardableResult
    public func refresh() throws(VaultError) -> Bool {
        try withBase { file, known throws(VaultError) in
            guard file != known else { return false }
            contents.withLock { $0?.file = file }
            return true
        }
    }

    /// Lets `body` use the keys and the file.
    func withContents<R: ~Copyable & Sendable>(
        _ body: (inout Contents) throws(VaultError) -> R
    ) throws(VaultError) -> R {
        try contents.withLock { contents throws(VaultError) in
            guard contents != nil else { throw .locked() }
            return try body(&contents!)
        }
    }

    /// Lets `body` work on the vault as it is on the disk, under the lock between processes.
    ///
    /// - Throws: `changed` when our keys did not write what is there.
    func withBase<R: ~Copyable & Sendable>(
        _ body: (_ file: VaultFile, _ known: VaultFile) throws(VaultError) -> R
    ) throws(VaultError) -> R {
        try writers.withLock { _ throws(VaultError) in
            let known = try withContents { $0.file }
            try store.place.checkDirectory()
            let lock = try store.place.lock()
            defer { withExtendedLifetime(lock) {} }
            let file = try store.place.read().file
            if file != known {
                let isOurs = try withContents { $0.keys.wrote(file.bytes) && $0.file.image.id == file.image.id }
                guard isOurs else {
                    throw VaultError(
                        .changed, "another process gave the vault other keys, or put another vault in its place",
                        hint: "lock and unlock it again", path: store.path)
                }
            }
            return try body(file, known)
        }
    }

    /// Changes the vault as it is on the disk.
    func change<R: ~Copyable & Sendable>(
        forgets: Bool = false, _ edit: (inout VaultImage, inout VaultKeys) throws(VaultError) -> R
    ) throws(VaultError) -> R {
        try withBase { file, _ throws(VaultError) in try commit(file, forgets: forgets, edit) }
    }

    /// Writes what `edit` makes of a file, and takes it in. Called under the lock between processes.
    func commit<R: ~Copyable & Sendable>(
        _ base: VaultFile, forgets: Bool, _ edit: (inout VaultImage, inout VaultKeys) throws(VaultError) -> R
    ) throws(VaultError) -> R {
        let pending = uses.withLock { $0 }
        var next: VaultFile?
        let result = try withContents { contents throws(VaultError) in
            var image = base.image
            try image.note(pending, keys: &contents.keys)
            let result = try edit(&image, &contents.keys)
            next = try contents.keys.file(of: image, after: [base, contents.file])
            return result
        }
        try write(next, over: base, forgets: forgets, with: nil)
        settle(pending)
        return result
    }

    /// Writes a file and takes it in, with new keys where there are some; also when a call failed behind the rename,
    /// because the path names the new file then.
    func write(
        _ next: VaultFile?, over base: VaultFile, forgets: Bool, with keys: consuming VaultKeys?
    ) throws(VaultError) {
        guard let next else { return }
        var keys = keys
        var isReplaced = false
        defer {
            if isReplaced {
                contents.withLock { contents in
                    guard contents != nil else { return }
                    contents!.file = next
                    if let fresh = keys.take() { contents!.keys = fresh }
                }
            }
        }
        try store.place.replace(base, with: next, forgets: forgets, isReplaced: &isReplaced)
    }

    /// Forgets uses that were written.
    func settle(_ written: [DatabaseID: Int64]) {
        uses.withLock { uses in
            for (identity, time) in written where uses[identity] == time { uses[identity] = nil }
        }
    }
}

extension VaultKeys {
    /// The file of the next generation: higher than those of `others`, so that none is there twice.
    mutating func file(of image: VaultImage, after others: [VaultFile]) throws(VaultError) -> VaultFile {
        var image = image
        let highest = others.map(\.image.generation).max() ?? 0
        let (generation, overflow) = highest.addingReportingOverflow(1)
        guard !overflow else { throw .malformed("its generation cannot be counted up") }
        image.generation = generation
        return try VaultFile(image, keys: &self)
    }
}
