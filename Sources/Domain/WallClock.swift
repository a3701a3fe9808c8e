import FoundationEssentials

/// The machine's own time: for ids, logs and signatures. When things happen to money is `BusinessClock`'s to say.
package enum WallClock {
    package static func now() -> Timestamp {
        Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    }
}

extension ID {
    /// A new id, made now, with the system's randomness.
    package static func make() -> ID {
        var random = SystemRandomNumberGenerator()
        return ID(milliseconds: WallClock.now().milliseconds, using: &random)
    }
}
