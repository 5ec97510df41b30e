import BlazeModel
import BlazePlatform
import BlazeVault
import SystemPackage

/// `VaultScenario PATH OPERATION`, the passphrase on standard input: one write of a vault, for the test that kills the
/// program in the middle of it. Its secrets are none.
@main enum Scenario {
    static func main() throws {
        guard CommandLine.arguments.count == 3 else { throw Usage() }
        let store = VaultStore(path: FilePath(CommandLine.arguments[1]))
        var secret = try SecretInput.from(descriptor: 0, limit: VaultLimits.passphraseBytes)
        if CommandLine.arguments[2] == "create" {
            let made = try store.create(passphrase: &secret, costs: .cheapest, withRecovery: true)
            for number in 1...3 { try put(number, into: made.vault) }
            return
        }
        let vault = try store.open(with: &secret)
        switch CommandLine.arguments[2] {
        case "put": try put(9, into: vault)
        case "remove": try vault.remove(identity(1))
        case "passwd":
            var new = try bytes("another good passphrase")
            try vault.changePassphrase(current: &secret, new: &new)
        case "rekey": _ = try vault.rekey(with: &secret)
        default: throw Usage()
        }
    }

    private struct Usage: Error {}

    private static func identity(_ number: Int) -> DatabaseID {
        DatabaseID(bytes: [UInt8](repeating: UInt8(number), count: DatabaseID.byteCount))!
    }

    private static func bytes(_ text: String) throws -> SecretBytes {
        try SecretBytes(count: text.utf8.count) { $0.copyBytes(from: Array(text.utf8)) }
    }

    private static func put(_ number: Int, into vault: OpenVault) throws {
        var password: SecretBytes? = try bytes("password \(number)")
        var key: DerivedKey? = DerivedKey(
            key: try bytes(String(repeating: "k", count: DerivedKey.byteCount)), saltFingerprint: [UInt8(number)],
            iterations: 600_000)
        try vault.put(
            identity(number), alias: "db\(number)", path: FilePath("/data/\(number).blazedb"), password: &password,
            derivedKey: &key)
    }
}
