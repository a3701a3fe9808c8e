import Domain
package import Ledger
package import Logging
import Postgres
package import Store
package import StripeAPI

/// Works out what each payout of a balance is made of, once, when the rows that it can be made of have been read.
///
/// Stripe lists an automatic payout. Any other takes the oldest available money first, and divides the row that would go
/// past its amount. One payout after the other, in the order in which they were made: each stands on what is left by those
/// before it. Payouts that came back let go of what they took.
package struct ItemizePayouts: Sendable {
    /// Rows that explain a payout may show late. After this long it is itemized with what there is, and the rest is shown
    /// as unexplained: later payouts wait for it.
    static let patience: Duration = .seconds(25 * 3600)
    private static let limit = 50

    let store: Store
    let stripe: StripeClient
    let logger: Logger

    package init(store: Store, stripe: StripeClient, logger: Logger) {
        self.store = store
        self.stripe = stripe
        self.logger = logger
    }

    /// What cannot be worked out now is tried again when the balance is read again.
    package func callAsFunction(_ owner: BalanceOwner) async throws {
        var waiting: Set<Currency> = []
        for payout in try await unitemized(of: owner) where !waiting.contains(payout.amount.currency) {
            do {
                if try await !itemize(payout) { waiting.insert(payout.amount.currency) }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                waiting.insert(payout.amount.currency)
                logger.warning("a payout's items wait", metadata: ["payout": "\(payout.id)", "error": "\(error)"])
            }
        }
    }

    private func unitemized(of owner: BalanceOwner) async throws -> [PayoutRecord] {
        try await store.query(
            """
            SELECT \(unescaped: PayoutRecord.columns) FROM payouts
            WHERE stripe_account = \(owner.code) AND itemized_at IS NULL AND stripe_id IS NOT NULL
            ORDER BY created_at, id LIMIT \(Self.limit)
            """
        ).map(PayoutRecord.init)
    }

    /// - Returns: false if something must come first.
    private func itemize(_ payout: PayoutRecord) async throws -> Bool {
        guard let stripeID = payout.stripeID else { return false }
        var listed: ListedRows?
        if payout.automatic {
            if payout.reconciliationStatus == "completed" {
                listed = try await list(stripeID, of: payout.owner)
            } else if payout.returnedAt == nil {
                return false
            }
            // Stripe may never list one that came back before it was sent.
        }
        let list = listed
        return try await store.transaction { tx in
            try await tx.itemize(payout, listed: list)
        }
    }

    /// The rows of an automatic payout.
    private func list(_ payout: StripePayoutID, of owner: BalanceOwner) async throws -> ListedRows {
        let opening = try await store.opening(of: owner)
        var listed = ListedRows()
        let call = ListBalanceTransactions(account: owner.stripeAccount, payout: payout)
        for try await page in stripe.pages(of: call, priority: .event) {
            for row in page {
                if let opening, row.created < opening {
                    listed.beforeBooks += row.net
                } else {
                    listed.ids.append(row.id)
                }
            }
        }
        listed.ids.reverse()
        return listed
    }
}

/// What Stripe lists of an automatic payout.
private struct ListedRows: Sendable {
    /// Oldest first.
    var ids: [StripeBalanceTransactionID] = []
    /// What the rows from before the books come to: they are a part of the row that stands for them.
    var beforeBooks: Int64 = 0
}

extension StoreTransaction {
    fileprivate func itemize(
        _ payout: PayoutRecord, listed: ListedRows?
    ) async throws -> Bool {
        // One payout of a balance at a time: what is left for the next follows from the one before.
        _ = try await query(
            "SELECT 1 FROM balance_feeds WHERE stripe_account = \(payout.owner.code) FOR UPDATE")
        let rows = try await query(
            """
            SELECT itemized_at IS NOT NULL AS is_done, (
                SELECT id FROM balance_transactions b
                WHERE b.stripe_account = payouts.stripe_account AND b.source_id = payouts.stripe_id
                    AND b.category = 'payout' LIMIT 1) AS own
            FROM payouts WHERE id = \(payout.id) FOR UPDATE
            """)
        guard let row = rows.first, let own: StripeBalanceTransactionID = try row.get("own") else { return false }
        if try row.get("is_done") { return true }
        // Its own row moves what it is made of. A fee of it is a row like others, for a later payout to take along.
        let parts =
            if let listed { try await parts(of: payout, listed: listed, besides: own) } else {
                try await allocate(payout, besides: own)
            }
        let isWhole = parts.reduce(0) { $0 + $1.amount } == payout.amount.minorUnits
        guard isWhole || payout.createdAt.advanced(by: ItemizePayouts.patience) < now else { return false }
        try await write(parts, of: payout, source: listed == nil ? "allocation" : "stripe")
        return true
    }

