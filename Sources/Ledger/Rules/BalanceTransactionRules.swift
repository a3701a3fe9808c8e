package import Domain

/// One row of Stripe's books, of the platform or of a connected account, with what we know of its object.
package struct BalanceTransaction: Hashable, Sendable {
    package struct Fee: Hashable, Sendable {
        /// Stripe's word: `application_fee`, `stripe_fee`, `tax`, …
        package let type: String
        /// With its own sign: positive is taken from the balance.
        package let amount: Int64

        package init(type: String, amount: Int64) {
            self.type = type
            self.amount = amount
        }
    }

    /// Which object of ours the row is about, as far as its expanded source tells.
    package enum Subject: Hashable, Sendable {
        case charge(String)
        case transfer(String)
        case applicationFee(String)
        case refund(String)
        case dispute(String)
        case payout(String)
        case topup(String)
        case reserve(String)
        /// A sale, refund or transfer that Souk has no part in.
        case external
        /// A fee or another row without an object.
        case none
    }

    package let id: StripeBalanceTransactionID
    package let owner: BalanceOwner
    /// The seller whose connected account this is; nil for the platform.
    package let seller: ID<Seller>?
    package let order: ID<Order>?
    package let amount: Money
    /// The object's own amount, with the row's sign, where Stripe converted it; nil where the row is in its currency.
    package let presented: Money?
    package let net: Money
    package let fees: [Fee]
    /// The application fee that a sale in a connected account paid, if any: the subject of that fee's leg.
    package let applicationFee: String?
    /// Stripe's reporting category, the only word that classifies a row: `type` alone does not.
    package let category: String
    /// `payments`, or the name of the reserve that the row moves.
    package let balanceType: String
    package let subject: Subject
    package let created: Timestamp

    package init(
        id: StripeBalanceTransactionID, owner: BalanceOwner, seller: ID<Seller>?, order: ID<Order>?, amount: Money,
        presented: Money? = nil, net: Money, fees: [Fee], applicationFee: String?, category: String,
        balanceType: String, subject: Subject,
        created: Timestamp
    ) {
        self.id = id
        self.owner = owner
        self.seller = seller
        self.order = order
        self.amount = amount
        self.presented = presented?.currency == amount.currency ? nil : presented
        self.net = net
        self.fees = fees
        self.applicationFee = applicationFee
        self.category = category
        self.balanceType = balanceType
        self.subject = subject
        self.created = created
    }
}

