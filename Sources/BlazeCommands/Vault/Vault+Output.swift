internal import BlazeClient
internal import BlazeModel
internal import BlazePlatform
internal import SystemPackage

#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

extension WireVaultFacts {
    var pathText: String { FilePath.displayString([UInt8](path)) }

    private var stateText: String {
        switch state {
        case .none: "none"
        case .locked: "locked"
        case .unlocked: "unlocked"
        case .unusable: "unusable"
        default: "unknown"
        }
    }

    var json: JSONValue {
        .object([
            "path": .string(pathText), "state": .string(stateText), "version": .count(version),
            "id": .string(id.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()),
            "generation": .count(generation),
            "previous_generation": hasPreviousGeneration ? .count(previousGeneration) : .null,
            "created_at": .string(Style.time(nanoseconds: created)), "entries": .count(entries),
            "size": .count(size), "mode": .string(String(mode, radix: 8)), "slots": .array(slots.map(\.json)),
        ])
    }

    func lines(_ style: Style) -> [String] {
        var facts = FactList()
        facts.add("vault", "\(stateText), \(entries == 1 ? "1 entry" : "\(entries) entries")")
        facts.add("path", pathText)
        facts.add("format", "version \(version), \(Style.size(size)), mode \(String(mode, radix: 8))")
        facts.add(
            "generation",
            hasPreviousGeneration ? "\(generation), with \(previousGeneration) kept beside it" : "\(generation)")
        facts.add("created", Style.time(nanoseconds: created))
        return facts.lines(style: style) + slotTable.lines(style: style)
    }

    var slotTable: Table {
        var table = Table([
            .init("SLOT", .right), .init("KIND"), .init("PASSES", .right), .init("MEMORY", .right), .init("CREATED"),
        ])
        for slot in slots {
            table.add([
                .init("\(slot.number)"), .init(slot.kindText), .init("\(slot.operations)"),
                .init(shown: Style.size(UInt64(slot.memory) << 10), plain: "\(UInt64(slot.memory) << 10)"),
                .init(Style.time(nanoseconds: slot.created)),
            ])
        }
        return table
    }
}

extension WireVaultSlot {
    var kindText: String { kind == .recovery ? "recovery" : "passphrase" }

    var json: JSONValue {
        .object([
            "number": .count(number), "kind": .string(kindText), "operations": .count(operations),
            "memory": .count(UInt64(memory) << 10), "created_at": .string(Style.time(nanoseconds: created)),
        ])
    }
}

extension WireVaultEntry {
    var pathText: String { FilePath.displayString([UInt8](path)) }
    var idText: String { DatabaseID(bytes: [UInt8](id))?.description ?? "" }

    var json: JSONValue {
        .object([
            "id": .string(idText), "alias": .string(alias), "path": .string(pathText),
            "has_password": .bool(hasPassword_p), "kdf_iterations": hasKdfIterations ? .count(kdfIterations) : .null,
            "hint": .optional(hasHint ? hint : nil), "created_at": .string(Style.time(nanoseconds: created)),
            "updated_at": .string(Style.time(nanoseconds: updated)),
            "used_at": .optional(hasUsed ? Style.time(nanoseconds: used) : nil), "revision": .count(revision),
        ])
    }

    static let columns: [Table.Column] = [
        .init("NAME"), .init("ID"), .init("PASSWORD"), .init("HINT"), .init("UPDATED"), .init("USED"), .init("PATH"),
    ]

    var cells: [Table.Cell] {
        [
            .init(alias), .init(shown: String(idText.prefix(8)), plain: idText),
            .init(hasPassword_p ? (hasKdfIterations ? "kept, with key" : "kept") : "-"), .init(hasHint ? hint : "-"),
            .init(Style.time(nanoseconds: updated)), .init(hasUsed ? Style.time(nanoseconds: used) : "-"),
            .init(pathText),
        ]
    }
}

extension WirePreviousVault {
    /// Nil for a word that is not known here.
    var text: String? {
        switch self {
        case .missing: "missing"
        case .intact: "intact"
        case .foreign: "foreign"
        case .unusable: "unusable"
        default: nil
        }
    }
}

extension WireVaultStatus {
    var stateText: String {
        switch state {
        case .none: "none"
        case .locked: "locked"
        case .unlocked: "unlocked"
        case .unusable: "unusable"
        default: "unknown"
        }
    }

    var json: JSONValue {
        .object([
            "state": .string(stateText), "path": .string(FilePath.displayString([UInt8](path))),
            "entries": hasEntries ? .count(entries) : .null, "problem": .optional(problem.isEmpty ? nil : problem),
        ])
    }
}

extension WireSessionStatus {
    private static func seconds(_ nanoseconds: UInt64) -> JSONValue {
        .number((Double(nanoseconds) / 1_000_000).rounded() / 1000)
    }

    var json: JSONValue {
        .object([
            "unlocked_since": .optional(hasUnlockedSince ? Style.time(nanoseconds: unlockedSince) : nil),
            "idle_timeout": hasIdleTimeout ? Self.seconds(idleTimeout) : .null,
            "idle_left": hasIdleLeft ? Self.seconds(idleLeft) : .null,
            "max_lifetime": hasMaxLifetime ? Self.seconds(maxLifetime) : .null,
            "lifetime_left": hasLifetimeLeft ? Self.seconds(lifetimeLeft) : .null,
            "lock_on_suspend": .bool(locksOnSuspend), "lock_on_screen_lock": .bool(locksOnScreenLock),
            "lock_on_logout": .bool(locksOnLogout), "logind": .bool(logind),
            "logind_problem": .optional(logindProblem.isEmpty ? nil : logindProblem),
            "last_lock": .optional(lastLock.isEmpty ? nil : lastLock), "retry_after": Self.seconds(retryAfter),
            "prompt_waiters": .count(promptWaiters),
        ])
    }

    /// When everything is locked by itself, for people.
    var lines: [(String, String)] {
        func left(_ nanoseconds: UInt64) -> String { Style.duration(seconds: Double(nanoseconds) / 1_000_000_000) }
        var ends: [String] = []
        if hasIdleTimeout {
            ends.append("after \(left(idleTimeout)) without use" + (hasIdleLeft ? " (\(left(idleLeft)) left)" : ""))
        }
        if hasMaxLifetime {
            ends.append("after \(left(maxLifetime)) in all" + (hasLifetimeLeft ? " (\(left(lifetimeLeft)) left)" : ""))
        }
        if locksOnSuspend { ends.append("at suspend") }
        if locksOnScreenLock { ends.append(logind ? "at screen lock" : "at screen lock (out of sight)") }
        if locksOnLogout { ends.append(logind ? "at logout" : "at logout (out of sight)") }
        var out = [("locks", ends.isEmpty ? "when told to" : ends.joined(separator: ", "))]
        if hasUnlockedSince { out.append(("since", Style.time(nanoseconds: unlockedSince))) }
        if !lastLock.isEmpty { out.append(("last lock", lastLock)) }
        out.append(("logind", logind ? "tells of suspend, screen lock and logout" : "unavailable: \(logindProblem)"))
        if retryAfter > 0 { out.append(("next attempt", "in \(left(retryAfter)), after wrong passphrases")) }
        if promptWaiters > 0 { out.append(("waiting", "\(promptWaiters) for a password that is being asked for")) }
        return out
    }
}
