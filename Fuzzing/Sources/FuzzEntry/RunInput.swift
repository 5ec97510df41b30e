public import FuzzTargets

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs one input of libFuzzer's in a target, and ends the process where a property does not hold, which is how
/// libFuzzer is told.
public func runInput<Target: FuzzTarget>(
    _ target: Target.Type, _ start: UnsafePointer<UInt8>?, _ count: Int
) -> CInt {
    do throws(Violation) {
        try target.run([UInt8](UnsafeBufferPointer(start: start, count: count)))
    } catch {
        let text = "VIOLATION in \(target.name): \(error.description)\n"
        _ = text.utf8CString.withUnsafeBytes { write(2, $0.baseAddress, $0.count - 1) }
        abort()
    }
    return 0
}
