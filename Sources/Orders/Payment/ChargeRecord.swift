import Domain
package import Ledger
package import Postgres
import Store
import StripeAPI

/// A charge that brought money for an order, as Souk keeps it.
struct ChargeRecord: Sendable {
    enum Purpose: String, Sendable {
        /// It pays the order.
        case sale
        /// It came for a canceled or paid order and goes back whole.
        case surplus
    }

    let id: StripeChargeID
    let order: ID<Order>
    let purpose: Purpose
    let paymentIntent: StripePaymentIntentID
    var status: String
    /// To whom Stripe moved it by itself; nil for a separate charge, which stays with the platform until it is transferred.
    let destination: Destination?
    let amount: Money
    /// What Stripe keeps back of a destination charge for the platform.
    let applicationFee: Money
    var balanceTransaction: StripeBalanceTransactionID?
    var transfer: StripeTransferID?
    var destinationPayment: StripeChargeID?
    var applicationFeeID: StripeApplicationFeeID?
    var failureCode: String?
    /// Where Stripe converted a destination charge: what it came to. Nil until its transfer and its fee are there.
    var settled: SettledCharge?

    struct Destination: Hashable, Sendable {
        let seller: ID<Seller>
        let stripeAccount: StripeAccountID
    }

    /// Stripe has filled in everything that belongs to the charge.
    var isComplete: Bool {
        guard balanceTransaction != nil else { return false }
        return destination == nil || transfer != nil && (applicationFee.isZero || applicationFeeID != nil)
    }

    static let columns = """
        id, order_id, purpose, payment_intent, status, seller_id, stripe_account, currency, amount_minor, \
        application_fee_minor, balance_transaction_id, transfer_id, destination_payment, application_fee_id, \
        failure_code, settled_currency, settled_minor, settled_fee_minor
        """

    init(row: PostgresRow) throws {
        let currency: Currency = try row.get("currency")
        id = try row.get("id")
        order = try row.get("order_id")
        purpose = try row.known("purpose")
        paymentIntent = try row.get("payment_intent")
        status = try row.get("status")
        let seller: ID<Seller>? = try row.get("seller_id")
        let account: StripeAccountID? = try row.get("stripe_account")
        if let seller, let account {
            destination = Destination(seller: seller, stripeAccount: account)
        } else {
            destination = nil
        }
        amount = Money(try row.get("amount_minor"), currency)
        applicationFee = Money(try row.get("application_fee_minor"), currency)
        balanceTransaction = try row.get("balance_transaction_id")
        transfer = try row.get("transfer_id")
        destinationPayment = try row.get("destination_payment")
        applicationFeeID = try row.get("application_fee_id")
        failureCode = try row.get("failure_code")
        settled = try row.get("settled_currency", as: String?.self).map { _ in try SettledCharge(row: row) }
    }

    /// A charge that Souk sees for the first time.
    init(
        _ charge: ChargeResource, of intent: StripePaymentIntentID, paying order: OrderRecord, as purpose: Purpose
    ) throws(MoneyError) {
        id = charge.id
        self.order = order.id
        self.purpose = purpose
        paymentIntent = intent
        status = charge.status.rawValue
        destination = order.destination.map { Destination(seller: $0.seller, stripeAccount: $0.stripeAccount) }
        amount = try order.total
        applicationFee = order.destination == nil ? .zero(order.currency) : order.applicationFee
        complete(from: charge)
    }

    /// Takes over what Stripe knows of the charge; what it once told stays.
    mutating func complete(from charge: ChargeResource) {
        status = charge.status.rawValue
        balanceTransaction = charge.balanceTransaction.map { StripeBalanceTransactionID($0.id) } ?? balanceTransaction
        transfer = charge.transfer.map { StripeTransferID($0.id) } ?? transfer
        destinationPayment =
            charge.transfer?.object?.destinationPayment.map { StripeChargeID($0.id) } ?? destinationPayment
        applicationFeeID = charge.applicationFee.map { StripeApplicationFeeID($0.id) } ?? applicationFeeID
        failureCode = charge.failureCode ?? failureCode
        settled = settled ?? told(by: charge)
    }

    private func told(by charge: ChargeResource) -> SettledCharge? {
        guard destination != nil, let transfer = charge.transfer?.object, transfer.currency != amount.currency else {
            return nil
        }
        let moved = Money(transfer.amount, transfer.currency)
        if applicationFee.isZero { return SettledCharge(amount: moved, fee: .zero(transfer.currency)) }
        guard let fee = charge.applicationFee?.object, fee.currency == transfer.currency else { return nil }
        return SettledCharge(amount: moved, fee: Money(fee.amount, fee.currency))
    }

    /// For the business entries about it.
    var dimensions: Dimensions { Dimensions(owner: .platform, seller: destination?.seller, order: order) }
}

extension StoreTransaction {
    func charge(_ id: StripeChargeID) async throws -> ChargeRecord? {
        try await query(
            "SELECT \(unescaped: ChargeRecord.columns) FROM charges WHERE id = \(id) FOR UPDATE"
        ).first.map(ChargeRecord.init)
    }

    func save(_ charge: ChargeRecord, createdAt: Timestamp) async throws {
        try await execute(
            """
            INSERT INTO charges
                (id, order_id, purpose, payment_intent, status, seller_id, stripe_account, currency, amount_minor,
                 application_fee_minor, balance_transaction_id, transfer_id, destination_payment, application_fee_id,
                 failure_code, settled_currency, settled_minor, settled_fee_minor, created_at, updated_at)
            VALUES (\(charge.id), \(charge.order), \(charge.purpose.rawValue), \(charge.paymentIntent),
                \(charge.status), \(charge.destination?.seller), \(charge.destination?.stripeAccount), \(charge.amount.currency),
                \(charge.amount.minorUnits), \(charge.applicationFee.minorUnits), \(charge.balanceTransaction),
                \(charge.transfer), \(charge.destinationPayment), \(charge.applicationFeeID), \(charge.failureCode),
                \(charge.settled?.amount.currency), \(charge.settled?.amount.minorUnits),
                \(charge.settled?.fee.minorUnits), \(createdAt), \(now))
            ON CONFLICT (id) DO UPDATE
                SET status = excluded.status, balance_transaction_id = excluded.balance_transaction_id,
                    transfer_id = excluded.transfer_id, destination_payment = excluded.destination_payment,
                    application_fee_id = excluded.application_fee_id, failure_code = excluded.failure_code,
                    settled_currency = excluded.settled_currency, settled_minor = excluded.settled_minor,
                    settled_fee_minor = excluded.settled_fee_minor,
                    updated_at = excluded.updated_at
            """)
    }

    /// Asks for the rows of everything that the charge moved.
    func requestFeeds(of charge: ChargeRecord) async throws {
        try await requestFeed(of: .platform)
        if let destination = charge.destination { try await requestFeed(of: .connected(destination.stripeAccount)) }
    }
}

extension SettledCharge {
    /// - Throws: for a charge of which nothing was converted.
    package init(row: PostgresRow) throws {
        let currency: Currency = try row.get("settled_currency")
        self.init(
            amount: Money(try row.get("settled_minor"), currency),
            fee: Money(try row.get("settled_fee_minor"), currency))
    }
}
