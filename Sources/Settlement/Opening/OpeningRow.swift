import Domain
import Ledger
import Postgres
import Store

/// The row of a balance that stands for all that Stripe booked before the books were opened.
enum OpeningRow {
    static let category = BalanceTransactionRules.openingCategory

    static func id(in currency: Currency) -> String { "opening_\(currency)" }

    /// The last moment before the books: a day, month or list that begins with them begins after it.
    static func time(before opening: Timestamp) -> Timestamp { opening.advanced(by: .milliseconds(-1)) }
}

extension Store {
    /// When the books of a balance were opened: what Stripe booked before is one row. Nil where everything is read.
    func opening(of owner: BalanceOwner) async throws -> Timestamp? {
        try await query("SELECT opened_at FROM balance_feeds WHERE stripe_account = \(owner.code)").first?
            .get("opened_at")
    }
}
