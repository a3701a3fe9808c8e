import CLibPQ
import Glibc

/// A few threads of our own for the calls of libpq that block: connecting (name resolution) and `PQcancel`.
/// The number of threads is bounded whatever happens; they are started when first needed and stay.
final class BlockingThreads: @unchecked Sendable {  // `lock` guards `waiting`, `idle` and `started`
    /// Opening connections. A pool has at most two attempts under way, so nothing is ever refused, and a server that
    /// hangs does not keep another pool from its own.
    static let connecting = BlockingThreads(name: "souk-pg-connect", limit: 4, queueLimit: .max)
    /// Cancel requests. A server that hangs holds these threads; further requests are then dropped, and the
    /// connection is closed instead when its grace time is over.
    static let canceling = BlockingThreads(name: "souk-pg-cancel", limit: 2, queueLimit: 64)

    typealias Job = @Sendable () -> Void

    private let name: String
    private let limit: Int
    private let queueLimit: Int
    private let lock = Lock()
    private let arrived: UnsafeMutablePointer<pthread_cond_t>
    private var waiting: [Job] = []
    private var idle = 0
    private var started = 0

    init(name: String, limit: Int, queueLimit: Int) {
        self.name = name
        self.limit = limit
        self.queueLimit = queueLimit
        arrived = .allocate(capacity: 1)
        arrived.initialize(to: pthread_cond_t())
        pthread_cond_init(arrived, nil)
    }

    /// - Returns: false when every thread is busy and the queue is full; the job then never runs.
    func submit(_ job: @escaping Job) -> Bool {
        lock.lock()
        guard waiting.count < queueLimit else {
            lock.unlock()
            return false
        }
        waiting.append(job)
        let needsThread = idle < waiting.count && started < limit
        if needsThread { started += 1 }
        pthread_cond_signal(arrived)
        lock.unlock()
        if needsThread { startThread(named: name) { self.work() } }
        return true
    }

    private func work() {
        while true {
            lock.lock()
            while waiting.isEmpty {
                idle += 1
                lock.wait(on: arrived)
                idle -= 1
            }
            let job = waiting.removeFirst()
            lock.unlock()
            job()
        }
    }
}

/// Starts a detached thread that lives until `body` returns.
func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    final class Start {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
    var thread = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    let start = Unmanaged.passRetained(Start(name: name, body: body))
    let status = pthread_create(
        &thread, &attributes,
        { argument in
            guard let argument else { return nil }
            let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
            // Signals belong to the program's main thread, never to a thread of a library.
            var signals = sigset_t()
            sigfillset(&signals)
            pthread_sigmask(SIG_BLOCK, &signals, nil)
            souk_name_thread(start.name)
            start.body()
            return nil
        }, start.toOpaque())
    pthread_attr_destroy(&attributes)
    precondition(status == 0, "the system refused a thread for PostgreSQL (error \(status))")
}
