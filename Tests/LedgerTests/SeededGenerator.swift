/// SplitMix64: a failing property test prints its seed, and the same seed makes the same run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Fixed seeds, and one that is new in each run: a property that fails only now and then is found some day.
enum Seeds {
    static let forThisRun: [UInt64] = Array(1...40) + [UInt64.random(in: 41...UInt64.max)]
}
