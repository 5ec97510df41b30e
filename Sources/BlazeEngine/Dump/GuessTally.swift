internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What an import guessed, by field. Never a value; keys inside of a field are not told either, as they may be values.
public struct GuessReport: Sendable {
    /// The guesses of one kind in one field.
    public struct Entry: Sendable, Hashable {
        /// The record's field, at most 256 bytes of its name.
        public let field: String
        /// Why it is a guess.
        public let guess: Guess
        /// What the values became.
        public let type: String
        /// What they may have been instead.
        public let instead: String
        /// How many values.
        public let count: UInt64
    }

    /// Sorted by field.
    public internal(set) var entries: [Entry] = []
    /// Guesses in fields beyond `EngineLimits.guessedFields`.
    public internal(set) var further: UInt64 = 0
    /// All guesses.
    public var total: UInt64 { entries.reduce(further) { $0 + $1.count } }
}

/// Counts guesses, and takes records out of JSON without types.
struct GuessTally {
    private static let longestName = 256
    private var counts: [String: SIMD8<UInt64>] = [:]
    private var further: UInt64 = 0

    /// The record of a JSON object.
    mutating func record<Rules: GuessRules>(
        _: Rules.Type, of bytes: [UInt8], at place: InputPlace
    ) throws(EngineError) -> Record {
        var members: [(name: String, node: GuessedNode<Rules>)] = []
        var scanner = JSONScanner(bytes)
        guard scanner.peek() == UInt8(ascii: "{") else { throw place.malformed("expected a record: an object") }
        var names: Set<[UInt8]> = []
        do throws(JSONError) {
            try scanner.members { (s: inout JSONScanner, key: JSONText) throws(JSONError) in
                let name = try s.text(key)
                guard names.insert(Array(name.utf8)).inserted else { throw s.failed("each field once") }
                let node = try s.tree(GuessedNode<Rules>.self)
                if let wrong = node.wrong { throw s.failed("no value that holds \(wrong)") }
                members.append((name, node))
            }
            try scanner.expectEnd()
        } catch {
            let passed = bytes[..<min(error.offset, bytes.count)].count { $0 == 0x0A }
            throw InputPlace(line: place.line + UInt64(passed), offset: place.offset)
                .malformed("expected \(error.expected)", plus: error.offset)
        }
        takeKeyValue(&members)
        for (name, node) in members where name != "id" { note(name, node.guesses) }
        return Record(fields: members.map { Field($0.name, $0.node.value) })
    }

    /// A byte key-value record says itself that its value is data (FORMAT.md 4.1).
    private func takeKeyValue<Rules: GuessRules>(_ members: inout [(name: String, node: GuessedNode<Rules>)]) {
        guard Rules.readsDump,
            members.contains(where: { $0.name == "_blazeKind" && $0.node.value == .string("_kv") }),
            let place = members.firstIndex(where: { $0.name == "_kvValue" }),
            case .string(let text) = members[place].node.value, let data = Data(base64Encoded: text)
        else { return }
        members[place].node = GuessedNode(value: .data([UInt8](data)))
        members[place].node.guesses[Guess.keyValueData.rawValue] = 1
    }

    private mutating func note(_ name: String, _ guesses: SIMD8<UInt32>) {
        guard guesses != SIMD8() else { return }
        let short = String(decoding: name.utf8.prefix(Self.longestName), as: UTF8.self)
        let more = SIMD8<UInt64>(truncatingIfNeeded: guesses)
        guard counts[short] != nil || counts.count < EngineLimits.guessedFields else {
            further += more.wrappedSum()
            return
        }
        counts[short, default: SIMD8()] &+= more
    }

    func report(readsDump: Bool) -> GuessReport {
        var out = GuessReport()
        out.further = further
        for (field, found) in counts.sorted(by: { JSONValue.utf8Order($0.key, $1.key) }) {
            for guess in Guess.allCases where found[guess.rawValue] > 0 {
                let (type, instead) = guess.types(readsDump: readsDump)
                out.entries.append(
                    .init(field: field, guess: guess, type: type, instead: instead, count: found[guess.rawValue]))
            }
        }
        return out
    }
}

extension Guess {
    /// What a value became, and what it may have been.
    fileprivate func types(readsDump: Bool) -> (String, String) {
        switch self {
        case .uuidText: readsDump ? ("uuid", "string") : ("string", "uuid")
        case .dateText: readsDump ? ("date", "string") : ("string", "date")
        case .base64Text: ("string", "data")
        case .wholeNumber: ("int", "double")
        case .numberArray: ("array", "vector")
        case .hugeNumber: ("double", "int")
        case .keyValueData: ("data", "string")
        }
    }
}
