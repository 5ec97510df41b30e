public import SystemPackage

/// What filters, searches, orders and groups ask of a database. Figures that are unknown are nil.
public struct ListedDatabase: Sendable, Equatable {
    /// Its data file.
    public var path: FilePath
    /// Its alias, else its file's name without the extension, for people.
    public var name: String
    /// Its id as text.
    public var id: String?
    /// Its tags.
    public var tags: Set<String> = []
    /// Bytes of all its files.
    public var size: UInt64?
    /// How many records its metadata lists.
    public var records: UInt64?
    /// Its last change, in nanoseconds since 1970.
    public var modified: Int64?
    /// `ok`, `missing`, `unreadable` or `damaged`.
    public var state = "ok"
    /// Whether the agent holds its key.
    public var isUnlocked = false
    /// Whether some process holds it now.
    public var isHeld = false
    /// Whether another known database has the same id.
    public var isTwin = false
    /// The app that it belongs to.
    public var app: String?

    /// A database of which nothing more is known.
    public init(path: FilePath, name: String) {
        self.path = path
        self.name = name
    }
}
