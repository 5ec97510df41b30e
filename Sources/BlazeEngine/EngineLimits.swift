/// The limits on what the engine takes from a file, checked before memory is taken for it.
public enum EngineLimits {
    /// The longest metadata file that is read, in bytes.
    public static let metadataBytes: UInt64 = 1 << 30
    /// The longest metadata that is encoded anew to check a version 1 signature, in bytes.
    public static let reencodedMetadataBytes = 16 << 20
    /// The longest settings, index definitions or search fields of the metadata, in bytes: a tree of values takes some
    /// twenty times the memory of its text.
    public static let settingsBytes = 1 << 20
    /// The longest salt, in bytes.
    public static let saltBytes: UInt64 = 64 << 10
    /// The largest PBKDF2 iteration count.
    public static let iterations = 100_000_000
    /// The most pages that all lists of the index may name together (1 TiB of data).
    public static let indexedPages = 1 << 28
    /// The deepest nesting of values and of JSON.
    public static let nesting = 512
    /// The longest string or data value of a record, in bytes (FORMAT.md 4).
    public static let valueBytes = 100_000_000
    /// One more than the most elements of a vector (FORMAT.md 4).
    public static let vectorElements = 1_000_000
    /// The most overflow pages of one record (FORMAT.md 3.1).
    public static let chainPages = 10_000
    /// The most pages of one record's list that are tried as its main page.
    public static let mainPageCandidates = 64
    /// The most places behind garbage in a WAL at which an entry is looked for by its checksum.
    public static let walCandidates = 16_384
    /// The longest payload of a unified-mode WAL entry, in bytes.
    public static let walPayloadBytes: UInt64 = 64 << 10
    /// The most pages outside every list that are remembered one by one while pages are surveyed.
    public static let unlistedPages = 1 << 20
    /// The most pages without a use that gc and vacuum sort, and that a full check reads.
    public static let orphanPages = 1 << 24
    /// The most pages that two records seem to share beside a writer, whose records are read again.
    public static let sharedPageChecks = 256
    /// The most whole records of one id that are held against each other by their time of change.
    public static let duplicateChecks = 256
    /// The most fields of a secondary index whose order is guessed (trap T15).
    public static let permutedFields = 6
    /// The most records with odd headers that are read at a time beside a writer.
    public static let oddRecords = 1024
    /// The most copies of metadata that are looked into for what can be read in them.
    public static let exposedCopies = 64
    /// The most findings of one name and severity that are told one by one; the rest is told as a count.
    public static let findingsPerName = 16
    /// The longest header of a dump, in bytes: the settings and the search index of the metadata are in it.
    public static let dumpHeaderBytes = 256 << 20
    /// The longest record of a text that is imported, in bytes.
    public static let importedRecordBytes = 256 << 20
    /// The longest header or manifest of a `.blazedump`, in bytes.
    public static let dumpTextHeaderBytes = 1 << 20
    /// The most fields of which an import tells one by one what it guessed.
    public static let guessedFields = 1000
    /// The most records that a dump leaves out which are told one by one.
    public static let leftOutRecords = 1000
}
