import Domain
import Postgres
import Store

/// An order as callers see it.
package struct OrderBody: Encodable, Sendable {
    let id: ID<Order>
    let object = "order"
    let externalID: String?
    let status: String
    let chargeShape: String
    /// Null for separate charges, as the account.
    let seller: ID<Seller>?
    let stripeAccount: StripeAccountID?
    let sellers: [OrderSellerBody]
    let currency: Currency
    let amount: Int64
    let applicationFeeAmount: Int64
    let amountCaptured: Int64
    let amountRefunded: Int64
    let transferGroup: String
    let payment: String
    let capture: String
    let release: ReleaseBody
    let disputeBearer: String
    let paymentIntent: StripePaymentIntentID?
    let checkoutSession: StripeCheckoutSessionID?
    let checkoutURL: String?
    let clientSecret: String?
    /// When the page closes by itself, for an order that is paid through Checkout.
    let expiresAt: Timestamp?
    let charge: StripeChargeID?
    let buyer: BuyerBody
    let lines: [OrderLineBody]
    let lastPaymentError: PaymentError?
    let disputeStatus: String?
    /// What banks warn of: `GET /v1/fraud_warnings/{id}` says what was done.
    let fraudWarnings: [ID<FraudWarning>]
    /// What Souk has yet to finish at Stripe for this order, or could not.
    let operation: OrderOperationBody?
    let successURL: String?
    let cancelURL: String?
    let metadata: Metadata
    let created: Timestamp
    let updated: Timestamp
    let paidAt: Timestamp?
    let canceledAt: Timestamp?
    let livemode: Bool

    init(
        _ order: OrderRecord, refunded: [ID<OrderLine>: Int64], standing: ShareStanding, operation: OrderOperationBody?
    ) {
        id = order.id
        externalID = order.externalID
        status = order.status.rawValue
        chargeShape = order.shape.rawValue
        seller = order.destination?.seller
        stripeAccount = order.destination?.stripeAccount
        sellers = order.sellers.map {
            OrderSellerBody($0, transfers: order.shape == .separate ? standing.transfers(to: $0.seller) : nil)
        }
        currency = order.currency
        amount = order.amount.minorUnits
        applicationFeeAmount = order.applicationFee.minorUnits
        amountCaptured = order.amountCaptured.minorUnits
        amountRefunded = order.amountRefunded.minorUnits
        transferGroup = order.id.rawValue
        payment = order.payment.rawValue
        capture = order.capture.rawValue
        disputeBearer = order.disputeBearer.rawValue
        release = ReleaseBody(on: order.release.moment, days: order.release.days)
        paymentIntent = order.payable.paymentIntent
        checkoutSession = order.payable.checkoutSession
        checkoutURL = order.payable.checkoutURL
        clientSecret = order.payable.clientSecret
        expiresAt = order.payable.state == .open ? order.payable.expiresAt : nil
        charge = order.charge
        buyer = BuyerBody(externalID: order.buyerExternalID, email: order.buyerEmail)
        lines = order.lines.map { line in
            OrderLineBody(
                line, refunded: refunded[line.id] ?? 0, release: order.releases[line.id],
                hold: standing.hold(of: line, in: order), reserve: order.reserves[line.id],
                reserveHold: standing.reserveHold(of: line))
        }
        lastPaymentError = order.lastPaymentError
        disputeStatus = order.disputeStage?.rawValue
        fraudWarnings = order.fraudWarnings
        self.operation = operation
        successURL = order.successURL
        cancelURL = order.cancelURL
        metadata = order.metadata
        created = order.created
        updated = order.updated
        paidAt = order.paidAt
        canceledAt = order.canceledAt
        livemode = order.livemode
    }
}

struct BuyerBody: Encodable, Sendable {
    let externalID: String?
    let email: String?
}

/// When the sellers get the money: with the payment, the only way of a destination charge, or later.
struct ReleaseBody: Encodable, Sendable {
    let on: String
    let days: Int64?
}

/// A seller's share of an order.
struct OrderSellerBody: Encodable, Sendable {
    let object = "order_seller"
    let seller: ID<Seller>
    let stripeAccount: StripeAccountID
    let amount: Int64
    /// What transfers have moved there, less what came back; null for a destination charge, which moves by itself.
    let amountTransferred: Int64?
    /// Those of separate charges, whatever became of them.
    let transfers: [ID<Transfer>]
    /// What of the amount is held back after the payment; null for nothing.
    let reserve: OrderReserveBody?

    init(_ seller: OrderSeller, transfers: [TransferBody]?) {
        self.seller = seller.seller
        stripeAccount = seller.stripeAccount
        amount = seller.amount.minorUnits
        amountTransferred = transfers.map { all in
            all.filter { $0.state == .paid }.reduce(0) { $0 + ($1.amount ?? 0) - $1.amountReversed }
        }
        self.transfers = (transfers ?? []).map(\.id)
        reserve = seller.reserve.map { OrderReserveBody($0, transfers: transfers ?? []) }
    }
}

