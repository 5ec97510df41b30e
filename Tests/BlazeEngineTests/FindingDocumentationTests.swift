import BlazeModel
import Foundation
import SystemPackage
import Testing

@testable import BlazeEngine

/// docs/findings.md explains every finding that there is, and no other.
@Suite struct FindingDocumentationTests {
    @Test func everyFindingIsExplained() throws {
        let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
        let text = try String(contentsOfFile: root.appending("docs").appending("findings.md").string, encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let names = rows.map { row in String(row.dropFirst(3).prefix { $0 != "`" }) }
        #expect(names == Finding.Name.all.map(\.rawValue))
        #expect(Set(names).count == names.count)
        for row in rows {
            #expect(row.split(separator: "|", omittingEmptySubsequences: false).count == 7, "\(row)")
        }
    }
}
