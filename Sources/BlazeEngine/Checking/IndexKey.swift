internal import BlazeModel

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// A key of a secondary index, held against the record that stands under it (FORMAT.md 5.2).
///
/// BlazeDB writes each component in a form that loses its type, guesses one when it reads it back, and writes that one the next
/// time. Every value that a component may have come from by that way fits it, so that nothing sound is called stale; some stale
/// ones fit as well, such as the text of a number's date.
struct IndexKey {
    private let components: [JSONValue]

    /// A key as it stands in the metadata, `{"components":[...]}`; nil for anything else.
    init?(_ scanner: JSONScanner) {
        var scanner = scanner
        guard let components = (try? scanner.value())?["components"]?.array else { return nil }
        self.components = components
    }

    /// Whether the record's present values may stand under the key. Where BlazeDB has lost which field a component is of (trap
    /// T15), any order counts, and where there are not as many, it cannot be told, which counts as fitting.
    func fits(_ record: Record, fields: [String]) -> Bool {
        guard components.count == fields.count else { return true }
        let values = fields.map { record[$0] }
        if zip(components, values).allSatisfy(Self.fits) { return true }
        guard components.count > 1 else { return false }
        guard components.count <= EngineLimits.permutedFields else {
            return components.allSatisfy { component in values.contains { Self.fits(component, $0) } }
        }
        return fits(values, from: 0)
    }

    /// Whether the components from a place on fit values in some order, each value once.
    private func fits(_ values: [Value?], from place: Int) -> Bool {
        guard place < components.count else { return true }
        return values.indices.contains { candidate in
            guard Self.fits(components[place], values[candidate]) else { return false }
            var rest = values
            rest.remove(at: candidate)
            return fits(rest, from: place + 1)
        }
    }

    private static func fits(_ component: JSONValue, _ value: Value?) -> Bool {
        switch (component, value) {
        case (.string(let text), .string(let own)): isAlike(text, own)
        case (.string(let text), .uuid(let id)): RecordID(text) == id
        case (.string(let text), .date(let seconds)):
            !ISOMoment.range.contains(seconds)
                || ISOMoment.seconds(text).map { abs($0 - seconds) <= 1 } ?? false
        case (.string(let text), .data(let bytes)): isAlike(text, Data(bytes).base64EncodedString())
        // What has no form of its own, and what an index made anew has for records without the field.
        case (.string(let text), .null), (.string(let text), .array), (.string(let text), .dictionary),
            (.string(let text), .vector), (.string(let text), nil):
            text.isEmpty
        case (.null, .null), (.null, nil): true
        case (.number, .int(let own)):
            component.integer == own || number(component) == Double(own)
        // No JSON has a form for those that are not finite.
        case (_, .double(let own)) where !own.isFinite: true
        case (.number, .double(let own)):
            number(component).map { $0 == own || abs($0 - own) <= abs(own) * 1e-12 } ?? false
        // Databases of 2.8.1 hold dates as seconds since 2001 as well.
        case (.number, .date(let seconds)):
            number(component).map { abs($0 - seconds) <= 1 || !seconds.isFinite } ?? false
        case (.number, .bool(let own)): number(component) == (own ? 1 : 0)
        case (.bool(let flag), .bool(let own)): flag == own
        case (.bool(let flag), .int(let own)): own == (flag ? 1 : 0)
        case (.bool(let flag), .double(let own)): own == (flag ? 1 : 0)
        default: false
        }
    }

    private static func number(_ component: JSONValue) -> Double? {
        guard case .number(let text) = component else { return nil }
        return Double(text)
    }

    /// Whether two texts are one key, or become one when the first is read back as a UUID or a date. Swift's own equality, by
    /// which BlazeDB's dictionaries go, takes composed and decomposed letters as the same.
    private static func isAlike(_ written: String, _ own: String) -> Bool {
        if written == own { return true }
        if let id = RecordID(own) { return RecordID(written) == id }
        if let moment = ISOMoment.seconds(own), let other = ISOMoment.seconds(written) {
            return abs(moment - other) <= 1
        }
        return false
    }
}
