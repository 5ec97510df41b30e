import BlazeServices
import SystemPackage
import TestSupport
import Testing

@Suite struct ListFilterTests {
    static let now: Int64 = 1_800_000_000_000_000_000
    static let notes: ListedDatabase = {
        var d = ListedDatabase(path: "/home/u/Documents/Notes.blazedb", name: "notes")
        d.id = "941b84db00000000000000000000aaaa"
        d.tags = ["work", "old-2024"]
        d.size = 20 << 20
        d.records = 150
        d.modified = now - 3 * 86_400 * 1_000_000_000
        d.app = "Mail"
        d.isUnlocked = true
        return d
    }()

    @Test(arguments: [
        "", "  ", "notes", "NOTES", "ocument", "note*", "/home/*", "*.blazedb", "N?tes", "name:notes", "path:Documents",
        "\"notes\"", "name:\"notes\"", "tag:work", "tag:old-*", "!tag:x", "id:941b", "id:941B84", "app:mail",
        "state:ok",
        "!state:damaged", "session:unlocked", "!session:locked", "twin:no", "held:no", "records>100", "records>=150",
        "records=150", "records<151", "!records>150", "size>10M", "size<=20M", "age>2d", "age<1w", "age>=3d",
        "notes tag:work records>100", "!notes2", "NAME:notes", "!\"no such\"",
    ])
    func holds(text: String) throws {
        #expect(try ListFilter(text).holds(for: Self.notes, now: Self.now))
    }

    @Test(arguments: [
        "!notes", "nots", "otes*", "tag:wor", "session:locked", "twin:yes", "held:yes", "records>150", "size>20M",
        "age>3d",
        "notes records>150", "id:x", "app:mai?x", "name:documents", "state:missing",
    ])
    func doesNotHold(text: String) throws {
        #expect(try !ListFilter(text).holds(for: Self.notes, now: Self.now))
    }

    @Test(arguments: [
        "records>1", "!records>1", "size<1T", "!size<1T", "age>0s", "!age>0s", "app:x", "!app:x", "id:a", "!id:a",
    ])
    func whatIsUnknownFulfilsNothing(text: String) throws {
        #expect(try !ListFilter(text).holds(for: ListedDatabase(path: "/x.blazedb", name: "x"), now: Self.now))
    }

    @Test(arguments: [
        ("nme:x", 1), ("notes  nme:x", 8), ("!nme:x", 2), ("rec>5", 1), ("records>", 9), ("records>x", 9),
        ("a records>=1.5", 12), ("size>10X", 6), ("age>90", 5), ("age>90y", 5), ("state:broken", 7), ("session:x", 9),
        ("twin:maybe", 6), ("tag:", 5), ("!", 2), ("a !", 4), ("name:\"x", 6), ("\"a\"b", 4), ("records:5", 1),
        ("name>5", 1),
    ])
    func errorsPointAtTheirColumn(text: String, column: Int) throws {
        do {
            _ = try ListFilter(text)
            Issue.record("\(text) was taken")
        } catch {
            #expect(error.column == column, "\(error)")
            #expect(error.description.hasPrefix("filter, column \(column): "))
        }
    }

    @Test func aFarFutureChangeHasNoAge() throws {
        var database = Self.notes
        for modified in [Int64.max, Self.now + 1, Int64.min] {
            database.modified = modified
            #expect(try ListFilter("age<1s").holds(for: database, now: Self.now))
        }
    }

    @Test func anyTextIsAFilterOrAnError() {
        var random = SeededGenerator.printed()
        let pieces = [
            "name", "records", ":", ">", "=", "<", "!", "\"", " ", "*", "[", "10M", "x", "\u{E9}", "\u{1F600}", "\t",
            "-", "]",
        ]
        for _ in 0..<testRounds(2000) {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }.joined()
            do {
                _ = try ListFilter(text).holds(for: Self.notes, now: Self.now)
            } catch {
                #expect(error.column >= 1 && error.column <= text.count + 1, "\(text): \(error)")
            }
        }
        #expect(throws: ListFilterError.self) {
            try ListFilter(String(repeating: "a", count: ListFilter.lengthLimit + 1))
        }
    }
}
