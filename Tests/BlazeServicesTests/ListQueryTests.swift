import BlazePlatform
import BlazeServices
import SystemPackage
import TestSupport
import Testing

@Suite struct ListQueryTests {
    static let day: Int64 = 86_400_000_000_000
    static let now: Int64 = 20_000 * day

    static func database(
        _ path: String, size: UInt64? = nil, records: UInt64? = nil, days: Int64? = nil, app: String? = nil
    ) -> ListedDatabase {
        let file = FilePath(path)
        var out = ListedDatabase(path: file, name: file.withoutExtension.lastComponent?.string ?? "")
        out.size = size
        out.records = records
        out.modified = days.map { now - $0 * day }
        out.app = app
        return out
    }

    static let all = [
        database("/b/one.blazedb", size: 10, records: 3, days: 1, app: "Mail"),
        database("/a/two.blazedb", size: 30, records: nil, days: 100, app: nil),
        database("/a/three.blazedb", size: nil, records: 9, days: nil, app: "Mail"),
        database("/c/four.blazedb", size: 30, records: 1, days: 400, app: "Chat"),
    ]

    func names(_ change: (inout ListQuery) -> Void, of databases: [ListedDatabase] = all) throws -> [String] {
        var query = ListQuery(filter: try ListFilter(""))
        change(&query)
        return query.choose(from: databases, now: Self.now).indexes.map { databases[$0].name }
    }

    @Test func orders() throws {
        #expect(try names { _ in } == ["three", "two", "one", "four"])
        #expect(try names { $0.isReversed = true } == ["four", "one", "two", "three"])
        #expect(try names { $0.order = .path } == ["three", "two", "one", "four"])
        #expect(try names { $0.order = .name } == ["four", "one", "three", "two"])
        #expect(try names { $0.order = .size } == ["two", "four", "one", "three"])
        #expect(try names { $0.order = .records } == ["three", "one", "four", "two"])
        #expect(try names { $0.order = .changed } == ["one", "two", "four", "three"])
    }

    @Test func whatIsUnknownComesLastEitherWay() throws {
        for reversed in [false, true] {
            for (order, last) in [(ListQuery.Order.size, "three"), (.records, "two"), (.changed, "three")] {
                let seen = try names {
                    $0.order = order
                    $0.isReversed = reversed
                }
                #expect(seen.last == last)
            }
        }
    }

    @Test func unusedSince() throws {
        #expect(try names { $0.unusedSeconds = 90 * 86_400 } == ["two", "four"])
        #expect(try names { $0.unusedSeconds = 0 } == ["two", "one", "four"])
        var used = Self.all
        used[1].isUnlocked = true
        used[3].isHeld = true
        #expect(try names({ $0.unusedSeconds = 90 * 86_400 }, of: used) == [])
    }

    @Test func tagsMustAllBeThere() throws {
        var tagged = Self.all
        tagged[0].tags = ["x", "y"]
        tagged[1].tags = ["x"]
        #expect(try names({ $0.tags = ["x"] }, of: tagged) == ["two", "one"])
        #expect(try names({ $0.tags = ["x", "y"] }, of: tagged) == ["one"])
    }

    @Test func groups() throws {
        var query = ListQuery(filter: try ListFilter(""))
        query.grouping = .directory
        query.order = .size
        var chosen = query.choose(from: Self.all, now: Self.now)
        #expect(chosen.groups.map(\.title) == ["/a", "/b", "/c"] && chosen.groups.map(\.count) == [2, 1, 1])
        #expect(chosen.indexes == [1, 2, 0, 3])
        query.grouping = .app
        chosen = query.choose(from: Self.all, now: Self.now)
        #expect(chosen.groups.map(\.title) == ["Chat", "Mail", ""] && chosen.groups.map(\.count) == [1, 2, 1])
    }

    // MARK: Search

    func found(_ text: String, in names: [String]) throws -> [String] {
        let databases = names.map { Self.database("/d/\($0).blazedb") }
        return try self.names({ $0.search = FuzzySearch(text) }, of: databases)
    }

    @Test func lettersInOrder() throws {
        #expect(try found("nts", in: ["notes", "stone", "events"]) == ["events", "notes"])
        #expect(try found("NTS", in: ["notes"]) == ["notes"])
        #expect(try found("n t s", in: ["notes"]) == ["notes"])
        #expect(try found("xyz", in: ["notes"]) == [])
        #expect(try found("", in: ["b", "a"]) == ["a", "b"])
    }

    @Test func theBetterFitComesFirst() throws {
        // In a row before apart, at the start of words before inside of them.
        #expect(try found("log", in: ["l-o-n-g", "catalog", "log"]) == ["log", "catalog", "l-o-n-g"])
        #expect(try found("mb", in: ["mobile", "mail-box", "mailBox"]).last == "mobile")
        #expect(try found("cat", in: ["scatter", "my-cat"]) == ["my-cat", "scatter"])
    }

    @Test func theNameCountsMoreThanThePath() throws {
        let databases = [
            Self.database("/mail/x.blazedb"), Self.database("/z/mail.blazedb"), Self.database("/z/m-a-i-l.blazedb"),
        ]
        #expect(try names({ $0.search = FuzzySearch("mail") }, of: databases) == ["mail", "m-a-i-l", "x"])
    }

    @Test func aSearchTakesLongTexts() throws {
        let long = String(repeating: "ab", count: 2000)
        #expect(try found(long, in: ["a"]) == [])
        #expect(FuzzySearch("ab").rank(of: ListedDatabase(path: FilePath("/\(long)"), name: long)) != nil)
    }

    // MARK: Apps

    @Test func appsByPlaceThenByHolder() {
        let paths = AgentPaths(environment: [:], home: "/h/u", userID: 1, platform: .xdg)
        let apps = OwningApp(paths: paths)
        for (path, app) in [
            ("/h/u/.local/share/Mail/db/x.blazedb", "Mail"), ("/h/u/.local/share/blazedb/Chat/x.blazedb", "Chat"),
            ("/h/u/.config/tool/x.blazedb", "tool"), ("/h/u/Developer/Proj/data/x.blazedb", "Proj"),
            ("/h/u/Library/Application Support/App/x.blazedb", "App"),
        ] {
            #expect(apps.name(of: FilePath(path), lastHolder: "/usr/bin/other") == app)
        }
        for path in ["/h/u/.local/share/blazedb/x.blazedb", "/h/u/.local/share/x.blazedb", "/srv/x.blazedb"] {
            #expect(apps.name(of: FilePath(path), lastHolder: nil) == nil)
            #expect(apps.name(of: FilePath(path), lastHolder: "/usr/bin/holder") == "holder")
        }
    }
}
