package import Domain
import Sellers
package import Store
import StripeAPI

/// Brings what Souk knows of a bank's warning of fraud up to what Stripe says now, and does about a new one what the
/// policy says.
///
/// Serves `radar.early_fraud_warning.*` of the platform, in any order and any number of times. A warning of what is not an
/// order of ours changes nothing.
package struct RefreshFraudWarning: Sendable {
    package static let eventTypes = ["radar.early_fraud_warning.created", "radar.early_fraud_warning.updated"]

    let store: Store
    let copies: ObjectCopies
    let stripe: StripeClient
    let payments: RefreshOrderPayment
    let policy: FraudWarningPolicy

    package func callAsFunction(_ event: InboundEvent) async throws {
        guard event.account == nil, let id = event.objectID else { return }
        try await callAsFunction(StripeFraudWarningID(id))
    }

    package func callAsFunction(_ id: StripeFraudWarningID) async throws {
        guard case .unread(let charge) = try await refresh(id, isPaymentRead: false) else { return }
        // It may be told of before the payment is, and what staff have refunded at Stripe is not refunded again. The warning
        // is read once more after it: what ended it meanwhile ends it here too.
        try await payments(charge)
        _ = try await refresh(id, isPaymentRead: true)
    }

    private func refresh(_ id: StripeFraudWarningID, isPaymentRead: Bool) async throws -> FollowedWarning {
        try await copies.refresh(kind: "radar.early_fraud_warning", id: id.rawValue, account: nil) {
            try await stripe.fetch(RetrieveFraudWarning(id).request, priority: .event)
        } apply: { tx, fetched in
            guard case .found(let bytes) = fetched else { return .notOurs }
            let remote = try StripeAnswer(status: 200, body: bytes).decode(FraudWarningResource.self)
            return try await tx.follow(remote, by: policy, isPaymentRead: isPaymentRead)
        }
    }
}
