internal import BlazeModel

extension RecordReader {
    /// Why an entry has no record: what is wrong with the page that should hold it.
    struct Absence: Error {
        let failure: RecordFailure
        let isOutOfOrder: Bool
    }

    /// Finds an entry's record: in the first page of its list that authenticates, decodes and carries its id; else in
    /// the first record page of the list, whatever that holds. Page lists are signed sorted, so the record page need
    /// not come first (trap T1).
    func find(_ id: RecordID, in list: ArraySlice<UInt32>) throws(Absence) -> FoundRecord {
        var fallback: Result<FoundRecord, Absence>?
        // When no page of the list is a record page, the first one tells what became of the record.
        var firstAbsence = Absence(failure: RecordFailure(.noPages, page: 0, "is on no list"), isOutOfOrder: false)
        var tried = 0
        for page in list where tried < EngineLimits.mainPageCandidates {
            let isOutOfOrder = page != list.first
            do throws(Absence) {
                let found = try read(page, isOutOfOrder: isOutOfOrder)
                if found.id == id { return found }
                tried += 1
                if fallback == nil { fallback = .success(found) }
            } catch {
                if let kind = error.failure.kind, !kind.holdsRecord {
                    if !isOutOfOrder { firstAbsence = error }
                } else {
                    tried += 1
                    if fallback == nil { fallback = .failure(error) }
                }
            }
        }
        guard let fallback else { throw firstAbsence }
        return try fallback.get()
    }

    private func read(_ page: UInt32, isOutOfOrder: Bool) throws(Absence) -> FoundRecord {
        let gathered: Gathered
        do {
            gathered = try gather(main: page)
        } catch {
            throw Absence(failure: error, isOutOfOrder: isOutOfOrder)
        }
        let decoded = gathered.withBytes { raw in
            Result<RecordCodec.Decoded, EngineError> { () throws(EngineError) in try RecordCodec.decodeNoting(raw) }
        }
        switch decoded {
        case .success(let decoded):
            return FoundRecord(
                decoded, gathered, isOutOfOrder: isOutOfOrder, keepsBytes: keepsBytes, keepsValues: keepsValues)
        case .failure(let error):
            throw Absence(
                failure: RecordFailure(.undecodable, page: page, "is authentic, but \(error)"),
                isOutOfOrder: isOutOfOrder)
        }
    }
}
