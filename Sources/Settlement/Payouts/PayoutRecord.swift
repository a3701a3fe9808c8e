package import Domain
package import Ledger
import Postgres
import Store

/// How a payout came to be.
package enum PayoutOrigin: String, Hashable, Sendable, Codable {
    /// The marketplace asked Souk for it.
    case souk
    /// Stripe's schedule made it, or somebody in Stripe's Dashboard.
    case stripe
}

/// A payout as Souk keeps it.
package struct PayoutRecord: Hashable, Sendable {
    package let id: ID<Payout>
    /// Nil until Stripe has made it.
    package var stripeID: StripePayoutID?
    package let owner: BalanceOwner
    /// Nil for the platform's own.
    package let seller: ID<Seller>?
    /// Stripe's word: `pending`, `in_transit`, `paid`, `failed` or `canceled`.
    package var status: String
    package let amount: Money
    package let automatic: Bool
    package let method: String
    package let origin: PayoutOrigin
    /// The marketplace's own id of a payout that it asked for.
    package let externalID: String?
    /// The operation that makes it at Stripe; nil for one that Stripe had first.
    package let operation: ID<Operation>?
    package let description: String?
    package let metadata: Metadata
    /// Stripe's id of the bank account or card; nil until Stripe has said.
    package var destination: String?
    /// Nil until Stripe has said.
    package var arrivesAt: Timestamp?
    /// Stripe's word on whether an automatic payout can be listed.
    var reconciliationStatus: String?
    /// Stripe's id of the payout that this one takes back.
    var originalPayout: StripePayoutID?
    /// Where its items come from; nil until they are known.
    let itemsSource: String?
    package var failureCode: String?
    package var failureMessage: String?
    /// When the books have it as arrived.
    package var paidAt: Timestamp?
    /// When the books have it as come back.
    package var returnedAt: Timestamp?
    package var returnedAfterPaid: Bool
    /// Stripe's time; ours until Stripe has made it.
    package var createdAt: Timestamp
    /// When the books have it as on its way already, for one that left before they were opened.
    let openedAt: Timestamp?

    static let columns = """
        id, stripe_id, stripe_account, seller_id, status, currency, amount_minor, automatic, method, arrives_at, \
        failure_code, failure_message, paid_at, returned_at, returned_after_paid, created_at, origin, external_id, \
        operation_id, description, metadata, destination, reconciliation_status, original_payout, items_source, \
        opened_at
        """

    /// Stripe refused to make it: it never was.
    var isRefused: Bool { stripeID == nil && status == "failed" }

    /// Every entry that the payout has caused so far: a repeat of what is booked changes nothing.
    func entries() throws -> [JournalEntry] {
        guard let stripeID else { return [] }
        let facts = PayoutRules.Facts(id: stripeID, owner: owner, seller: seller, amount: amount)
        var entries = [
            try openedAt.map { try PayoutRules.wasOnItsWay(facts, at: $0) } ?? PayoutRules.created(facts, at: createdAt)
        ]
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
        origin = PayoutOrigin(rawValue: try row.get("origin")) ?? .stripe
        externalID = try row.get("external_id")
        operation = try row.get("operation_id")
        description = try row.get("description")
        metadata = try row.get("metadata", as: PostgresJSON.self).read(as: Metadata.self)
        destination = try row.get("destination")
        reconciliationStatus = try row.get("reconciliation_status")
        originalPayout = try row.get("original_payout")
        itemsSource = try row.get("items_source")
        arrivesAt = try row.get("arrives_at")
        failureCode = try row.get("failure_code")
        failureMessage = try row.get("failure_message")
        paidAt = try row.get("paid_at")
        returnedAt = try row.get("returned_at")
        returnedAfterPaid = try row.get("returned_after_paid")
        createdAt = try row.get("created_at")
        openedAt = try row.get("opened_at")
    }
}
