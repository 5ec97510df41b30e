extension [UInt32] {
    /// The numbers in ascending order, each once.
    func sortedOnce() -> [UInt32] {
        var out = sorted()
        var kept = 0
        for page in out where kept == 0 || out[kept - 1] != page {
            out[kept] = page
            kept += 1
        }
        out.removeLast(out.count - kept)
        return out
    }
}
