import Glibc

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

/// Fixed seeds, and one that is new in each run: a property that fails only now and then is found some day. `SOUK_SEEDS`
/// says how many are fixed, for whoever looks first with a few.
enum Seeds {
    static let forThisRun: [UInt64] = Array(1...count) + [UInt64.random(in: count + 1...UInt64.max)]
    private static let count = max(1, getenv("SOUK_SEEDS").flatMap { UInt64(String(cString: $0)) } ?? 40)
}
