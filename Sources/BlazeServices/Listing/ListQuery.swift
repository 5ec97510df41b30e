internal import BlazePlatform
internal import SystemPackage

/// What a user wants of the list of databases: which, in which order, under which headings.
public struct ListQuery: Sendable {
    /// How a list is ordered. The path decides between equals.
    public enum Order: Sendable, CaseIterable {
        /// By name.
        case name
        /// The largest first.
        case size
        /// Those with the most records first.
        case records
        /// Those that changed last first.
        case changed
        /// By path.
        case path
    }

    /// What a list is grouped by.
    public enum Grouping: Sendable {
        /// The directory that a database lies in.
        case directory
        /// The app that it belongs to.
        case app
    }

    /// What must hold.
    public var filter: ListFilter
    /// What is looked for; nil for no search.
    public var search: FuzzySearch?
    /// Tags that a database must all have.
    public var tags: Set<String> = []
    /// The order; nil for the rank of a search, else the path.
    public var order: Order?
    /// Whether the order is turned round.
    public var isReversed = false
    /// The headings.
    public var grouping: Grouping?
    /// Seconds for which nothing has changed and nobody uses it now.
    public var unusedSeconds: UInt64?

    /// All databases that a filter holds for, by path.
    public init(filter: ListFilter) {
        self.filter = filter
    }

    /// Rows under one heading.
    public struct Group: Sendable, Equatable {
        /// The heading.
        public let title: String
        /// How many rows.
        public var count: Int
    }

    /// The databases that are wanted, as indexes into `databases` in the order asked for, and their headings.
    ///
    /// - Parameter now: nanoseconds since 1970.
    public func choose(from databases: [ListedDatabase], now: Int64) -> (indexes: [Int], groups: [Group]) {
        var rows: [Row] = []
        for (index, database) in databases.enumerated() where isWanted(database, now) {
            let rank = search.map { $0.rank(of: database) }
            if case .some(.none) = rank { continue }
            rows.append(
                Row(
                    index: index, database: database, rank: (rank ?? nil) ?? 0,
                    group: grouping.map { Self.title(database, $0) }))
        }
        rows.sort(by: precedes)
        var groups: [Group] = []
        for row in rows {
            guard let title = row.group else { break }
            if groups.last?.title == title {
                groups[groups.count - 1].count += 1
            } else {
                groups.append(Group(title: title, count: 1))
            }
        }
        return (rows.map(\.index), groups)
    }

    private struct Row {
        let index: Int
        let database: ListedDatabase
        let rank: Int
        let group: String?
    }

    private func isWanted(_ database: ListedDatabase, _ now: Int64) -> Bool {
        if let unusedSeconds {
            guard let modified = database.modified, !database.isUnlocked, !database.isHeld,
                ListFilter.age(of: modified, now: now) >= unusedSeconds
            else { return false }
        }
        return tags.isSubset(of: database.tags) && filter.holds(for: database, now: now)
    }

    private static func title(_ database: ListedDatabase, _ grouping: Grouping) -> String {
        switch grouping {
        case .directory: database.path.removingLastComponent().displayString
        case .app: database.app ?? ""
        }
    }

    /// Groups stand in the order of their titles, those without one last, whatever the order within.
    private func precedes(_ a: Row, _ b: Row) -> Bool {
        if let x = a.group, let y = b.group, x != y { return x.isEmpty ? false : y.isEmpty ? true : x < y }
        let (x, y) = (a.database, b.database)
        switch order {
        case .name: if x.name != y.name { return (x.name < y.name) != isReversed }
        case .size: if let answer = larger(x.size, y.size) { return answer }
        case .records: if let answer = larger(x.records, y.records) { return answer }
        case .changed: if let answer = larger(x.modified, y.modified) { return answer }
        case .path: break
        case nil: if a.rank != b.rank { return (a.rank > b.rank) != isReversed }
        }
        let byPath = x.path.bytes.lexicographicallyPrecedes(y.path.bytes)
        return (order == .path || order == nil && search == nil) && isReversed
            ? y.path.bytes.lexicographicallyPrecedes(x.path.bytes) : byPath
    }

    /// Whether `a` comes first as the larger one; nil when they are equal. What is unknown comes last either way.
    private func larger<N: Comparable>(_ a: N?, _ b: N?) -> Bool? {
        switch (a, b) {
        case (let a?, let b?): a == b ? nil : (a > b) != isReversed
        case (nil, nil): nil
        case (.some, nil): true
        case (nil, .some): false
        }
    }
}
