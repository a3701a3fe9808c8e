import CLibPQ
import Glibc

/// The one thread that waits for every PostgreSQL socket of the process.
///
/// Sockets stay registered for reading as long as their connection lives, so a reply costs no `epoll_ctl`, a server
/// that goes away is noticed on idle connections too, and tasks send their statements themselves without waking
/// this thread.
final class IOThread: @unchecked Sendable {  // `lock` guards `wires` and `pools`
    static let shared = IOThread()

    /// How often deadlines are looked at: the precision of time-outs.
    private static let tickNanoseconds: UInt64 = 100_000_000

    private let epoll: Int32
    private let wake: Int32
    private let lock = Lock()
    private var wires: [UInt64: Wire] = [:]
    private var pools: [ObjectIdentifier: WeakPool] = [:]

    private struct WeakPool {
        weak var pool: Pool?
    }

    private init() {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        wake = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        precondition(epoll >= 0 && wake >= 0, "epoll or eventfd refused: \(errno)")
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: 0))
        let status = epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event)
        precondition(status == 0, "epoll_ctl refused the wake descriptor: \(errno)")
        startThread(named: "souk-postgres") { self.run() }
    }

    /// - Returns: false when the system refuses to watch the descriptor.
    func add(_ wire: Wire, descriptor: Int32) -> Bool {
        lock.withLock { wires[wire.id] = wire }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: wire.id))
        guard epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0 else {
            lock.withLock { wires[wire.id] = nil }
            return false
        }
        ring()
        return true
    }

    /// Safe from every thread: the kernel orders it with a running `epoll_wait`.
    func watch(_ wire: Wire, descriptor: Int32, forWriting: Bool) {
        let interest = forWriting ? EPOLLIN.rawValue | EPOLLOUT.rawValue : EPOLLIN.rawValue
        var event = epoll_event(events: interest, data: epoll_data_t(u64: wire.id))
        epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event)
    }

    func remove(_ wire: Wire, descriptor: Int32) {
        var event = epoll_event()
        epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event)
        lock.withLock { wires[wire.id] = nil }
    }

    func add(_ pool: Pool) {
        lock.withLock { pools[ObjectIdentifier(pool)] = WeakPool(pool: pool) }
        ring()
    }

    func removePool(_ identifier: ObjectIdentifier) {
        lock.withLock { pools[identifier] = nil }
    }

    private func ring() {
        var one: UInt64 = 1
        _ = Glibc.write(wake, &one, 8)  // a full counter wakes as well
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 128)
        var batch: [(Wire, UInt32)] = []
        batch.reserveCapacity(events.count)
        var endings: [Ending] = []
        endings.reserveCapacity(events.count)
        var nextTick = monotonicNanoseconds()
        var isQuiet = false
        while true {
            let count = epoll_wait(epoll, &events, Int32(events.count), isQuiet ? -1 : 100)
            lock.lock()
            for index in 0..<max(0, Int(count)) {
                let identifier = events[index].data.u64
                if identifier == 0 {
                    var value: UInt64 = 0
                    _ = Glibc.read(wake, &value, 8)
                } else if let wire = wires[identifier] {
                    batch.append((wire, events[index].events))
                }
            }
            isQuiet = wires.isEmpty && pools.isEmpty
            lock.unlock()
            // All sockets are read before anybody is told, so that those who wait wake together and not one by one.
            for (wire, ready) in batch {
                if let ending = wire.ready(isWritable: ready & EPOLLOUT.rawValue != 0) { endings.append(ending) }
            }
            batch.removeAll(keepingCapacity: true)
            for ending in endings { ending.deliver() }
            endings.removeAll(keepingCapacity: true)
            let now = monotonicNanoseconds()
            if now >= nextTick {
                nextTick = now + Self.tickNanoseconds
                tick(now)
            }
        }
    }

    private func tick(_ now: UInt64) {
        let (wires, pools) = lock.withLock { (Array(self.wires.values), Array(self.pools.values)) }
        for wire in wires { wire.tick(now) }
        for reference in pools { reference.pool?.tick(now) }
    }
}