/// Stripe-side entries: what Stripe booked, one entry for each row (docs/money-flows.md, "Two sides that must
/// meet").
package enum BalanceTransactionRules {
    /// Souk's own word, and the only one that is not Stripe's: what a balance held when its books were opened.
    package static let openingCategory = "opening"

    /// All that a row asks for by itself: its own entry, and where Stripe has filled a seller's balance out of the platform's,
    /// what the seller owes for it (docs/money-flows.md, "What sellers owe").
    package static func entries(for row: BalanceTransaction) throws(UnbalancedEntry) -> [JournalEntry] {
        var entries: [JournalEntry] = []
        if let entry = try entry(for: row) { entries.append(entry) }
        if row.category == "connect_collection_transfer", case .transfer = row.subject, let seller = row.seller {
            entries.append(try ReceivableRules.collected(row, seller: seller))
        }
        return entries
    }

    /// The entry of one row: its `net` to the Stripe balance, its `amount` to the account that waits for it, over
    /// `fx:conversion` where Stripe converted it, and each of its fees, with its own sign, to whoever bears it.
    ///
    /// - Returns: nil for a row that moves nothing.
    /// - Throws: `UnbalancedEntry` if Stripe's `net` is not `amount` less the fees.
    package static func entry(for row: BalanceTransaction) throws(UnbalancedEntry) -> JournalEntry? {
        let balance: LedgerAccount =
            row.balanceType == "payments" ? .stripeBalance(row.owner) : .stripeReserved(row.owner)
        let (counterpart, subject) = counterpart(of: row)
        var postings = Posting.debit(balance, row.net)
        if let presented = row.presented, case .clearing = counterpart {
            // What waits is in the object's currency; its business entry turns the conversion round.
            postings += Posting.credit(counterpart, presented, subject: subject)
            postings += Posting.debit(.fxConversion, presented, subject: subject)
            postings += Posting.credit(.fxConversion, row.amount, subject: subject)
        } else {
            postings += Posting.credit(counterpart, row.amount, subject: subject)
        }
        for fee in row.fees {
            let (account, subject) = account(for: fee, of: row)
            postings += Posting.debit(account, Money(fee.amount, row.amount.currency), subject: subject)
        }
        guard !postings.isEmpty else { return nil }
        return try JournalEntry(
            cause: .balanceTransaction(row.id, of: row.owner), effectiveAt: row.created,
            dimensions: Dimensions(owner: row.owner, seller: row.seller, order: row.order), postings: postings)
    }

    /// Where the row's `amount` goes, and the object under which it is cleared.
    static func counterpart(of row: BalanceTransaction) -> (LedgerAccount, subject: String?) {
        switch (row.category, row.subject) {
        case (openingCategory, _): (row.seller.map(LedgerAccount.sellerFunds) ?? .openingEquity, nil)
        case (_, .external): (external(row), nil)
        case ("charge", .charge(let id)), ("charge_failure", .charge(let id)),
            ("partial_capture_reversal", .charge(let id)):
            (.clearing(.charge), id)
        case ("charge", .transfer(let id)), ("refund", .transfer(let id)), ("transfer", .transfer(let id)),
            ("transfer_reversal", .transfer(let id)), ("connect_collection_transfer", .transfer(let id)):
            (.clearing(.transfer), id)
        case ("platform_earning", .applicationFee(let id)), ("platform_earning_refund", .applicationFee(let id)),
            ("refund", .applicationFee(let id)), ("fee", .applicationFee(let id)):
            (.clearing(.applicationFee), id)
        case ("refund", .refund(let id)), ("refund_failure", .refund(let id)): (.clearing(.refund), id)
        case ("dispute", .dispute(let id)), ("dispute_reversal", .dispute(let id)): (.clearing(.dispute), id)
        case ("fee", .dispute(let id)): (bearer(of: row, platformPays: .disputeFees), id)
        case ("payout", .payout(let id)), ("payout_reversal", .payout(let id)): (.clearing(.payout), id)
        case ("topup", .topup(let id)), ("topup_reversal", .topup(let id)): (.clearing(.topup), id)
        case ("fee", _), ("tax", _): (bearer(of: row, platformPays: .stripeFees), nil)
        case ("risk_reserved_funds", _), ("connect_reserved_funds", _), ("payout_minimum_balance_hold", _),
            ("payout_minimum_balance_release", _):
            (.clearing(.reserve), reserveSubject(row))
        default: (.suspense, row.id.rawValue)
        }
    }

    private static func account(
        for fee: BalanceTransaction.Fee, of row: BalanceTransaction
    ) -> (LedgerAccount, subject: String?) {
        if row.subject == .external { return (external(row), nil) }
        if fee.type == "application_fee", let applicationFee = row.applicationFee {
            return (.clearing(.applicationFee), applicationFee)
        }
        if case .dispute(let id) = row.subject { return (bearer(of: row, platformPays: .disputeFees), id) }
        return (bearer(of: row, platformPays: .stripeFees), nil)
    }

    /// Fees of a connected account are the seller's; fees of the platform's balance are the platform's expense.
    private static func bearer(of row: BalanceTransaction, platformPays: LedgerAccount) -> LedgerAccount {
        row.seller.map(LedgerAccount.sellerFunds) ?? platformPays
    }

    private static func external(_ row: BalanceTransaction) -> LedgerAccount {
        row.seller.map(LedgerAccount.sellerFunds) ?? .externalEquity
    }

    /// A hold and its counter row share a source where Stripe gives one; else each currency of an owner is one subject.
    private static func reserveSubject(_ row: BalanceTransaction) -> String {
        if case .reserve(let id) = row.subject { return id }
        return "\(row.owner.code):\(row.amount.currency)"
    }
}
