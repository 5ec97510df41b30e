internal import BlazeClient
internal import BlazePlatform
internal import SystemPackage

extension LockHolder {
    var json: JSONValue {
        var fields: [String: JSONValue] = [
            "pid": .integer(Int64(processID)), "uid": userID.map { .integer(Int64($0)) } ?? .null,
            "exe": .optional(executable?.displayString), "name": .optional(name),
            "since": .optional(started.map { Style.time(nanoseconds: $0) }), "exclusive": .bool(isExclusive),
        ]
        if let executable, String(validating: executable.bytes, as: UTF8.self) == nil {
            fields["exe_hex"] = .string(executable.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
        }
        return .object(fields)
    }
}

extension WireDatabaseRow {
    /// Who has it open; null where the files were not looked at.
    var ownershipJSON: JSONValue {
        guard hasOwnership else { return .null }
        return .object([
            "state": .string(ownership.ownership.stateText),
            "holders": .array(ownership.ownership.holders.map(\.json)),
            "reason": .optional(ownership.reason.isEmpty ? nil : ownership.reason),
        ])
    }

    /// Who has it open, in a word or two.
    var ownerText: String {
        guard hasOwnership else { return "-" }
        let ownership = ownership.ownership
        return ownership.holders.first?.title ?? ownership.stateText
    }
}

extension Ownership {
    var stateText: String {
        switch self {
        case .owned: "owned"
        case .free: "free"
        case .unknown: "unknown"
        case .leased: "leased"
        }
    }
}
