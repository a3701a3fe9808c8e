package import Domain
package import Logging
import Metrics

/// Takes operations from written down to finished. Any number of processes may run it; a process that is killed leaves
/// a row that another one finishes, by repeating the same bytes under the same key, or by looking the effect up.
package struct OperationEngine: Sendable {
    /// How long the worker leaves an operation to the caller who wrote it down and performs it at once.
    package static let inlineHeadStart: Duration = .seconds(5)
    /// Stripe's answer is waited for this long; the lease outlives it, so that nobody sends while a send is under way.
    package static let sendTimeout: Duration = .seconds(30)
    static let leaseSeconds = 60
    /// How the reason begins of an operation on which every try to work fails.
    package static let cannotBeWorkedOn = "it could not be worked on"

    let store: Store
    let sender: any OperationSender
    let handlers: [OperationKind: any OperationHandler]
    let logger: Logger

    package init(store: Store, sender: any OperationSender, handlers: [any OperationHandler], logger: Logger) {
        self.store = store
        self.sender = sender
        self.handlers = Dictionary(handlers.map { ($0.kind, $0) }, uniquingKeysWith: { first, _ in first })
        self.logger = logger
    }

    /// Works on the operation now, as far as it goes in one go: one preparation and one send or look-up.
    ///
    /// When somebody else works on it already, waits for them up to the time that a send may take.
    /// - Returns: how it stands, whatever happened at Stripe.
    package func perform(_ id: ID<Operation>) async throws -> OperationRecord {
        // boundary: after_commit
        let patience = ContinuousClock.now + Self.sendTimeout
        while true {
            let leasedUntil = ContinuousClock.now + .seconds(Self.leaseSeconds)
            if let leased = try await store.lease(id, seconds: Self.leaseSeconds) {
                try await work(on: leased, leasedUntil: leasedUntil)
                guard let record = try await store.operation(id) else { throw OperationError.missing(id) }
                return record
            }
            guard let record = try await store.operation(id) else { throw OperationError.missing(id) }
            if !record.isUnderWay || ContinuousClock.now >= patience { return record }
            // Somebody else holds the lease; the row is the only place where every process can see its end.
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Works on the operation unless somebody else does.
    func workIfFree(_ id: ID<Operation>) async throws {
        let leasedUntil = ContinuousClock.now + .seconds(Self.leaseSeconds)
        guard let leased = try await store.lease(id, seconds: Self.leaseSeconds) else { return }
        try await work(on: leased, leasedUntil: leasedUntil)
    }

    /// One step of a leased operation. Failures of ours are recorded on it, and it is tried again later.
    func work(on leased: OperationRecord, leasedUntil: ContinuousClock.Instant) async throws {
        do {
            guard let handler = handlers[leased.kind] else { throw OperationError.unknownKind(leased.kind) }
            var operation = leased
            if case .prepare = OperationPlan.next(for: operation, at: try await store.clock.now()) {
                guard let prepared = try await prepare(operation, by: handler) else { return }
                operation = prepared
            }
            switch OperationPlan.next(for: operation, at: try await store.clock.now()) {
            case .send: try await send(operation, by: handler, leasedUntil: leasedUntil)
            case .lookUp: try await lookUp(operation, by: handler)
            case .prepare, .nothing: return
            }
        } catch {
            logger.error(
                "operation could not be worked on",
                metadata: ["operation": "\(leased.id)", "kind": "\(leased.kind)", "error": "\(error)"])
            try await tryLater(leased, because: "\(Self.cannotBeWorkedOn): \(Explanation(of: error))")
        }
    }

    private func tryLater(_ operation: OperationRecord, because reason: String) async throws {
        try await store.transaction { tx in
            guard let current = try await tx.lockLeased(operation), !current.state.isFinal else { return }
            let pause = OperationPlan.pause(afterSends: current.sends + 1)
            try await tx.lookAgain(
                current, at: tx.now.advanced(by: pause), because: reason, lookUpSince: current.lookUpSince)
        }
    }

    private func prepare(_ operation: OperationRecord, by handler: any OperationHandler) async throws
        -> OperationRecord?
    {
        let obstacle = try await handler.obstacle(before: operation)
        return try await store.transaction { tx -> OperationRecord? in
            guard let current = try await tx.lockLeased(operation) else { return nil }
            if handler.letsMoneyOut, let hold = try await tx.moneyOutHold(of: current) {
                let until = tx.now.advanced(by: MoneyOutHold.pause)
                try await tx.hold(current, because: hold.reason, until: until, waitingFor: hold.waitsFor)
                return nil
            }
            let prepared = if let obstacle { obstacle } else { try await handler.prepare(current, in: tx) }
            switch prepared {
            case .request(let request):
                try await tx.setRequest(request, of: current)
                return try await tx.lockLeased(operation)
            case .stay(let reason, let until, let object):
                try await tx.hold(current, because: reason, until: until, waitingFor: object)
            case .fail(let reason): try await tx.finish(current, as: .failed, because: reason)
            case .review(let reason): try await tx.finish(current, as: .needsReview, because: reason)
            }
            return nil
        }
    }

    private func send(
        _ operation: OperationRecord, by handler: any OperationHandler, leasedUntil: ContinuousClock.Instant
    ) async throws {
        // Committed before the first byte leaves: a process killed from here on leaves a row that says "sent".
        let marked = try await store.transaction { tx -> OperationRecord? in
            if handler.letsMoneyOut, let hold = try await tx.moneyOutHold() {
                try await tx.keepFromSending(operation, for: hold)
                return nil
            }
            return try await tx.markSending(operation, leaseSeconds: Self.leaseSeconds)
        }
        guard let marked, let request = marked.request, let firstSentAt = marked.firstSentAt else { return }
        // boundary: before_send
        // A process that was paused between there and here must not send late.
        let now = try await store.clock.now()
        let latestStart = leasedUntil - Self.sendTimeout
        guard firstSentAt.duration(to: now) < OperationPlan.keyLifetime, ContinuousClock.now < latestStart else {
            return try await tryLater(marked, because: "the process was paused before it could send")
        }
        // boundary: after_send_before_effect
        // boundary: after_effect_before_answer
        let outcome = await sender.send(
            request, idempotencyKey: marked.idempotencyKey, sinceFirstSend: firstSentAt.duration(to: now),
            latestStart: latestStart)
        Counter(
            label: "souk_operation_sends_total",
            dimensions: [("kind", marked.kind.rawValue), ("outcome", outcome.word)]
        )
        .increment()
        try await settle(marked, outcome, by: handler)
    }

    /// Operations that let money out.
    package var moneyOutKinds: [OperationKind] {
        handlers.values.filter(\.letsMoneyOut).map(\.kind).sorted { $0.rawValue < $1.rawValue }
    }

    /// A second person agreed to let a locked operation go.
    func approve(_ operation: OperationRecord, in tx: StoreTransaction) async throws {
        guard let handler = handlers[operation.kind] else { throw OperationError.unknownKind(operation.kind) }
        try await handler.approved(operation, in: tx)
        try await tx.letGo(operation)
    }

    /// Ends a locked operation that a person refused to let go.
    func giveUp(_ operation: OperationRecord, because reason: String, in tx: StoreTransaction) async throws {
        guard let handler = handlers[operation.kind] else { throw OperationError.unknownKind(operation.kind) }
        try await handler.giveUp(operation, because: reason, in: tx)
        try await tx.finish(operation, as: .failed, because: reason)
        try await tx.revokeLease(of: operation)
    }

    private func settle(
        _ operation: OperationRecord, _ outcome: SendOutcome, by handler: any OperationHandler
    ) async throws {
        switch outcome {
        case .succeeded(let answer):
            try await succeed(operation, answer: answer, by: handler)
        case .refused(let refusal):
            try await refuse(operation, refusal, by: handler)
        case .unknown(let reason, let retryAfter):
            logger.warning(
                "the end of an operation is not known yet",
                metadata: ["operation": "\(operation.id)", "kind": "\(operation.kind)", "reason": "\(reason)"])
            let pause = retryAfter ?? OperationPlan.pause(afterSends: operation.sends)
            try await store.transaction { tx in
                try await tx.lookAgain(
                    operation, at: tx.now.advanced(by: pause), because: reason, lookUpSince: nil)
            }
        case .replayedServerError(let reason):
            try await store.transaction { tx in
                try await tx.lookAgain(operation, at: tx.now, because: reason, lookUpSince: tx.now)
            }
        case .keyConflict(let reason):
            logger.critical(
                "an idempotency key was used with other bytes",
                metadata: ["operation": "\(operation.id)", "kind": "\(operation.kind)"])
            try await store.transaction { tx in
                guard let current = try await tx.lockLeased(operation) else { return }
                try await tx.finish(current, as: .needsReview, because: reason)
            }
        }
    }

    private func succeed(_ operation: OperationRecord, answer: [UInt8], by handler: any OperationHandler) async throws {
        try await store.transaction { tx in
            guard let current = try await tx.lockLeased(operation) else { return }
            let stripeID = try await handler.succeed(current, answer: answer, in: tx)
            try await tx.finish(current, as: .succeeded, stripeID: stripeID)
            // boundary: after_answer_before_commit
        }
        // boundary: after_outcome_commit
    }

    private func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, by handler: any OperationHandler
    ) async throws {
        logger.notice(
            "Stripe refused an operation",
            metadata: [
                "operation": "\(operation.id)", "kind": "\(operation.kind)", "status": "\(refusal.status)",
                "code": "\(refusal.code ?? refusal.type)", "stripe_request": "\(refusal.requestID ?? "none")",
            ])
        try await store.transaction { tx in
            guard let current = try await tx.lockLeased(operation) else { return }
            switch try await handler.refuse(current, refusal, in: tx) {
            case .fail(let reason): try await tx.finish(current, as: .failed, because: reason, refusal: refusal)
            case .hold(let reason, let until, let object):
                try await tx.hold(current, because: reason, until: until, waitingFor: object)
            case .newAttempt(let due): try await tx.startNewAttempt(current, at: due)
            case .review(let reason): try await tx.finish(current, as: .needsReview, because: reason, refusal: refusal)
            }
        }
    }

    private func lookUp(_ operation: OperationRecord, by handler: any OperationHandler) async throws {
        if let proof = try await store.objectProving(operation, eventTypes: handler.provingEvents) {
            return try await succeed(operation, answer: proof, by: handler)
        }
        let result = try await handler.lookUp(operation)
        try await store.transaction { tx in
            guard let current = try await tx.lockLeased(operation) else { return }
            switch result {
            case .found(let answer):
                let stripeID = try await handler.succeed(current, answer: answer, in: tx)
                try await tx.finish(current, as: .succeeded, stripeID: stripeID)
            case .notFound:
                guard let since = current.lookUpSince, since.duration(to: tx.now) >= OperationPlan.lookUpGap else {
                    let since = current.lookUpSince ?? tx.now
                    return try await tx.lookAgain(
                        current, at: since.advanced(by: OperationPlan.lookUpGap),
                        because: "its effect was not found at Stripe; it is looked up once more", lookUpSince: since)
                }
                try await tx.startNewAttempt(current, at: tx.now)
            case .impossible(let reason): try await tx.finish(current, as: .needsReview, because: reason)
            }
        }
    }
}

extension StoreTransaction {
    /// While all money out is held: one that was never sent waits; of one whose end is not known the effect is looked up,
    /// since sending it again might be what lets the money out.
    fileprivate func keepFromSending(_ operation: OperationRecord, for hold: MoneyOutHold) async throws {
        if operation.state == .sent {
            try await lookAgain(operation, at: now, because: hold.reason, lookUpSince: now)
        } else {
            try await pause(operation, for: hold)
        }
    }
}

extension SendOutcome {
    fileprivate var word: String {
        switch self {
        case .succeeded: "succeeded"
        case .refused: "refused"
        case .unknown: "unknown"
        case .replayedServerError: "replayed_server_error"
        case .keyConflict: "key_conflict"
        }
    }
}
