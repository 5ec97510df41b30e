import BlazeEngine
import BlazePlatform
import BlazeServices
import Foundation
import SystemPackage
import TestSupport
import Testing

/// A walk on many threads sees exactly what a simple one sees.
@Suite struct ParallelWalkTests {
    let directory: TemporaryDirectory
    let root: FilePath

    init() throws {
        directory = try TemporaryDirectory()
        root = try #require(directory.path.resolved)
    }

    private static let names = [
        "a.blazedb", "b.BLAZEDB", "c.meta", "d.txt", ".h.blazedb", "backup_v0_1.blazedb", "e.vacuum.blazedb",
        "node_modules",
        "f.blazedb.wal", "txn_in_progress-f-0a.meta", "g.blazedb", "long-name-without-meaning.json",
    ]

    private struct Seen: Equatable {
        var found: Set<FilePath> = []
        var leftovers: Set<FilePath> = []
        var directories: UInt64 = 0
        var files: UInt64 = 0
        var twice = 0
    }

    private func scan(_ roots: [FilePath], workers: Int) -> Seen {
        var seen = Seen()
        let totals = DirectoryScan(roots: roots, excludes: ["node_modules"], workers: workers).run { event in
            switch event {
            case .found(let path): if !seen.found.insert(path).inserted { seen.twice += 1 }
            case .leftover(let path, _): if !seen.leftovers.insert(path).inserted { seen.twice += 1 }
            default: break
            }
            return .go
        }
        seen.directories = totals.directories
        seen.files = totals.files
        return seen
    }

    /// What a recursion over Foundation's listing says.
    private func reference(_ directory: FilePath) throws -> Seen {
        var seen = Seen()
        seen.directories = 1
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.string) {
            let path = directory.appending(name)
            let type = try FileManager.default.attributesOfItem(atPath: path.string)[.type] as? FileAttributeType
            if type == .typeDirectory {
                guard name != "node_modules" else { continue }
                let below = try reference(path)
                seen.found.formUnion(below.found)
                seen.leftovers.formUnion(below.leftovers)
                seen.directories += below.directories
                seen.files += below.files
                continue
            }
            seen.files += 1
            guard type == .typeRegular, name != "node_modules" else { continue }
            if Leftover.Kind(orphan: Array(name.utf8)) != nil {
                seen.leftovers.insert(path)
            } else if name.lowercased().hasSuffix(".blazedb"), !name.hasPrefix(".") {
                seen.found.insert(path)
            }
        }
        return seen
    }

    private func grow(_ directory: FilePath, depth: Int, using random: inout SeededGenerator) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: directory.string, withIntermediateDirectories: true)
        for name in Self.names where Int.random(in: 0..<4, using: &random) == 0 {
            try Data().write(to: URL(fileURLWithPath: directory.appending(name).string))
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            try? manager.createSymbolicLink(atPath: directory.appending("up").string, withDestinationPath: "..")
        }
        guard depth > 0 else { return }
        for i in 0..<Int.random(in: 0...4, using: &random) {
            let name = Int.random(in: 0..<8, using: &random) == 0 ? "node_modules" : "d\(i)"
            let below = directory.appending(name)
            if manager.fileExists(atPath: below.string) { continue }
            try grow(below, depth: depth - 1, using: &random)
        }
    }

    @Test func seesWhatASimpleWalkSees() throws {
        var random = SeededGenerator.printed()
        for round in 0..<testRounds(6) {
            let tree = root.appending("t\(round)")
            try grow(tree, depth: 5, using: &random)
            let wanted = try reference(tree)
            for workers in [0, 1, 2, 8] { #expect(scan([tree], workers: workers) == wanted, "\(workers) threads") }
            // Roots inside one another, in either order, are one.
            let below = tree.appending("d0")
            if FileManager.default.fileExists(atPath: below.string) {
                #expect(scan([tree, below, tree], workers: 4) == wanted)
                #expect(scan([below, tree], workers: 4) == wanted)
            }
        }
    }
}
