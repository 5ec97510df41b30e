internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension FilePath {
    /// BlazeDB would take a file named like one of the database's own for just that: what is written out must not become its WAL.
    func refuseAsFile(of row: WireDatabaseRow) throws {
        guard let data = FilePath(bytes: [UInt8](row.path)), let name = data.withoutExtension.lastComponent else {
            return
        }
        let target = canonical(from: "/")
        guard target.removingLastComponent() == data.removingLastComponent(),
            let own = target.lastComponent, own.string.hasPrefix(name.string + ".")
        else { return }
        let after = own.string.dropFirst(name.string.count + 1)
        guard
            after.hasPrefix("vacuum") || ["meta", "salt", "wal", "indexes", "meta.indexes", "blazedb"].contains(after)
        else { return }
        throw CommandFailure(
            .usage, "database-file", "\(displayString) is where BlazeDB keeps a file of that database",
            hint: "choose another name", target: displayString)
    }
}
