internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Records as the JSON of a `.blazedump` (FORMAT.md 7.7): sorted keys, `/` escaped, no spaces, and no types.
struct BlazeDumpText {
    private var counts: [Loss: UInt64] = [:]

    /// What was not kept, in the order of `Loss`.
    var losses: [LossCount] {
        Loss.allCases.compactMap { loss in counts[loss].map { LossCount(loss: loss, count: $0) } }
    }

    /// What is still to be written, the next thing last; depth costs no stack.
    private enum Step {
        case value(Value)
        case name(String)
        case raw(StaticString)
    }

    /// Appends a record. Throws `.notRepresentable`, which names the record and the field, never the value.
    mutating func append(_ record: Record, _ id: RecordID, to out: inout [UInt8]) throws(EngineError) {
        out.append(contentsOf: "{\"storage\":{".utf8)
        for (i, field) in Self.sorted(record.fields).enumerated() {
            if i > 0 { out.append(UInt8(ascii: ",")) }
            JSONQuoting.append(field.name, to: &out)
            out.append(UInt8(ascii: ":"))
            do throws(Unfit) {
                try append(field.value, isID: field.name == "id", to: &out)
            } catch {
                throw EngineError(
                    .notRepresentable,
                    "record \(id), field \(Self.shown(field.name)): \(error.what) cannot be written to a .blazedump",
                    hint: "dump --format lossless keeps it")
            }
        }
        out.append(contentsOf: "}}".utf8)
    }

    private struct Unfit: Error { let what: String }

    private static func shown(_ name: String) -> String {
        let short = String(decoding: name.utf8.prefix(256), as: UTF8.self)
        return short.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : String($0) }.joined()
    }

    /// The last of the fields of each name, in the order that BlazeDB sorts them.
    private static func sorted(_ fields: [Field]) -> [Field] {
        Dictionary(fields.map { (Array($0.name.utf8), $0) }, uniquingKeysWith: { $1 }).values
            .sorted { $0.name < $1.name }
    }

    private mutating func append(_ value: Value, isID: Bool, to out: inout [UInt8]) throws(Unfit) {
        var steps = [Step.value(value)]
        while let step = steps.popLast() {
            switch step {
            case .raw(let text):
                out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            case .name(let name):
                JSONQuoting.append(name, to: &out)
                out.append(UInt8(ascii: ":"))
            case .value(.array(let values)):
                if values.allSatisfy(Self.isNumber) { note(.numberArray) }
                out.append(UInt8(ascii: "["))
                steps.append(.raw("]"))
                for (i, element) in values.enumerated().reversed() {
                    steps.append(.value(element))
                    if i > 0 { steps.append(.raw(",")) }
                }
            case .value(.dictionary(let fields)):
                out.append(UInt8(ascii: "{"))
                steps.append(.raw("}"))
                for (i, field) in Self.sorted(fields).enumerated().reversed() {
                    steps += [.value(field.value), .name(field.name)]
                    if i > 0 { steps.append(.raw(",")) }
                }
            case .value(.string(let text)):
                if !isID { note(text: text) }
                JSONQuoting.append(text, to: &out)
            case .value(let scalar): try append(scalar: scalar, to: &out)
            }
        }
    }

    private static func isNumber(_ value: Value) -> Bool {
        switch value {
        case .int, .double: true
        default: false
        }
    }

    private mutating func note(_ loss: Loss) { counts[loss, default: 0] += 1 }

    private mutating func note(text: String) {
        if TextForms.uuid(text) != nil {
            note(.uuidText)
        } else if RecordID(text) != nil {
            note(.refusedText)
        } else if TextForms.moment(text) != nil {
            note(.dateText)
        } else if text.utf8.last != UInt8(ascii: "Z"), !text.utf8.contains(UInt8(ascii: ".")),
            ISOMoment.seconds(text) != nil
        {
            note(.refusedText)
        }
    }

    private mutating func append(scalar value: Value, to out: inout [UInt8]) throws(Unfit) {
        switch value {
        case .int(let number): out.append(contentsOf: "\(number)".utf8)
        case .double(let number): try append(number, to: &out)
        case .bool(let flag): out.append(contentsOf: (flag ? "true" : "false").utf8)
        case .uuid(let id): JSONQuoting.append("\(id)", to: &out)
        case .date(let seconds):
            guard let text = TextForms.text(moment: seconds) else {
                throw Unfit(what: "a date outside of the years 1 to 9999")
            }
            note(.date)
            if seconds.rounded(.down) != seconds { note(.dateFraction) }
            JSONQuoting.append(text, to: &out)
        case .data(let bytes):
            note(.data)
            JSONQuoting.append(Data(bytes).base64EncodedString(), to: &out)
        case .vector(let vector):
            note(.vector)
            out.append(UInt8(ascii: "["))
            for (i, number) in vector.recovered.enumerated() {
                if i > 0 { out.append(UInt8(ascii: ",")) }
                try append(number, inVector: true, to: &out)
            }
            out.append(UInt8(ascii: "]"))
        case .null, .string, .array, .dictionary: out.append(contentsOf: "null".utf8)
        }
    }

    private mutating func append(_ number: Double, inVector: Bool = false, to out: inout [UInt8]) throws(Unfit) {
        guard number.isFinite else { throw Unfit(what: "a number that is not finite") }
        var text = "\(number)"
        if text.hasSuffix(".0") {
            text.removeLast(2)
            if !inVector { note(.wholeDouble) }
        }
        out.append(contentsOf: text.utf8)
    }
}
