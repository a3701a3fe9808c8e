package import Domain
import Ledger
import Postgres
package import Sellers
package import Store
package import StripeAPI
import Web

/// What a marketplace asks for: part of a seller's balance at Stripe, to the seller's bank.
package struct PayoutWish: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable, Codable {
        /// In some days.
        case standard
        /// In minutes, for a fee, where Stripe allows it.
        case instant
    }

    let seller: ID<Seller>
    let amount: Money
    let method: Method
    let externalID: String
    let description: String?
    let metadata: Metadata

    package init(
        seller: ID<Seller>, amount: Money, method: Method, externalID: String, description: String?, metadata: Metadata
    ) {
        self.seller = seller
        self.amount = amount
        self.method = method
        self.externalID = externalID
        self.description = description
        self.metadata = metadata
    }

    /// - Throws: the refusal of the first field that Souk or Stripe could not take.
    func check() throws(Refusal) {
        guard amount.isPositive else {
            throw Refusal(.amountTooSmall, "A payout takes at least 1.", parameter: "amount")
        }
        let step = amount.currency.rule.payoutStep
        guard amount.minorUnits % step == 0 else {
            throw Refusal(
                .parameterInvalid, "A payout in \(amount.currency) is a multiple of \(step).", parameter: "amount")
        }
        try PlainText.check(externalID, 1...255, parameter: "external_id")
        if let description { try PlainText.check(description, 1...500, parameter: "description") }
    }

    /// Finds what was asked for under the same `external_id`.
    var search: PostgresQuery {
        "SELECT \(unescaped: PayoutRecord.columns) FROM payouts WHERE external_id = \(externalID)"
    }

    /// The payout that an earlier call asked for; one that Stripe refused never was.
    /// - Throws: `external_id_taken` unless it was asked for with the same facts.
    func found(in rows: [PostgresRow]) throws -> PayoutRecord? {
        guard let known = try rows.first.map(PayoutRecord.init), !known.isRefused else { return nil }
        let isSame =
            known.seller == seller && known.amount == amount && known.method == method.rawValue
            && known.description == description && known.metadata == metadata
        guard isSame else {
            throw Refusal(
                .externalIDTaken,
                "The payout \(known.id) has this external_id and was asked for with other facts. Repeat those, or give "
                    + "another external_id.",
                parameter: "external_id")
        }
        return known
    }
}

