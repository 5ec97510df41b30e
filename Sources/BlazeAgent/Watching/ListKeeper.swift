internal import BlazeEngine
internal import BlazePlatform
internal import BlazeProtocol
internal import BlazeServices
internal import Logging
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Keeps the rows of the known databases current: from the system's notices about their directories, and for directories
/// without notices by looking from time to time. Lives on one thread.
final class ListKeeper {
    /// Notices that come within this time are answered together, so a busy writer costs a few looks a second.
    private static let settling = Duration.milliseconds(200)
    /// How often directories without notices are looked at.
    private static let looking = Duration.seconds(2)
    /// How often it is checked that watched directories still are where they were: a move of a directory further up
    /// comes without a notice.
    private static let checking = Duration.seconds(10)

    private let state: AgentState
    private let wake: WakePipe
    private let watch: DirectoryWatch
    private var rows: [FilePath: WireDatabaseRow] = [:]
    /// The known databases by directory and by their name in it without the extension.
    private var known: [FilePath: [[UInt8]: FilePath]] = [:]
    /// Watched directories, as they were when the watch began.
    private var watched: [FilePath: FileIdentity] = [:]
    /// Directories without notices, and what was seen at the last look.
    private var looked: [FilePath: DirectoryPicture] = [:]
    /// Where databases that were found moved came from.
    private var moves: [FilePath: Recognition] = [:]

    /// A keeper for one run.
    ///
    /// - Parameter usesNotices: false for one that only looks, as where the system gives no notices.
    init(_ state: AgentState, wake: WakePipe, usesNotices: Bool = true) {
        self.state = state
        self.wake = wake
        watch = DirectoryWatch(usesNotices: usesNotices)
    }

    /// Runs until nobody wants it any more.
    func run(publish: ([WireDatabaseRow]) -> Void, isWanted: () -> Bool) {
        let notices = [state.catalog.changes, state.sessions.changes]
        let listeners = notices.map { [wake] in $0.add { wake.wake() } }
        defer { for (notice, listener) in zip(notices, listeners) { notice.remove(listener) } }
        var (checked, lookedAt) = (ContinuousClock.now, ContinuousClock.now)
        takeCatalogue()
        publish(current())
        while isWanted() {
            let ready = waitForInput(
                [wake.descriptor] + (watch.descriptor.map { [$0] } ?? []),
                within: looked.isEmpty ? Self.checking : Self.looking)
            if let descriptor = watch.descriptor, ready.contains(descriptor) {
                _ = waitForInput([wake.descriptor], within: Self.settling)
                take(watch.changes())
            }
            if ContinuousClock.now - lookedAt >= Self.looking {
                look()
                lookedAt = .now
            }
            if ContinuousClock.now - checked >= Self.checking {
                checkPlaces()
                checked = .now
            }
            wake.clear()
            guard isWanted() else { return }
            takeCatalogue()
            publish(current())
        }
    }

    /// The rows with what the catalogue and the sessions say now.
    private func current() -> [WireDatabaseRow] {
        var out = state.catalog.entries().compactMap { entry -> WireDatabaseRow? in
            guard var row = rows[entry.path] else { return nil }
            DatabaseRows.fill(&row, from: entry, at: entry.path, state)
            if let recognition = moves[entry.path] { DatabaseRows.note(recognition, in: &row) }
            return row
        }
        DatabaseRows.noteTwins(in: &out)
        return out
    }

    // MARK: Databases

    /// Brings the set of databases into line with the catalogue.
    private func takeCatalogue() {
        let paths = Set(state.catalog.entries().map(\.path))
        for gone in Set(rows.keys).subtracting(paths) {
            rows[gone] = nil
            moves[gone] = nil
            known[gone.removingLastComponent()]?[stem(gone)] = nil
        }
        let new = paths.subtracting(rows.keys)
        let storage = LeftoverListings(state.storage)
        for path in new {
            let directory = path.removingLastComponent()
            known[directory, default: [:]][stem(path)] = path
            attend(directory)
            read(path, storage)
        }
    }

    private func read(_ path: FilePath, _ storage: any Storage) {
        rows[path] = DatabaseRows.row(for: LocatedDatabase(path: path, state: state), in: storage, state)
    }

