package import Domain
package import Ledger
import Postgres
import Store

/// A payout as Souk keeps it.
package struct PayoutRecord: Hashable, Sendable {
    package let id: ID<Payout>
    package let stripeID: StripePayoutID
    package let owner: BalanceOwner
    /// Nil for the platform's own.
    package let seller: ID<Seller>?
    /// Stripe's word: `pending`, `in_transit`, `paid`, `failed` or `canceled`.
    package var status: String
    package let amount: Money
    package let automatic: Bool
    package let method: String
    package var arrivesAt: Timestamp
    package var failureCode: String?
    package var failureMessage: String?
    /// When the books have it as arrived.
    package var paidAt: Timestamp?
    /// When the books have it as come back.
    package var returnedAt: Timestamp?
    package var returnedAfterPaid: Bool
    package let createdAt: Timestamp

    static let columns = """
        id, stripe_id, stripe_account, seller_id, status, currency, amount_minor, automatic, method, arrives_at, \
        failure_code, failure_message, paid_at, returned_at, returned_after_paid, created_at
        """

    var facts: PayoutRules.Facts { PayoutRules.Facts(id: stripeID, owner: owner, seller: seller, amount: amount) }

    /// Every entry that the payout has caused so far: a repeat of what is booked changes nothing.
    func entries() throws -> [JournalEntry] {
        var entries = [try PayoutRules.created(facts, at: createdAt)]
        if let paidAt { entries.append(try PayoutRules.paid(facts, at: paidAt)) }
        if let returnedAt {
            entries.append(
                status == "canceled"
                    ? try PayoutRules.canceled(facts, at: returnedAt)
                    : try PayoutRules.failed(facts, afterPaid: returnedAfterPaid, at: returnedAt))
        }
        return entries
    }

    /// Moves along the payout's life as Stripe tells it. `paid` is not the end: a bank may return the money days later.
    func following(status: String, failureCode: String?, failureMessage: String?, at now: Timestamp) -> PayoutRecord {
        var next = self
        next.status = status
        next.failureCode = failureCode
        next.failureMessage = failureMessage
        switch status {
        case "paid": next.paidAt = paidAt ?? now
        case "failed", "canceled":
            next.returnedAt = returnedAt ?? now
            if returnedAt == nil { next.returnedAfterPaid = paidAt != nil }
        default: break
        }
        return next
    }
}

extension PayoutRecord {
    init(row: PostgresRow) throws {
        id = try row.get("id")
        stripeID = try row.get("stripe_id")
        owner = BalanceOwner(code: try row.get("stripe_account"))
        seller = try row.get("seller_id")
        status = try row.get("status")
        amount = Money(try row.get("amount_minor"), try row.get("currency"))
        automatic = try row.get("automatic")
        method = try row.get("method")
        arrivesAt = try row.get("arrives_at")
        failureCode = try row.get("failure_code")
        failureMessage = try row.get("failure_message")
        paidAt = try row.get("paid_at")
        returnedAt = try row.get("returned_at")
        returnedAfterPaid = try row.get("returned_after_paid")
        createdAt = try row.get("created_at")
    }
}