/// Pays a seller out on request, once however often it is asked for.
///
/// What Stripe has for the seller is read first, never computed. The payout and the operation that makes it are committed
/// together before Stripe is called; Stripe's answer, its events and its lists all end in `RefreshPayout`.
package struct RequestPayout: Sendable {
    let store: Store
    let engine: OperationEngine
    let stripe: StripeClient
    let refreshAccount: RefreshAccount

    package init(store: Store, engine: OperationEngine, stripe: StripeClient, refreshAccount: RefreshAccount) {
        self.store = store
        self.engine = engine
        self.stripe = stripe
        self.refreshAccount = refreshAccount
    }

    /// - Returns: the payout, and whether this call made it. While Stripe is away it has no id of Stripe's yet.
    /// - Throws: `seller_not_ready` and `payout_blocked` saying why, `balance_insufficient` with what Stripe has,
    ///   `external_id_taken` for other facts, `stripe_refused`, `stripe_unavailable`; nothing is written then.
    package func callAsFunction(
        _ wish: PayoutWish, by caller: Caller, claim: IdempotencyClaim? = nil
    ) async throws -> (payout: PayoutRecord, isNew: Bool) {
        try wish.check()
        if let earlier = claim?.subject.flatMap({ ID<Payout>($0) }) {
            return (try await finish(try await store.requirePayout(earlier)), false)
        }
        if let known = try wish.found(in: try await store.query(wish.search)) {
            return (try await finish(known), false)
        }
        let account = try await store.requireSeller(wish.seller).requireConnectedAccount(to: "be paid out")
        // Whether the bank account is still the one that sent money back, only Stripe knows now.
        try await refreshAccount(account)
        let shortage = try await shortage(for: wish, of: account)
        let (payout, isNew) = try await store.transaction { tx -> (payout: PayoutRecord, isNew: Bool) in
            // Payouts of one seller are asked for one at a time, so that the books cannot be promised twice.
            guard let seller = try await tx.lockSeller(wish.seller) else {
                throw PayoutError.missing(wish.seller.rawValue)
            }
            // Another call with the same external_id was quicker.
            if let known = try wish.found(in: try await tx.query(wish.search)) { return (known, false) }
            let obstacle = try await tx.obstacle(to: wish, from: seller)
            // Of money that is not there, Stripe's figure is the clearer answer.
            if let shortage, obstacle?.isAboutTheSeller != true { throw shortage }
            if let obstacle {
                throw Refusal(obstacle.code, "Seller \(seller.id) cannot be paid out: \(obstacle.message).")
            }
            let written = try await tx.write(wish, account: account, by: caller)
            if written.isNew { try await tx.bind(claim, to: written.payout.id.rawValue) }
            return written
        }
        return (try await finish(payout), isNew)
    }

    /// - Returns: `balance_insufficient` with what Stripe has; nil if that is enough.
    private func shortage(for wish: PayoutWish, of account: StripeAccountID) async throws -> Refusal? {
        let balance = try await stripe.send(RetrieveBalance(account: account))
        let amounts = wish.method == .instant ? balance.instantAvailable ?? [] : balance.available
        let available = amounts.filter { $0.currency == wish.amount.currency }.reduce(0) { $0 + $1.amount }
        guard available < wish.amount.minorUnits else { return nil }
        return Refusal(
            .balanceInsufficient,
            "The seller has \(Money(available, wish.amount.currency)) at Stripe that can be paid out "
                + "\(wish.method == .instant ? "at once" : "now"). Ask for no more, or wait until more is available: "
                + "GET /v1/sellers/\(wish.seller)/balance.",
            parameter: "amount")
    }

    /// Performs the operation that makes it, where it has not been yet.
    private func finish(_ payout: PayoutRecord) async throws -> PayoutRecord {
        guard payout.stripeID == nil, let operation = payout.operation else { return payout }
        let outcome = try await engine.perform(operation)
        let current = try await store.requirePayout(payout.id)
        guard current.isRefused else { return current }
        throw Refusal(
            current.failureCode == "balance_insufficient" ? .balanceInsufficient : .stripeRefused,
            outcome.reason ?? "Stripe refused the payout.")
    }
}

extension StoreTransaction {
    fileprivate func obstacle(to wish: PayoutWish, from seller: SellerRecord) async throws -> PayoutObstacle? {
        try await obstacle(
            to: wish.amount, from: seller,
            funds: try await fundsNotOnTheirWay(of: seller, in: wish.amount.currency))
    }

    /// What stands in the way of a payout that was asked for before, of a locked seller: it is among those on their way.
    func obstacle(toMaking payout: PayoutRecord, from seller: SellerRecord) async throws -> PayoutObstacle? {
        let others = try await fundsNotOnTheirWay(of: seller, in: payout.amount.currency)
        return try await obstacle(to: payout.amount, from: seller, funds: others + payout.amount.minorUnits)
    }

    private func obstacle(
        to amount: Money, from seller: SellerRecord, funds: Int64
    ) async throws -> PayoutObstacle? {
        PayoutObstacle.to(
            payingOut: amount, from: seller, funds: Money(funds, amount.currency),
            returned: try await destinationsThatReturned(of: seller))
    }

    /// The seller's money by the books, less what is in transit and what was asked for and is not at Stripe yet.
    private func fundsNotOnTheirWay(of seller: SellerRecord, in currency: Currency) async throws -> Int64 {
        let owner = seller.stripeAccount.map(BalanceOwner.connected) ?? .platform
        let rows = try await query(
            """
            SELECT (
                coalesce(-(SELECT balance_minor FROM ledger_accounts
                    WHERE code = \(LedgerAccount.sellerFunds(seller.id).code) AND currency = \(currency)), 0)
                - coalesce((SELECT balance_minor FROM ledger_accounts
                    WHERE code = \(LedgerAccount.transit(owner).code) AND currency = \(currency)), 0)
                - coalesce((SELECT sum(amount_minor) FROM payouts
                    WHERE seller_id = \(seller.id) AND currency = \(currency) AND stripe_id IS NULL
                        AND status = 'pending'), 0))::bigint AS funds
            """)
        return try rows.first?.get("funds") ?? 0
    }