    /// Makes databases known that appeared in directories of known ones. What cannot be added is in the agent's log.
    private func add(_ paths: Set<FilePath>) {
        let new = paths.filter { rows[$0] == nil }
        // With a slip in the settings nothing is added, as by a scan.
        guard !new.isEmpty, let excludes = try? state.configuration.load().scanExcludes else { return }
        let scan = DirectoryScan(roots: [], excludes: excludes)
        let storage = LeftoverListings(state.storage)
        let sightings = new.filter { !scan.passesOver($0) }.compactMap { path -> Sighting? in
            guard let summary = try? FileSummary.read(FileSet(data: path), in: storage) else { return nil }
            return Sighting(path, summary)
        }
        guard !sightings.isEmpty else { return }
        do {
            let recognized = try state.catalog.recognize(sightings, isAll: true) {
                DatabaseRows.exists($0, in: state.storage)
            }
            for case let recognition? in recognized where recognition.movedFrom != nil {
                moves[recognition.entry.path] = recognition
                DatabaseRows.endSession(before: recognition, state)
            }
        } catch {
            state.log.warning("found databases were not added", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: Directories

    /// Begins to watch a directory, or to look at it where that cannot be.
    private func attend(_ directory: FilePath) {
        guard watched[directory] == nil, looked[directory] == nil else { return }
        if watch.add(directory), let status = try? state.storage.status(of: directory) {
            watched[directory] = status.identity
        } else {
            looked[directory] = picture(of: directory)
        }
    }

    /// Everything that lies in a directory, or belongs there, may have changed.
    private func readAll(in directory: FilePath) {
        let storage = LeftoverListings(state.storage)
        for path in (known[directory] ?? [:]).values { read(path, storage) }
        add(databases(in: directory))
    }

    private func take(_ changes: DirectoryWatch.Changes) {
        if changes.isIncomplete {
            for directory in watched.keys { readAll(in: directory) }
        }
        for directory in changes.gone {
            watched[directory] = nil
            attend(directory)
            readAll(in: directory)
        }
        let storage = LeftoverListings(state.storage)
        var new: Set<FilePath> = []
        for (directory, names) in changes.entries {
            let here = known[directory] ?? [:]
            var touched: Set<FilePath> = []
            for name in names {
                // Copies made while opening do not tell of which database they are.
                if name.starts(with: "backup_v0_".utf8) || name.starts(with: "txn_".utf8) {
                    touched.formUnion(here.values)
                }
                for dot in name.indices where name[dot] == UInt8(ascii: ".") {
                    if let path = here[Array(name[..<dot])] { touched.insert(path) }
                }
                if let path = database(named: name, in: directory), rows[path] == nil { new.insert(path) }
            }
            for path in touched { read(path, storage) }
        }
        add(new)
        explore(changes.newDirectories)
    }

    /// Looks through directories that appeared in watched ones, and watches them and what is in them.
    private func explore(_ directories: Set<FilePath>) {
        guard !directories.isEmpty else { return }
        guard let excludes = try? state.configuration.load().scanExcludes else { return }
        var pending: [FilePath] = []
        var found: Set<FilePath> = []
        let scan = DirectoryScan(roots: [], excludes: excludes)
        for directory in directories where !scan.passesOver(directory) { pending.append(directory) }
        while let directory = pending.popLast() {
            // Watched first: what appears between the two is noticed then.
            attend(directory)
            found.formUnion(databases(in: directory))
            pending += scan.directories(in: directory)
        }
        add(found)
    }

    private func databases(in directory: FilePath) -> Set<FilePath> {
        guard let names = try? state.storage.names(in: directory) else { return [] }
        return Set(names.compactMap { database(named: FilePath(root: nil, [$0]).bytes, in: directory) })
    }

    /// The database that a name belongs to by its spelling: its own, or that of one whose data file is moved aside.
    private func database(named name: [UInt8], in directory: FilePath) -> FilePath? {
        var name = name
        let aside = Array(".vacuum_backup.blazedb".utf8)
        if name.count > aside.count, name.suffix(aside.count) == aside[...] {
            name = name.dropLast(aside.count) + Array(".blazedb".utf8)
        }
        guard DirectoryScan.isDatabaseName(name), let component = FilePath(bytes: name)?.components.first else {
            return nil
        }
        return directory.appending(component)
    }

    // MARK: Looking

    /// Looks at the directories without notices; one that has some now is watched from then on.
    private func look() {
        for (directory, before) in looked {
            let now = picture(of: directory)
            looked[directory] = nil
            attend(directory)
            if now != before { readAll(in: directory) }
        }
    }

    private func checkPlaces() {
        for (directory, identity) in watched {
            if let status = try? state.storage.status(of: directory), status.identity == identity { continue }
            watch.remove(directory)
            watched[directory] = nil
            attend(directory)
            readAll(in: directory)
        }
    }

    /// What stat tells of a directory and of its databases' files.
    private struct DirectoryPicture: Equatable {
        var directory: FileStatus?
        var files: [FilePath: FileStatus] = [:]
    }

    private func picture(of directory: FilePath) -> DirectoryPicture {
        var out = DirectoryPicture()
        out.directory = (try? state.storage.status(of: directory)) ?? nil
        guard out.directory != nil else { return out }
        for path in (known[directory] ?? [:]).values {
            let files = FileSet(data: path)
            for file in [files.data, files.meta, files.salt, files.wal] {
                if let status = try? state.storage.status(of: file) { out.files[file] = status }
            }
        }
        return out
    }

    private func stem(_ path: FilePath) -> [UInt8] {
        path.withoutExtension.lastComponent.map { FilePath(root: nil, [$0]).bytes } ?? []
    }
}
