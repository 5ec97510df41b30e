import FuzzEntry
import FuzzTargets

/// libFuzzer's entry point.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    runInput(DumpTarget.self, start, count)
}
