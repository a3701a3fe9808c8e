import CLibPQ

/// Asks the server to stop what a connection is doing. `PQcancel` connects and waits, so it has its own threads.
final class CancelRequest: @unchecked Sendable {  // libpq allows PQcancel from any thread; used by one at a time
    private let request: OpaquePointer

    init(_ request: OpaquePointer) { self.request = request }

    deinit { PQfreeCancel(request) }

    /// `done` is called once the server has taken note or could not be reached.
    func send(_ done: @escaping @Sendable () -> Void) {
        let isAccepted = BlockingThreads.canceling.submit {
            var reason = [CChar](repeating: 0, count: 256)
            // A failure needs no answer: the statement then ends by itself or by its time-out.
            _ = PQcancel(self.request, &reason, Int32(reason.count))
            done()
        }
        if !isAccepted { done() }
    }
}
