import BlazeModel
import TestSupport
import Testing

@Suite struct RecordIDTests {
    @Test func textAndBytesComeBack() throws {
        let id = try #require(RecordID("00000000-0000-4000-8000-0000000000fF"))
        #expect(id.description == "00000000-0000-4000-8000-0000000000FF")
        #expect(RecordID(bytes: id.bytes) == id)
        #expect(id.bytes.count == 16 && id.bytes[15] == 0xFF && id.bytes[6] == 0x40)
    }

    @Test(arguments: [
        "", "00000000-0000-4000-8000-00000000000", "00000000-0000-4000-8000-0000000000000",
        "00000000x0000-4000-8000-000000000000", "0000000000000-4000-8000-0000000000000",
        "g0000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-00000000000\u{0664}",
    ])
    func otherTextIsNoID(_ text: String) {
        #expect(RecordID(text) == nil)
    }

    @Test func orderIsTextOrder() {
        var random = SeededGenerator.printed()
        let ids = (0..<500).map { _ in RecordID(high: random.next(), low: random.next()) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }

    @Test func onlySixteenBytes() {
        #expect(RecordID(bytes: [UInt8](repeating: 0, count: 15)) == nil)
        #expect(RecordID(bytes: [UInt8](repeating: 0, count: 17)) == nil)
    }
}