    /// Destinations whose latest payout came back, with the bank's reason.
    private func destinationsThatReturned(of seller: SellerRecord) async throws -> [String: String?] {
        let rows = try await query(
            """
            SELECT destination, failure_code FROM (
                SELECT DISTINCT ON (destination) destination, status, failure_code FROM payouts
                WHERE seller_id = \(seller.id) AND stripe_account = \(seller.stripeAccount) AND destination IS NOT NULL
                ORDER BY destination, created_at DESC, id DESC
            ) AS latest WHERE status = 'failed'
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map {
                (try $0.get("destination") as String, try $0.get("failure_code") as String?)
            })
    }
}

extension StoreTransaction {
    /// Writes the payout down with the operation that makes it.
    fileprivate func write(
        _ wish: PayoutWish, account: StripeAccountID, by caller: Caller
    ) async throws -> (payout: PayoutRecord, isNew: Bool) {
        guard let payout = try await insert(wish, account: account) else {
            // Another call with the same external_id, for another seller, was quicker.
            guard let known = try wish.found(in: try await query(wish.search)) else {
                throw PayoutError.missing(wish.externalID)
            }
            return (known, false)
        }
        let operation = try await enqueue(
            lettingOut: wish.amount, as: .payout, by: caller,
            NewOperation(kind: .createPayout, subject: payout.id.rawValue, startsInline: true)
        ) { OperationRequest(payout.call(to: account, by: $0).request) }
        try await audit(
            "payout.request", subject: payout.id.rawValue, by: caller,
            details: ["amount": "\(wish.amount)", "seller": wish.seller.rawValue])
        let rows = try await query(
            """
            UPDATE payouts SET operation_id = \(operation) WHERE id = \(payout.id)
            RETURNING \(unescaped: PayoutRecord.columns)
            """)
        guard let row = rows.first else { throw PayoutError.missing(payout.id.rawValue) }
        return (try PayoutRecord(row: row), true)
    }

    /// What Stripe refused before under this external id is replaced.
    /// - Returns: nil if a payout has the external id already.
    private func insert(_ wish: PayoutWish, account: StripeAccountID) async throws -> PayoutRecord? {
        try await query(
            """
            INSERT INTO payouts AS p (id, origin, external_id, stripe_account, seller_id, status, currency, amount_minor,
                automatic, method, description, metadata, created_at, updated_at)
            VALUES (\(makeID(Payout.self)), 'souk', \(wish.externalID), \(account), \(wish.seller), 'pending',
                \(wish.amount.currency), \(wish.amount.minorUnits), false, \(wish.method.rawValue), \(wish.description),
                \(try PostgresJSON(encoding: wish.metadata)), \(now), \(now))
            ON CONFLICT (external_id) DO UPDATE
                SET stripe_account = excluded.stripe_account, seller_id = excluded.seller_id, status = 'pending',
                    currency = excluded.currency, amount_minor = excluded.amount_minor, method = excluded.method,
                    description = excluded.description, metadata = excluded.metadata, failure_code = NULL,
                    failure_message = NULL, created_at = excluded.created_at, updated_at = excluded.updated_at
                WHERE p.stripe_id IS NULL AND p.status = 'failed'
            RETURNING \(unescaped: PayoutRecord.columns)
            """
        ).first.map(PayoutRecord.init)
    }
}

/// Something is wrong with Souk's own rows: for the log and the operation's reason, never for callers.
enum PayoutError: Error, CustomStringConvertible {
    case missing(String)
    /// Stripe made a second payout for one that was asked for once.
    case second(StripePayoutID, for: ID<Payout>)

    var description: String {
        switch self {
        case .missing(let id): "the payout \(id) of an operation does not exist"
        case .second(let second, let payout):
            "Stripe shows \(second) for the payout \(payout), which is another one at Stripe already"
        }
    }
}
