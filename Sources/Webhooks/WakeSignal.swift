import Synchronization

/// Tells a worker of this process that there may be something to do. A raise that nobody waits for is kept; several
/// count as one. What other processes do is found by polling.
package final class WakeSignal: Sendable {
    private struct State {
        var isRaised = false
        var nextID: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package func raise() {
        let waiters = state.withLock { state in
            let waiters = Array(state.waiters.values)
            state.waiters = [:]
            state.isRaised = waiters.isEmpty
            return waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the signal is raised, the time is over or the task is canceled, whichever is first.
    package func wait(atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitForRaise() }
            group.addTask { try? await Task.sleep(for: limit) }  // cancellation only ends the wait
            await group.next()
            group.cancelAll()
        }
    }

    private func waitForRaise() async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isRaised {
                        state.isRaised = false
                        return true
                    }
                    guard !Task.isCancelled else { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
