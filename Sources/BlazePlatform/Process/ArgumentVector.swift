internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// Texts as C takes a list of them: ending with NULL, given back when the value goes.
struct ArgumentVector: ~Copyable {
    /// The list, with its NULL.
    private(set) var pointers: [UnsafeMutablePointer<CChar>?]

    init(_ texts: [String]) {
        pointers = texts.map { strdup($0) } + [nil]
    }

    /// `NAME=value` for each variable.
    init(environment: [String: String]) {
        self.init(environment.map { "\($0.key)=\($0.value)" })
    }

    deinit { for pointer in pointers { free(pointer) } }
}
