import Domain
import Synchronization

/// Lets writes that wait at the same time share one statement and one commit.
///
/// While a writer is busy with one batch, whoever comes meanwhile gathers for the next; nobody waits for a batch to
/// fill. An item's answer comes after its batch is written.
final class SharedCommit<Item: Sendable, Outcome: Sendable>: Sendable {
    private struct Waiter: Sendable {
        let item: Item
        let weight: Int
        let continuation: CheckedContinuation<Outcome, any Error>
    }

    private struct State {
        var waiting: [Waiter] = []
        var weight = 0
        var idleWriters: [CheckedContinuation<Void, Never>] = []
        var isFinished = false
    }

    private let state = Mutex(State())
    private let batchItems: Int
    private let batchWeight: Int
    private let maximumWeight: Int

    /// - Parameters:
    ///   - batchItems: the most items of one batch.
    ///   - batchWeight: the most weight of one batch; a single item may weigh more.
    ///   - maximumWeight: what may wait altogether; more is refused at once, so that a stalled database costs
    ///     bounded memory.
    init(batchItems: Int, batchWeight: Int = .max, maximumWeight: Int = .max) {
        self.batchItems = batchItems
        self.batchWeight = batchWeight
        self.maximumWeight = maximumWeight
    }

    private enum SubmissionStep {
        case wake(CheckedContinuation<Void, Never>)
        case refuse(SharedCommitRefusal)
        case nothing
    }

    /// Waits until the item is written.
    /// - Throws: what the writer found wrong with it; `SharedCommitRefusal` if it was not taken at all.
    func submit(_ item: Item, weight: Int = 1) async throws -> Outcome {
        try await withCheckedThrowingContinuation { continuation in
            let step: SubmissionStep = state.withLock { state in
                guard !state.isFinished else { return .refuse(.finished) }
                guard weight <= maximumWeight - state.weight else { return .refuse(.full) }
                state.waiting.append(Waiter(item: item, weight: weight, continuation: continuation))
                state.weight += weight
                return state.idleWriters.popLast().map { .wake($0) } ?? .nothing
            }
            switch step {
            case .wake(let writer): writer.resume()
            case .refuse(let refusal): continuation.resume(throwing: refusal)
            case .nothing: break
            }
        }
    }

    /// Writes batches, `writers` at a time, until `finish` was called and everything is written. `write` returns as many
    /// results as it gets items, in their order.
    func run(writers: Int, write: @escaping @Sendable ([Item]) async -> [Result<Outcome, any Error>]) async {
        await withDiscardingTaskGroup { group in
            for _ in 0..<writers {
                group.addTask {
                    while let batch = await self.nextBatch() {
                        let results = await write(batch.map(\.item))
                        for (waiter, result) in zip(batch, results) { waiter.continuation.resume(with: result) }
                        for waiter in batch.dropFirst(results.count) {
                            waiter.continuation.resume(throwing: SharedCommitRefusal.unanswered)
                        }
                    }
                }
            }
        }
    }

    /// Takes nothing more; what waits is still written.
    func finish() {
        let writers = state.withLock { state in
            state.isFinished = true
            defer { state.idleWriters = [] }
            return state.idleWriters
        }
        for writer in writers { writer.resume() }
    }

    private func nextBatch() async -> [Waiter]? {
        while true {
            let step: [Waiter]?? = state.withLock { state in
                guard !state.waiting.isEmpty else { return state.isFinished ? .some(nil) : nil }
                return .some(takeBatch(&state))
            }
            if let step { return step }
            await withCheckedContinuation { continuation in
                let isNeeded = state.withLock { state in
                    guard state.waiting.isEmpty, !state.isFinished else { return true }
                    state.idleWriters.append(continuation)
                    return false
                }
                if isNeeded { continuation.resume() }
            }
        }
    }

    private func takeBatch(_ state: inout State) -> [Waiter] {
        var weight = 0
        var count = 0
        for waiter in state.waiting.prefix(batchItems) {
            guard count == 0 || waiter.weight <= batchWeight - weight else { break }
            weight += waiter.weight
            count += 1
        }
        let batch = Array(state.waiting.prefix(count))
        state.waiting.removeFirst(count)
        state.weight -= weight
        return batch
    }
}

enum SharedCommitRefusal: String, CodedError {
    /// More waits already than may.
    case full
    /// The process is shutting down.
    case finished
    /// The writer did not say what became of it.
    case unanswered

    var code: ErrorCode { .databaseUnavailable }
    var parameter: String? { nil }
    var message: String {
        switch self {
        case .full: "Too much waits for the database already. Try again in a few seconds."
        case .finished: "This process is shutting down. Try again."
        case .unanswered: "The event could not be stored. Try again."
        }
    }
}
