import BlazeModel
import Testing

@Suite struct DatabaseIDTests {
    @Test func textComesBack() throws {
        let id = try #require(DatabaseID(bytes: (0..<16).map { UInt8($0 * 16 + 1) }))
        #expect(id.description == "011121314151617181" + "91a1b1c1d1e1f1")
        #expect(DatabaseID(id.description) == id)
        #expect(DatabaseID(id.description.uppercased()) == id)
    }

    @Test func prefixesOfSixOrMore() throws {
        let id = try #require(DatabaseID(bytes: [UInt8](repeating: 0xAB, count: 16)))
        #expect(id.matches(prefix: "ababab") && id.matches(prefix: "ABABABAB") && id.matches(prefix: id.description))
        #expect(!id.matches(prefix: "ababa"))
        #expect(!id.matches(prefix: "ababac"))
        #expect(!id.matches(prefix: id.description + "a"))
    }

    @Test func otherTextIsNoID() {
        #expect(DatabaseID("") == nil)
        #expect(DatabaseID(String(repeating: "g", count: 32)) == nil)
        #expect(DatabaseID(bytes: [1]) == nil)
    }
}
