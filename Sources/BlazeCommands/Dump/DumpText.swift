/// What is told of dumps and imports, in words.
enum DumpText {
    /// What a .blazedump does not keep of values, by the name that the agent has for it.
    static func loss(_ name: String) -> String {
        switch name {
        case "date": "dates become text of whole seconds"
        case "date-fraction": "dates lose their fraction of a second"
        case "data": "data becomes base64 text, and stays text"
        case "whole-double": "doubles without a fraction become ints"
        case "uuid-text": "texts of a UUID's form become UUIDs"
        case "date-text": "texts of a moment's form become dates"
        case "number-array": "arrays of numbers, or empty ones, are read as vectors by BlazeDB"
        case "vector": "vectors become arrays of numbers"
        case "refused-text":
            "texts make BlazeDB 2.8.1 take the dump for altered: lower-case UUIDs, moments with an offset"
        default: name
        }
    }
}
