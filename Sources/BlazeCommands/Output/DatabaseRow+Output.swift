internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireDatabaseRow {
    /// The database's id as text.
    var idText: String? { hasID ? DatabaseID(bytes: [UInt8](id))?.description : nil }
    /// The path for people.
    var pathText: String { FilePath.displayString([UInt8](path)) }
    /// The name by which people and messages call it.
    var title: String { hasAlias ? alias : pathText }
    /// The data file's name without its extension.
    var nameText: String {
        guard let file = FilePath(bytes: [UInt8](path)), let name = file.withoutExtension.lastComponent else {
            return ""
        }
        return FilePath(root: nil, [name]).displayString
    }

    var stateText: String {
        switch state {
        case .ok: "ok"
        case .missing: "missing"
        case .damaged: "damaged"
        default: "unreadable"
        }
    }

    var sessionText: String { session == .unlocked ? "unlocked" : "locked" }

    /// The count for people: about, when it may be off; unknown, never 0, when it cannot be read.
    var recordsText: String {
        guard hasRecords else { return "unknown" }
        return recordsEstimated ? "~\(records)" : "\(records)"
    }

    /// The identifying fields.
    var identityFields: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "id": .optional(idText), "alias": .optional(hasAlias ? alias : nil), "name": .string(nameText),
        ]
        fields.set(path: path)
        return fields
    }

    /// The row of `ls` and `scan`.
    var json: JSONValue {
        var fields = identityFields
        fields["tags"] = .strings(tags)
        fields["size"] = .optional(hasSize ? size : nil)
        fields["records"] = .optional(hasRecords ? records : nil)
        fields["records_estimated"] = .bool(hasRecords && recordsEstimated)
        fields["modified"] = .optional(hasModified ? Style.time(nanoseconds: modified) : nil)
        fields["session"] = .string(sessionText)
        fields["state"] = .string(stateText)
        fields["ownership"] = ownershipJSON
        fields["reason"] = .optional(reason.isEmpty ? nil : reason)
        fields.merge(relationFields) { _, new in new }
        return .object(fields)
    }

    /// What the database has to do with others, and whose it is.
    var relationFields: [String: JSONValue] {
        var fields: [String: JSONValue] = [
            "twins": .strings(twins.map { FilePath.displayString([UInt8]($0)) }),
            "twin_count": .count(twinCount), "app": .optional(hasApp ? app : nil),
            "last_holder": .optional(hasLastHolder ? lastHolder : nil),
            "moved_from": .null, "moved_as_file": hasMovedFrom ? .bool(movedAsFile) : .null,
        ]
        if hasMovedFrom { fields.set(path: movedFrom, as: "moved_from") }
        return fields
    }

    /// The data files of its twins, for people.
    var twinsText: String {
        let named = twins.map { FilePath.displayString([UInt8]($0)) }.joined(separator: ", ")
        return Int(twinCount) > twins.count ? "\(named) and \(Int(twinCount) - twins.count) more" : named
    }

    /// The columns of `ls` and `scan`.
    static let columns: [Table.Column] = [
        .init("NAME"), .init("ID"), .init("SIZE", .right), .init("RECORDS", .right), .init("CHANGED"),
        .init("SESSION"), .init("OWNER"), .init("STATE"), .init("PATH"),
    ]

    /// The cells under them.
    var cells: [Table.Cell] {
        let id = idText
        return [
            .init(hasAlias ? alias : nameText), .init(shown: id.map { String($0.prefix(8)) } ?? "-", plain: id ?? ""),
            hasSize ? .init(shown: Style.size(size), plain: "\(size)") : .init(shown: "-", plain: "unknown"),
            .init(recordsText),
            hasModified ? .init(Style.time(nanoseconds: modified)) : .init(shown: "-", plain: "unknown"),
            .init(sessionText), .init(ownerText),
            twins.isEmpty ? .init(stateText) : .init(shown: "\(stateText), twin", plain: "\(stateText),twin"),
            .init(pathText),
        ]
    }

    /// The table of `ls` and `scan`.
    static func table(_ rows: [WireDatabaseRow], style: Style) -> [String] {
        var table = Table(columns)
        for row in rows { table.add(row.cells) }
        return table.lines(style: style)
    }

    /// What is said of a database that was found moved.
    var movedText: String {
        let old = FilePath.displayString([UInt8](movedFrom))
        let how = movedAsFile ? "" : " (another file with the same salt, and nothing is left at the old place)"
        return "\(title) has moved from \(old) to \(pathText)\(how)"
    }
}

extension WireTier {
    /// The tier's name; nil for one that this version does not know.
    var text: String? {
        switch self {
        case .file: "file"
        case .observe: "observe"
        case .lease: "lease"
        default: nil
        }
    }
}

extension WireLeftover {
    var json: JSONValue {
        var fields: [String: JSONValue] = ["kind": .string(kind), "size": .optional(hasSize ? size : nil)]
        fields.set(path: path)
        return .object(fields)
    }
}
