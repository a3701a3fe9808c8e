import Domain
package import Store

/// Shows how an order's money would divide now, and in which shape it would be charged. Writes nothing, asks Stripe
/// nothing, and does not look at the seller's readiness.
package struct PreviewOrder: Sendable {
    let store: Store
    let livemode: Bool

    package init(store: Store, livemode: Bool) {
        self.store = store
        self.livemode = livemode
    }

    package func callAsFunction(_ body: PlaceOrderBody) async throws -> OrderPreviewBody {
        let plan = try OrderPlan(body, livemode: livemode)
        let (division, reserves) = try await store.transaction { tx in
            let division = try await tx.divide(plan.draft)
            return (division, try await tx.reserveTerms(of: try division.shares.map(\.seller)))
        }
        return try OrderPreviewBody(
            plan, shape: try plan.shape(reserves: reserves), division, reserves: reserves,
            applicationFee: try division.applicationFeeAmount(), livemode: livemode)
    }
}

package struct OrderPreviewBody: Encodable, Sendable {
    let object = "order_preview"
    let chargeShape: String
    /// Null for separate charges.
    let seller: ID<Seller>?
    let sellers: [OrderSellerPreviewBody]
    let currency: Currency
    let amount: Int64
    let applicationFeeAmount: Int64
    let sellerAmount: Int64
    let platformFee: Int64
    let tax: Int64
    let platformSales: Int64
    let platformDiscount: Int64
    let lines: [OrderLinePreviewBody]
    let livemode: Bool

    init(
        _ plan: OrderPlan, shape: ChargeShape, _ division: OrderDivision, reserves: [ID<Seller>: ReserveTerms],
        applicationFee: Money, livemode: Bool
    ) throws {
        let shares = try division.shares
        chargeShape = shape.rawValue
        seller = shape == .separate ? nil : shares.first?.seller
        sellers = shares.map { share in
            OrderSellerPreviewBody(
                seller: share.seller, amount: share.amount.minorUnits,
                reserveAmount: reserves[share.seller]?.amount(of: share.amount).minorUnits ?? 0)
        }
        currency = plan.draft.currency
        amount = division.total.amount.minorUnits
        applicationFeeAmount = applicationFee.minorUnits
        sellerAmount = division.total.sellerAmount.minorUnits
        platformFee = division.total.platformFee.minorUnits
        tax = division.total.tax.minorUnits
        platformSales = division.total.platformSales.minorUnits
        platformDiscount = division.total.platformDiscount.minorUnits
        lines = division.lines.map(OrderLinePreviewBody.init)
        self.livemode = livemode
    }
}

/// What a seller would get.
struct OrderSellerPreviewBody: Encodable, Sendable {
    let object = "order_seller_preview"
    let seller: ID<Seller>
    let amount: Int64
    /// What of it would be held back.
    let reserveAmount: Int64
}

struct OrderLinePreviewBody: Encodable, Sendable {
    let object = "order_line_preview"
    let type: String
    let seller: ID<Seller>?
    let description: String
    let amount: Int64
    let feePolicy: ID<FeePolicy>?
    let applicationFeeAmount: Int64
    let sellerAmount: Int64
    let platformFee: Int64

    init(_ line: OrderLine) {
        type = line.kind.rawValue
        seller = line.seller
        description = line.description
        amount = line.amount.minorUnits
        feePolicy = line.feePolicy
        applicationFeeAmount = line.amount.minorUnits - line.parts.sellerAmount.minorUnits
        sellerAmount = line.parts.sellerAmount.minorUnits
        platformFee = line.parts.platformFee.minorUnits
    }
}
