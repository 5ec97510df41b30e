public import BlazePlatform
public import SystemPackage

/// Which app a database belongs to: the one in whose data directory it lies, else the program that held it last.
public struct OwningApp: Sendable {
    /// Each child of these is one app's directory.
    private let places: [FilePath]
    /// BlazeDB's own directory: its children are apps' as well, but what lies in it directly tells of none.
    private let shared: FilePath

    /// The usual places of this user's apps.
    public init(paths: AgentPaths) {
        let library = paths.home.appending("Library")
        shared = paths.databases
        places = [
            paths.databases, paths.applications, paths.home.appending(".config"), paths.home.appending("Developer"),
            library.appending("Application Support"), library.appending("Containers"),
            library.appending("Group Containers"),
        ].map { $0.resolved ?? $0 }
    }

    /// The app's name; nil when neither the path nor a holder tells.
    public func name(of database: FilePath, lastHolder: String?) -> String? {
        for place in places where database.starts(with: place) {
            var below = database
            guard below.removePrefix(place), below.components.count >= 2, let app = below.components.first else {
                continue
            }
            if place.appending(app) != (shared.resolved ?? shared) {
                return FilePath(root: nil, [app]).displayString
            }
        }
        guard let lastHolder, let program = FilePath(lastHolder).lastComponent else { return nil }
        return FilePath(root: nil, [program]).displayString
    }
}
