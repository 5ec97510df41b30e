internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import Foundation
internal import SystemPackage

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
        return .object(fields)
    }

    /// The table of `ls` and `scan`.
    static func table(_ rows: [WireDatabaseRow], style: Style) -> [String] {
        var table = Table([
            .init("NAME"), .init("ID"), .init("SIZE", .right), .init("RECORDS", .right), .init("CHANGED"),
            .init("SESSION"), .init("OWNER"), .init("STATE"), .init("PATH"),
        ])
        for row in rows {
            let id = row.idText
            table.add([
                .init(row.hasAlias ? row.alias : row.nameText),
                .init(shown: id.map { String($0.prefix(8)) } ?? "-", plain: id ?? ""),
                row.hasSize
                    ? .init(shown: Style.size(row.size), plain: "\(row.size)") : .init(shown: "-", plain: "unknown"),
                .init(row.recordsText),
                row.hasModified
                    ? .init(Style.time(nanoseconds: row.modified)) : .init(shown: "-", plain: "unknown"),
                .init(row.sessionText), .init(row.ownerText), .init(row.stateText), .init(row.pathText),
            ])
        }
        return table.lines(style: style)
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
