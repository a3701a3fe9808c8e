import Synchronization

/// Counts from several tasks.
final class Tally: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func add(_ number: Int = 1) { count.withLock { $0 += number } }
}

/// Raised once, read by many.
final class Flag: Sendable {
    private let raised = Mutex(false)

    var isRaised: Bool { raised.withLock { $0 } }

    func raise() { raised.withLock { $0 = true } }
}

/// What several tasks have stored.
final class StoredNumbers: Sendable {
    private let numbers = Mutex<[Int]>([])

    var values: [Int] { numbers.withLock { $0 } }
    var count: Int { numbers.withLock { $0.count } }

    func append(_ number: Int) { numbers.withLock { $0.append(number) } }
}
