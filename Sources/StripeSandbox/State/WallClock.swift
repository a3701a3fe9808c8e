import Glibc

/// The machine's time, in whole milliseconds since 1970 UTC: what signatures carry and what moves the sandbox's clock.
enum WallClock {
    static func milliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
