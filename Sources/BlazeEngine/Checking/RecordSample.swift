internal import BlazeModel

/// Some of an index's records, chosen by a seed: the same ones for the same seed, also when other records come and go.
struct RecordSample {
    /// How many of a hundred; over 0, at most 100.
    let percent: Double
    let seed: UInt64

    /// The chosen part of an index: of a non-empty one at least one record.
    func part(of index: RecordIndex) -> RecordIndex {
        let wanted = min(index.count, Int((Double(index.count) * percent / 100).rounded(.up)))
        let chosen = index.entries.indices.map { (lot: lot(of: index.entries[$0].id), place: $0) }
            .sorted { ($0.lot, $0.place) < ($1.lot, $1.place) }
            .prefix(wanted).map(\.place).sorted()
        var part = RecordIndex()
        for place in chosen { part.append(index.entries[place].id, index.pages(of: index.entries[place])) }
        return part
    }

    /// Where a record stands in the seed's order: SplitMix64 over the id's halves.
    private func lot(of id: RecordID) -> UInt64 { Self.mix(Self.mix(seed ^ id.high) ^ id.low) }

    private static func mix(_ word: UInt64) -> UInt64 {
        var z = word &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