/// What is held back of a seller's share, on the terms that were in force when the order was placed.
struct OrderReserveBody: Encodable, Sendable {
    let basisPoints: Int64
    let days: Int64
    /// What was held back when the order was paid; null before, as the next two.
    let amount: Int64?
    /// What of it is held back still.
    let amountHeld: Int64?
    let releaseAt: Timestamp?
    /// The one that moves it after that date.
    let transfer: ID<Transfer>?

    init(_ terms: ReserveTerms, transfers: [TransferBody]) {
        basisPoints = terms.basisPoints
        days = terms.days
        let own = transfers.first { $0.reserve != nil }
        amount = own?.reserve?.amount
        amountHeld = own?.reserve?.amountHeld
        releaseAt = own?.reserve?.releaseAt
        transfer = own?.id
    }
}

struct OrderLineBody: Encodable, Sendable {
    let id: ID<OrderLine>
    let object = "order_line"
    let type: String
    let seller: ID<Seller>?
    let description: String
    let unitAmount: Int64
    let quantity: Int64
    let amount: Int64
    let category: String?
    let fundedBy: String?
    let feeApplies: Bool
    let feePolicy: ID<FeePolicy>?
    /// What the line leaves with the platform: fee, tax and own sales less its discounts.
    let applicationFeeAmount: Int64
    let sellerAmount: Int64
    let platformFee: Int64
    let amountRefunded: Int64
    /// When the seller's share of separate charges is let go, or was.
    let releasedAt: Timestamp?
    let transfer: ID<Transfer>?
    /// Why the share is with the platform still; null for one that is not.
    let hold: HoldBody?
    /// What of the share was held back when the order was paid, and why it is with the platform still.
    let reserveAmount: Int64
    let reserveHold: HoldBody?

    init(
        _ line: OrderLine, refunded: Int64, release: LineRelease?, hold: HoldBody?, reserve: Money?,
        reserveHold: HoldBody?
    ) {
        id = line.id
        type = line.kind.rawValue
        seller = line.seller
        description = line.description
        unitAmount = line.unitAmount.minorUnits
        quantity = line.quantity
        amount = line.amount.minorUnits
        category = line.category
        fundedBy = line.fundedBy?.rawValue
        feeApplies = line.feeApplies
        feePolicy = line.feePolicy
        applicationFeeAmount = line.amount.minorUnits - line.parts.sellerAmount.minorUnits
        sellerAmount = line.parts.sellerAmount.minorUnits
        platformFee = line.parts.platformFee.minorUnits
        amountRefunded = refunded
        releasedAt = release?.releasedAt
        transfer = release?.transfer
        self.hold = hold
        reserveAmount = reserve?.minorUnits ?? 0
        self.reserveHold = reserveHold
    }
}

package struct OrderOperationBody: Encodable, Sendable {
    let id: ID<Operation>
    let kind: String
    let state: String
    let reason: String?
}

extension Store {
    /// The latest operation of each order, where it has not succeeded.
    func unfinishedOperations(of orders: [ID<Order>]) async throws -> [ID<Order>: OrderOperationBody] {
        guard !orders.isEmpty else { return [:] }
        let rows = try await query(
            """
            SELECT DISTINCT ON (subject_id) subject_id, id, kind, state, reason
            FROM stripe_operations WHERE subject_id = ANY (\(orders)) ORDER BY subject_id, id DESC
            """)
        var found: [ID<Order>: OrderOperationBody] = [:]
        for row in rows where try row.get("state", as: String.self) != OperationState.succeeded.rawValue {
            found[try row.get("subject_id")] = OrderOperationBody(
                id: try row.get("id"), kind: try row.get("kind"), state: try row.get("state"),
                reason: try row.get("reason"))
        }
        return found
    }

    func body(of order: OrderRecord) async throws -> OrderBody {
        OrderBody(
            order, refunded: try await refunded(ofLinesIn: [order.id]),
            standing: try await shareStandings(of: [order])[order.id] ?? ShareStanding(),
            operation: try await unfinishedOperations(of: [order.id])[order.id])
    }

    func bodies(of orders: [OrderRecord]) async throws -> [OrderBody] {
        let refunded = try await refunded(ofLinesIn: orders.map(\.id))
        let operations = try await unfinishedOperations(of: orders.map(\.id))
        let standings = try await shareStandings(of: orders)
        return orders.map {
            OrderBody(
                $0, refunded: refunded, standing: standings[$0.id] ?? ShareStanding(), operation: operations[$0.id])
        }
    }
}
