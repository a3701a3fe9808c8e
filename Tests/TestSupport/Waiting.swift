/// What a test waited for did not happen in time.
package struct NeverHappened: Error, CustomStringConvertible {
    package var what: String
    package var limit: Duration

    package var description: String { "\(what): not within \(limit)" }
}

/// Something that happens once, and that a test waits for with a limit.
package actor Signal {
    private let what: String
    private var isRaised = false
    private var nextWaiter = 0
    private var waiters: [Int: CheckedContinuation<Void, any Error>] = [:]

    package init(_ what: String) { self.what = what }

    package func raise() {
        isRaised = true
        for waiter in waiters.values { waiter.resume() }
        waiters = [:]
    }

    package func wait(atMost limit: Duration = .seconds(20)) async throws {
        guard !isRaised else { return }
        nextWaiter += 1
        let number = nextWaiter
        let alarm = Task {
            try await Task.sleep(for: limit)
            self.giveUp(number, limit)
        }
        defer { alarm.cancel() }
        try await withCheckedThrowingContinuation { waiters[number] = $0 }
    }

    private func giveUp(_ number: Int, _ limit: Duration) {
        waiters.removeValue(forKey: number)?.resume(throwing: NeverHappened(what: what, limit: limit))
    }
}

/// Waits until something outside the process (a row, a lock, a file) is so; looks every few milliseconds.
package func eventually(
    _ what: String, atMost limit: Duration = .seconds(20), _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while try await !condition() {
        guard clock.now < end else { throw NeverHappened(what: what, limit: limit) }
        try await Task.sleep(for: .milliseconds(5))
    }
}

/// Runs `body`, but no longer than `limit`; it is canceled then.
package func within<Value: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw NeverHappened(what: what, limit: limit)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}
