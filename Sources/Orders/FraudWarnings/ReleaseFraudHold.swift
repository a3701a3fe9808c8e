import Domain
import Postgres
import Store
import Web

/// Lets the shares go that a fraud warning keeps with the platform: somebody has looked at the sale and trusts it.
struct ReleaseFraudHold: Sendable {
    let store: Store

    /// - Parameters:
    ///   - id: the warning.
    ///   - reason: why it is trusted, for whoever reads it later.
    ///   - caller: on whose behalf, for the audit log.
    /// - Returns: the warning; a repetition changes nothing.
    /// - Throws: `fraud_warning_not_found`, `illegal_transition` for one that holds nothing.
    func callAsFunction(
        _ id: ID<FraudWarning>, because reason: String, by caller: Caller
    ) async throws -> FraudWarningRecord {
        try await store.transaction { tx in
            guard let known = try await tx.fraudWarnings(where: "id = \(id)").first else {
                throw Refusal.noSuchFraudWarning(id)
            }
            _ = try await tx.requireLockedOrder(known.order)
            guard var warning = try await tx.fraudWarnings(where: "id = \(id)").first else {
                throw Refusal.noSuchFraudWarning(id)
            }
            if warning.releasedAt != nil { return warning }
            guard warning.holdsRelease else {
                throw Refusal(
                    .illegalTransition,
                    warning.action == .hold
                        ? "The warning \(id) holds nothing any more: the payment was refunded or is disputed."
                        : "The warning \(id) holds nothing: what was done about it is '\(warning.action.rawValue)'.")
            }
            warning.releasedAt = tx.now
            warning.releaseReason = reason
            try await tx.save(warning)
            try await tx.audit("fraud_warning.release", subject: id.rawValue, by: caller, details: ["reason": reason])
            try await tx.wakeTransfers(of: warning.order)
            try await tx.announce("fraud_warning.updated", warning)
            return warning
        }
    }
}
