import Foundation

/// SplitMix64: small, fast, and the same everywhere for the same seed.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

/// The seeds of random tests. They change with each run and are printed; `SOUK_SEED` repeats one world,
/// `SOUK_WORLDS` says how many there are.
package enum Seeds {
    package static let forThisRun: [UInt64] = make(defaultCount: 16)

    /// `defaultCount` is how many worlds there are when `SOUK_WORLDS` does not say.
    package static func make(defaultCount: Int) -> [UInt64] {
        let environment = ProcessInfo.processInfo.environment
        if let text = environment["SOUK_SEED"], let seed = UInt64(text) { return announced([seed]) }
        let count = environment["SOUK_WORLDS"].flatMap { Int($0) } ?? defaultCount
        var generator = SystemRandomNumberGenerator()
        // Small enough to be typed again.
        return announced((0..<max(1, count)).map { _ in UInt64.random(in: 1...999_999_999, using: &generator) })
    }

    private static func announced(_ seeds: [UInt64]) -> [UInt64] {
        let shown = seeds.prefix(20).map(String.init).joined(separator: " ")
        let more = seeds.count > 20 ? " … (\(seeds.count) in all)" : ""
        FileHandle.standardError.write(Data("seeds: \(shown)\(more); SOUK_SEED=… repeats one\n".utf8))
        return seeds
    }
}
