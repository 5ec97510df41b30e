import BlazeModel
import TestSupport
import Testing

@testable import BlazeEngine

/// JSON that comes from anywhere: errors have positions, depth has a bound, and nothing is read past the end.
@Suite struct JSONScannerTests {
    @Test(
        arguments: [
            ("", 0), ("  ", 2), ("{", 1), ("{\"a\"", 4), ("{\"a\":", 5), ("{\"a\":1", 6), ("{\"a\":1,", 7),
            ("{a:1}", 1),
            ("[1 2]", 3), ("[1,]", 3), ("nul", 0), ("truex", 4), ("01", 0), ("-", 0), ("1.", 2), ("1e", 2), ("1e+", 3),
            ("\"abc", 4), ("\"a\nb\"", 2), ("\"\\x\"", 1), ("\"\\u12g4\"", 1), ("\"\\", 2), ("\"\\u12", 1), ("[1]]", 3),
            ("\"a\" \"b\"", 4), ("{\"a\":1}}", 7), ("[1}", 2), ("{\"a\" 1}", 5), ("NaN", 0), ("+1", 0), (".5", 0),
        ] as [(String, Int)])
    func tellsWhere(_ text: String, _ offset: Int) {
        for usesTree in [false, true] {
            let error = #expect(throws: JSONError.self) {
                var scanner = JSONScanner(Array(text.utf8))
                if usesTree { _ = try scanner.value() } else { try scanner.skipValue() }
                try scanner.expectEnd()
            }
            #expect(error?.offset == offset, "tree: \(usesTree)")
        }
    }

    @Test(arguments: [
        "null", "true", " false ", "0", "-0", "12.5e-3", "\"\"", "[]", "{}", "[[],{}]",
        "[1,[2,[3]],{\"a\":{\"b\":[]}}]",
        "{\"a\":\"\\u00e9\\ud83d\\ude00\\n\\/\",\"b\":null}", "\"exactly eight chars and more\"",
        "\"\u{7F}\u{80}\u{FF}\"",
    ])
    func accepts(_ text: String) throws {
        var skipping = JSONScanner(Array(text.utf8))
        try skipping.skipValue()
        try skipping.expectEnd()
        var building = JSONScanner(Array(text.utf8))
        _ = try building.value()
        try building.expectEnd()
    }

    @Test func resolvesEscapes() throws {
        var scanner = JSONScanner(Array(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00x""#.utf8))
        #expect(try scanner.text(try scanner.string()) == "\"\\/\u{8}\u{C}\n\r\t\u{E9}\u{1F600}x")
    }

    @Test(arguments: [#""\ud83d""#, #""\ud83dx""#, #""\ude00""#, #""\ud83d\u0041""#]) func refusesLoneSurrogates(
        _ text: String
    ) {
        #expect(throws: JSONError.self) {
            var scanner = JSONScanner(Array(text.utf8))
            _ = try scanner.value()
        }
    }

    @Test func refusesInvalidUTF8() {
        let error = #expect(throws: JSONError.self) {
            var scanner = JSONScanner([0x22, 0x61, 0xC3, 0x28, 0x22])
            _ = try scanner.value()
        }
        #expect(error?.offset == 1)
    }

    /// Every length and place around the eight bytes that are looked at together.
    @Test func findsTheEndOfAString() throws {
        for length in 0..<40 {
            for special in 0..<length {
                for byte in [UInt8(0x22), 0x5C, 0x00, 0x1F, 0x20, 0x21, 0x23, 0x80, 0xFF] {
                    var body = [UInt8](repeating: 0x61, count: length)
                    body[special] = byte
                    var scanner = JSONScanner([0x22] + body + [0x22, 0x22])
                    let end: Int?
                    switch byte {
                    case 0x22: end = special
                    case 0x00, 0x1F: end = nil
                    case 0x5C: end = nil
                    default: end = length
                    }
                    let text = try? scanner.string()
                    if byte == 0x5C, special == length - 1 {
                        #expect(text?.range.count == length + 1)
                    } else {
                        #expect(text?.range.count == end)
                    }
                }
            }
        }
    }

    @Test func boundsNesting() throws {
        let limit = EngineLimits.nesting
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for depth in [limit, limit + 1, 100_000] {
                let text = String(repeating: open, count: depth) + "1" + String(repeating: close, count: depth)
                var skipping = JSONScanner(Array(text.utf8))
                let skipped = (try? skipping.skipValue()) != nil
                var building = JSONScanner(Array(text.utf8))
                let built = (try? building.value()) != nil
                #expect(skipped == (depth <= limit) && built == (depth <= limit))
            }
        }
    }

    @Test func keepsNumbersExact() throws {
        var scanner = JSONScanner(Array("[9007199254740993,18446744073709551615,-1,1.0,1e3,1.5,4294967296]".utf8))
        let numbers = try #require(try scanner.value().array)
        #expect(numbers[0].integer == 9_007_199_254_740_993)
        #expect(numbers[1].integer == nil && numbers[2].integer == -1 && numbers[3].integer == 1)
        #expect(numbers[4].integer == 1000 && numbers[5].integer == nil)
    }

    /// Nothing that is cut off or flipped makes the scanner do anything but succeed or throw.
    @Test func survivesAnything() throws {
        let text = Array(#"{"a":[1,2.5e3,"x\u00e9\n",{"b":null,"c":[true,false,[]]}],"d":{},"e":"\ud83d\ude00"}"#.utf8)
        var generator = SeededGenerator.printed()
        for _ in 0..<testRounds(5000) {
            var bytes = Array(text.prefix(Int.random(in: 0...text.count, using: &generator)))
            for _ in 0..<Int.random(in: 0..<4, using: &generator) where !bytes.isEmpty {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            var skipping = JSONScanner(bytes)
            let skipped = (try? skipping.skipValue()) != nil
            var building = JSONScanner(bytes)
            // Building checks text as well, so it refuses more, and never accepts what skipping refuses.
            if (try? building.value()) != nil { #expect(skipped && building.position == skipping.position) }
        }
    }
}
