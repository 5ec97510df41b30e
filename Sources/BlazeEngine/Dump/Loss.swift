/// What a `.blazedump` does not keep (FORMAT.md 7.7).
public enum Loss: String, Sendable, Hashable, CaseIterable {
    /// A date becomes text of whole seconds, which is read as a date.
    case date
    /// Of these, dates with a fraction of a second, which is cut off.
    case dateFraction = "date-fraction"
    /// Data becomes base64 text, and stays text.
    case data
    /// A double without a fraction becomes an int.
    case wholeDouble = "whole-double"
    /// A text of a UUID's form becomes a UUID.
    case uuidText = "uuid-text"
    /// A text of a moment's form becomes a date.
    case dateText = "date-text"
    /// An array of numbers, or an empty one, is read as a vector.
    case numberArray = "number-array"
    /// A vector becomes an array of the numbers that were meant.
    case vector
    /// A text that makes BlazeDB 2.8.1 take its own dump for altered: a lower-case UUID, or a moment with an offset.
    case refusedText = "refused-text"
}

/// How many values are not kept.
public struct LossCount: Sendable, Hashable {
    /// In which way.
    public let loss: Loss
    /// How many.
    public let count: UInt64
}