    /// What Stripe lists, with each other payout among the rows replaced by what that one took or gave back.
    private func parts(
        of payout: PayoutRecord, listed: ListedRows, besides own: StripeBalanceTransactionID
    ) async throws -> [PayoutAllocation.Open] {
        let ids = listed.ids.filter { $0 != own }
        let rows = try await query(
            """
            SELECT b.id, \(unescaped: PayoutRow.value) AS value, b.category, b.source_id
            FROM unnest(\(ids.map(\.rawValue))) WITH ORDINALITY AS given (id, place)
            JOIN balance_transactions b ON b.stripe_account = \(payout.owner.code) AND b.id = given.id
            ORDER BY given.place
            """)
        var parts: [PayoutAllocation.Open] = []
        if listed.beforeBooks != 0 {
            let opening = StripeBalanceTransactionID(OpeningRow.id(in: payout.amount.currency))
            parts.append(PayoutAllocation.Open(opening, listed.beforeBooks))
        }
        for row in rows {
            parts.append(PayoutAllocation.Open(try row.get("id"), try row.get("value")))
            let category: String = try row.get("category")
            guard category.hasPrefix("payout"), let other: StripePayoutID = try row.get("source_id") else { continue }
            parts += try await items(of: other, owner: payout.owner, sign: category == "payout" ? -1 : 1)
        }
        return PayoutAllocation.sum(parts)
    }

    private func allocate(
        _ payout: PayoutRecord, besides own: StripeBalanceTransactionID
    ) async throws -> [PayoutAllocation.Open] {
        // One that takes another back is that one with its sign turned.
        guard payout.amount.isPositive else {
            guard let original = payout.originalPayout else { return [] }
            return try await items(of: original, owner: payout.owner, sign: -1)
        }
        let rows = try await query(
            """
            SELECT b.id, \(unescaped: PayoutRow.value) - coalesce(taken.amount, 0) AS open
            FROM balance_transactions b
            \(unescaped: PayoutRow.taken)
            WHERE b.stripe_account = \(payout.owner.code) AND b.currency = \(payout.amount.currency)
                AND b.balance_type = 'payments' AND b.id <> \(own) AND b.created_at <= \(payout.createdAt)
                AND (b.available_at <= \(payout.createdAt) OR \(payout.method == "instant"))
                AND \(unescaped: PayoutRow.value) <> coalesce(taken.amount, 0)
            ORDER BY b.available_at > \(payout.createdAt), b.created_at, b.id
            """)
        let open = try rows.map { PayoutAllocation.Open(try $0.get("id"), try $0.get("open")) }
        return PayoutAllocation.oldestFirst(open, toSumTo: payout.amount.minorUnits).taken
    }

    private func items(
        of payout: StripePayoutID, owner: BalanceOwner, sign: Int64
    ) async throws -> [PayoutAllocation.Open] {
        try await query(
            """
            SELECT i.transaction_id, i.amount_minor FROM payouts p JOIN payout_items i ON i.payout_id = p.id
            WHERE p.stripe_id = \(payout) AND p.stripe_account = \(owner.code) ORDER BY i.position
            """
        ).map { PayoutAllocation.Open(try $0.get("transaction_id"), sign * (try $0.get("amount_minor") as Int64)) }
    }

    private func write(_ parts: [PayoutAllocation.Open], of payout: PayoutRecord, source: String) async throws {
        try await execute(
            """
            INSERT INTO payout_items (payout_id, position, stripe_account, transaction_id, amount_minor)
            SELECT \(payout.id), row_number() OVER (ORDER BY b.created_at, given.place), b.stripe_account, b.id,
                given.amount
            FROM unnest(\(parts.map(\.transaction.rawValue)), \(parts.map(\.amount))) WITH ORDINALITY
                AS given (id, amount, place)
            JOIN balance_transactions b ON b.stripe_account = \(payout.owner.code) AND b.id = given.id
            """)
        try await execute(
            "UPDATE payouts SET items_source = \(source), itemized_at = \(now) WHERE id = \(payout.id)")
    }
}

/// Rows of a balance as payouts take them; `b` is the row.
enum PayoutRow {
    /// What the row brought to the balance or took from it, for payouts to take along: its net. A payout's own row, and the
    /// one with which it came back, move what other rows brought; theirs is only their fee.
    static let value = "(CASE WHEN b.category IN ('payout', 'payout_reversal') THEN -b.fee_minor ELSE b.net_minor END)"

    /// What of the row is in payouts that did not come back.
    static let taken = """
        LEFT JOIN LATERAL (
            SELECT sum(i.amount_minor)::bigint AS amount FROM payout_items i JOIN payouts p ON p.id = i.payout_id
            WHERE i.stripe_account = b.stripe_account AND i.transaction_id = b.id AND p.returned_at IS NULL
        ) taken ON true
        """
}
