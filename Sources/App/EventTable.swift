import Orders
import Sellers
import Settlement
import Store
import Webhooks

/// Which of Stripe's events Souk handles, and what each one sets off. Reading it is reading what Souk supports; the
/// webhook endpoints at Stripe are made from it.
extension EventHandlers {
    static func souk(
        account: RefreshAccount, connection: RecordConnection, payment: RefreshOrderPayment, dispute: RefreshDispute,
        fraudWarning: RefreshFraudWarning, payout: RefreshPayout, feed: RequestBalanceFeed
    ) -> EventHandlers {
        var handlers = EventHandlers()
        handlers.on(
            [
                "account.updated", "capability.updated", "person.created", "person.updated", "person.deleted",
                "account.external_account.created", "account.external_account.updated",
                "account.external_account.deleted",
            ], from: [.connect], do: "refresh_account"
        ) { try await account($0) }
        handlers.on(
            ["account.application.authorized", "account.application.deauthorized"], from: [.connect],
            do: "record_connection"
        ) { try await connection($0) }
        handlers.on(RefreshOrderPayment.eventTypes, from: [.platform], do: "refresh_order_payment") {
            try await payment($0)
        }
        handlers.on(
            [
                "payout.created", "payout.updated", "payout.paid", "payout.failed", "payout.canceled",
                "payout.reconciliation_completed",
            ], from: [.platform, .connect], do: "refresh_payout"
        ) { try await payout($0) }
        handlers.on(
            RefreshOrderPayment.returnTypes, from: [.platform, .connect], do: "refresh_returned_money"
        ) {
            try await feed($0)
            try await payment($0)
        }
        handlers.on(RefreshDispute.eventTypes, from: [.platform], do: "refresh_dispute") { try await dispute($0) }
        handlers.on(RefreshDispute.balanceTypes, from: [.platform, .connect], do: "refresh_disputed_balance") {
            try await feed($0)
            try await dispute($0)
        }
        handlers.on(RefreshFraudWarning.eventTypes, from: [.platform], do: "refresh_fraud_warning") {
            try await fraudWarning($0)
        }
        handlers.on(
            [
                "application_fee.created", "balance.available", "topup.succeeded", "topup.reversed",
            ], from: [.platform, .connect], do: "request_balance_feed"
        ) { try await feed($0) }
        return handlers
    }
}
