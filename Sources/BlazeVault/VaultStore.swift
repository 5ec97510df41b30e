public import BlazePlatform
internal import CSodium
public import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// The place of a vault: its file, `.previous` beside it, and a lock file. Holds no keys; calls block.
public struct VaultStore: Sendable {
    let place: VaultPlace
    let clock: @Sendable () -> Int64

    /// The vault at a path, in the real file system.
    ///
    /// - Parameter patience: how long a write waits for another process that is writing.
    public init(path: FilePath, patience: Duration = .seconds(10)) {
        self.init(path: path, files: PosixVaultFiles(), patience: patience, clock: VaultStore.now)
    }

    package init(
        path: FilePath, files: any VaultFiles, patience: Duration = .zero,
        clock: @escaping @Sendable () -> Int64 = VaultStore.now
    ) {
        place = VaultPlace(path: path, files: files, patience: patience)
        self.clock = clock
    }

    /// The vault's file.
    public var path: FilePath { place.path }

    /// Nanoseconds since 1970.
    package static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Whether something has the vault's name.
    ///
    /// - Throws: `readFailed`.
    public func exists() throws(VaultError) -> Bool { try place.exists(path) }

    /// What the file tells without a key; permissions and the checksum are looked at.
    ///
    /// - Throws: `notFound`, `exposed`, `damaged`, `unsupportedVersion`, `limitExceeded`, `readFailed`.
    public func facts() throws(VaultError) -> VaultFacts {
        let (file, mode) = try place.read()
        return VaultFacts(file, mode: mode, place: place)
    }

    /// Makes a vault, and its directory when that is missing.
    ///
    /// - Parameter withRecovery: whether to make a recovery code as well, which is told this once.
    /// - Throws: `exists` when there is one, or one's previous generation; `unfitSecret` for an empty passphrase or one
    ///   that reads as a recovery code; `limitExceeded` for costs out of their range; `exposed`, `busy`,
    ///   `noSecretMemory`, `noSpace`, `writeFailed`.
    public func create(
        passphrase: inout SecretBytes, costs: KDFCosts = .moderate, withRecovery: Bool
    ) throws(VaultError) -> NewVault {
        defer { wipeStack() }
        try RecoveryCode.refuse(asPassphrase: &passphrase)
        try costs.checked()
        try place.makeDirectory()
        let lock = try place.lock()
        defer { withExtendedLifetime(lock) {} }
        for path in [place.path, place.previous] where try place.exists(path) {
            throw VaultError(
                .exists, "\(path.displayString) exists already", hint: "use it, or move it away", path: path)
        }
        var keys = try VaultKeys.random()
        var image = VaultImage(
            id: randomBytes(16), generation: 1, created: clock(), slots: [], entries: [])
        try image.addSlot(.passphrase, secret: &passphrase, costs: costs, keys: &keys, now: clock())
        var code: SecretBytes?
        if withRecovery { code = try image.addRecoverySlot(costs: costs, keys: &keys, now: clock()) }
        let file = try VaultFile(image, keys: &keys)
        try place.create(file)
        return NewVault(vault: OpenVault(store: self, file: file, keys: keys), recoveryCode: code)
    }

    /// Opens the vault with its passphrase, or with a recovery code when the text is one. Takes as long as Argon2id.
    ///
    /// - Throws: `wrongSecret`; `malformedRecoveryCode` and `unfitSecret`, before any key is derived; `damaged`,
    ///   `noSecretMemory`, and what `facts` throws.
    public func open(with secret: inout SecretBytes) throws(VaultError) -> OpenVault {
        defer { wipeStack() }
        let file = try place.read().file
        let opened = try OpenedSlot(file, secret: &secret)
        return OpenVault(store: self, file: file, keys: opened.takeKeys())
    }
}

/// A vault that was just made.
public struct NewVault: ~Copyable, Sendable {
    /// The vault, open.
    public let vault: OpenVault
    /// The recovery code, when one was asked for. It is kept nowhere: show it once.
    public var recoveryCode: SecretBytes?
}

func randomBytes(_ count: Int) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: count)
    randombytes_buf(&out, count)
    return out
}
