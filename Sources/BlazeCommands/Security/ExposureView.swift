internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// What `security exposure` shows.
enum ExposureView {
    static func fields(_ reply: WireExposureReply, _ findings: [Finding]) -> [String: JSONValue] {
        var fields = reply.row.identityFields
        fields["files"] = .array(reply.files.map(\.json))
        fields["directory"] = reply.hasDirectory ? reply.directory.json : .null
        fields["indexes"] = .array(reply.indexes.map(\.json))
        fields["search_words"] = .optional(reply.hasSearchWords ? reply.searchWords : nil)
        fields["record_ids"] = .optional(reply.hasRecordIds ? reply.recordIds : nil)
        fields["mirror"] = .bool(reply.mirror)
        fields["texts"] = .array(reply.texts.map(\.json))
        fields["signature_verified"] = .bool(false)
        fields["findings"] = findings.json
        return fields
    }

    static func lines(_ reply: WireExposureReply, _ findings: [Finding], _ style: Style) -> [String] {
        var names = AccountCache()
        var out = files(reply, &names).lines(style: style)
        // The unsigned copy mostly says the same again.
        let told = reply.texts.filter { $0.part != "layout" || $0.differs || !$0.isBesidePayload(in: reply.texts) }
        if told.contains(where: { !$0.indexes.isEmpty }) { out += indexes(told).lines(style: style) }
        for text in told {
            if text.hasSearchWords {
                let fields = text.searchFields.isEmpty ? "" : " of " + text.searchFields.joined(separator: ", ")
                out.append("\(text.searchWords) search words\(fields) stand in \(text.title) (signature not verified)")
            }
            if text.hasRecordIds {
                out.append("\(text.recordIds) record ids stand in \(text.title) (signature not verified)")
            }
        }
        out += findings.lines(style: style)
        if findings.contains(where: { $0.name.rawValue.hasSuffix("-mode-open") && $0.severity == .advice }) {
            out.append("blazectl security fix-perms closes files and directory to others")
        }
        return out
    }

    private static func files(_ reply: WireExposureReply, _ names: inout AccountCache) -> Table {
        var table = Table([
            .init("WHAT"), .init("FILE"), .init("MODE"), .init("OWNER"), .init("GROUP"), .init("SIZE"),
            .init("READABLE BY"),
        ])
        for file in reply.files + (reply.hasDirectory ? [reply.directory] : []) {
            let cells = [
                file.role, file.name + (file.link ? " (link)" : ""), Style.mode(file.mode), names.user(file.owner),
                names.group(file.group), file.isDirectory ? "-" : Style.size(file.size),
                file.hasReaders ? names.readers(file.readers) : "-",
            ]
            table.add(cells.map { .init($0) })
        }
        return table
    }

    private static func indexes(_ texts: [WireExposedText]) -> Table {
        var table = Table([
            .init("INDEX"), .init("FIELDS"), .init("READABLE KEYS"), .init("RECORDS"), .init("STANDS IN"),
        ])
        for text in texts {
            for index in text.indexes {
                let cells = [
                    index.name, index.fields.joined(separator: ", "), "\(index.keys)", "\(index.entries)", text.title,
                ]
                table.add(cells.map { .init($0) })
            }
        }
        return table
    }

    /// Names of users and groups, each asked for once.
    private struct AccountCache {
        private var users: [UInt32: String] = [:]
        private var groups: [UInt32: String] = [:]

        mutating func user(_ id: UInt32) -> String {
            if let known = users[id] { return known }
            let name = AccountNames.user(id) ?? "\(id)"
            users[id] = name
            return name
        }

        mutating func group(_ id: UInt32) -> String {
            if let known = groups[id] { return known }
            let name = AccountNames.group(id) ?? "\(id)"
            groups[id] = name
            return name
        }

        /// Who besides root may read a file.
        mutating func readers(_ readers: WireFileReaders) -> String {
            var who: [String] = []
            if readers.everyone {
                let except = readers.exceptGroups.map { group($0) }
                who.append("everyone" + (except.isEmpty ? "" : " but group \(except.joined(separator: ", "))"))
            }
            if !readers.groups.isEmpty {
                who.append("group " + readers.groups.map { group($0) }.joined(separator: " with "))
            }
            if !readers.users.isEmpty { who.append("user " + readers.users.map { user($0) }.joined(separator: ", ")) }
            if who.isEmpty { return "owner" }
            return (readers.certain ? "" : "perhaps ") + who.joined(separator: "; ")
        }
    }
}

extension WireExposedFile {
    fileprivate var isDirectory: Bool { role == "directory" || role == "kept-set" }

    fileprivate var name: String {
        role == "directory" ? FilePath.displayString([UInt8](path)) : ExposureName.last([UInt8](path))
    }

    fileprivate var json: JSONValue {
        var fields: [String: JSONValue] = [
            "role": .string(role), "size": .count(size), "mode": .string(Style.octal(mode)), "owner": .count(owner),
            "group": .count(group), "link": .bool(link),
            "others_may_read": hasReaders
                ? .bool(readers.everyone || !readers.groups.isEmpty || !readers.users.isEmpty) : .null,
            "readers": hasReaders ? readers.json : .null,
        ]
        fields.set(path: path)
        return .object(fields)
    }
}

extension WireFileReaders {
    /// Groups by number and, where they have one, by name.
    fileprivate var json: JSONValue {
        func accounts(_ ids: [UInt32], _ name: (UInt32) -> String?) -> JSONValue {
            .array(ids.map { .object(["id": .count($0), "name": .optional(name($0))]) })
        }
        return .object([
            "everyone": .bool(everyone), "except_groups": accounts(exceptGroups, AccountNames.group),
            "groups": accounts(groups, AccountNames.group), "users": accounts(users, AccountNames.user),
            "certain": .bool(certain),
        ])
    }
}

extension WireExposedIndex {
    fileprivate var json: JSONValue {
        .object([
            "name": .string(name), "fields": .array(fields.map { .string($0) }), "keys": .count(keys),
            "entries": .count(entries),
        ])
    }
}

extension WireExposedText {
    fileprivate func isBesidePayload(in all: [WireExposedText]) -> Bool {
        all.contains { $0.path == path && $0.part == "payload" && $0.problem.isEmpty }
    }

    /// The file, and what of it where that is not plain.
    fileprivate var title: String {
        ExposureName.last([UInt8](path)) + (differs ? " (unsigned copy)" : "")
    }

    fileprivate var json: JSONValue {
        var fields: [String: JSONValue] = [
            "role": .string(role), "part": .string(part), "indexes": .array(indexes.map(\.json)),
            "search_words": .optional(hasSearchWords ? searchWords : nil),
            "search_fields": .array(searchFields.map { .string($0) }),
            "record_ids": .optional(hasRecordIds ? recordIds : nil), "differs": .bool(differs),
            "problem": .optional(problem.isEmpty ? nil : problem),
        ]
        fields.set(path: path)
        return .object(fields)
    }
}

/// A path's last component, for a person.
private enum ExposureName {
    static func last(_ bytes: [UInt8]) -> String {
        FilePath(bytes: bytes)?.lastComponent.map { FilePath(root: nil, [$0]).displayString } ?? "-"
    }
}
