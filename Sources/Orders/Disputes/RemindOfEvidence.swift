import Domain
package import Logging
import Metrics
import Postgres
import ServiceLifecycle
package import Store
import Web

/// Tells the marketplace, once for each deadline, that the bank will soon listen no more: `dispute.evidence_due_soon`.
package struct RemindOfEvidence: Service {
    /// Long enough to gather a receipt and a proof of delivery; Stripe gives a week or more in all.
    package static let notice: Duration = .seconds(3 * 86_400)
    private static let limit = 100

    let store: Store
    let logger: Logger
    let interval: Duration

    package init(store: Store, logger: Logger, interval: Duration = .seconds(600)) {
        self.store = store
        self.logger = logger
        self.interval = interval
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    while try await remind() == Self.limit {}
                    try await Task.sleep(for: interval)
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("reminders of disputes wait: \(error)")
                    try? await Task.sleep(for: .seconds(1))
                }
            }
        }
    }

    /// - Returns: how many reminders were written; those beyond a limit wait for the next call.
    package func remind() async throws -> Int {
        let reminded = try await store.transaction { tx in
            let due = try await tx.query(
                """
                SELECT id FROM disputes
                WHERE reminded_at IS NULL AND evidence_due_at > \(tx.now)
                    AND evidence_due_at <= \(tx.now.advanced(by: Self.notice))
                    AND status = ANY (\(DisputeRecord.statusesAskingForEvidence)) AND submissions = 0
                ORDER BY evidence_due_at, id LIMIT \(Self.limit) FOR UPDATE SKIP LOCKED
                """
            ).map { try $0.get("id", as: ID<Dispute>.self) }
            for id in due {
                try await tx.execute("UPDATE disputes SET reminded_at = \(tx.now) WHERE id = \(id)")
                guard let dispute = try await tx.dispute(where: "id = \(id)") else { continue }
                try await tx.announce("dispute.evidence_due_soon", about: id.rawValue, DisputeBody(dispute))
            }
            return due.count
        }
        Counter(label: "souk_dispute_reminders_total").increment(by: reminded)
        return reminded
    }
}
