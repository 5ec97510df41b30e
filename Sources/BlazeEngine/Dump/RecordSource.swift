internal import BlazeModel

/// A record on its way into a new database.
struct IncomingRecord {
    let id: RecordID
    /// As it will be stored.
    let bytes: [UInt8]
    let place: InputPlace
}

/// What an import takes records from.
protocol RecordSource {
    /// The next record; nil at the end, once everything that tells whether the source is whole was held against it.
    mutating func next() throws -> IncomingRecord?
    /// Metadata for the new database; what it says is known at the end.
    var image: MetadataImage { get }
    /// Whether two records of one id were found by the source itself.
    var ascends: Bool { get }
    /// What is to be told of it at the end.
    func tell(_ report: inout Import.Report)
}
