package import Domain

/// What a line of Stripe's books came from: an id, or with `expand[]=data.source` the object of whatever kind.
package indirect enum BalanceTransactionSource: Codable, Hashable, Sendable {
    case id(String)
    case charge(ChargeResource)
    case refund(RefundResource)
    case transfer(TransferResource)
    case transferReversal(TransferReversalResource)
    case applicationFee(ApplicationFeeResource)
    case feeRefund(FeeRefundResource)
    case payout(PayoutResource)
    case dispute(DisputeReference)
    case collection(CollectionTransfer)
    /// A kind that nothing here acts on; what Stripe adds comes as this.
    case other(OtherObject)

    package struct OtherObject: Codable, Hashable, Sendable {
        package let id: String
        package let object: String
    }

    /// What Stripe takes of the platform's balance to fill one that a connected account left below zero.
    package struct CollectionTransfer: Codable, Hashable, Sendable {
        package let id: String
        package let object: String
        package let destination: Reference<StripeAccount>?
    }

    /// The part of a dispute that tells which charge it is about.
    package struct DisputeReference: Codable, Hashable, Sendable {
        package let id: String
        package let object: String
        package let amount: Int64?
        package let currency: Currency?
        package let charge: Reference<StripeCharge>?
        package let paymentIntent: Reference<StripePaymentIntent>?

        private enum CodingKeys: String, CodingKey {
            case id, object, amount, currency, charge
            case paymentIntent = "payment_intent"
        }
    }

    package var id: String {
        switch self {
        case .id(let id): id
        case .charge(let charge): charge.cursor
        case .refund(let refund): refund.cursor
        case .transfer(let transfer): transfer.cursor
        case .transferReversal(let reversal): reversal.cursor
        case .applicationFee(let fee): fee.cursor
        case .feeRefund(let refund): refund.cursor
        case .payout(let payout): payout.cursor
        case .dispute(let dispute): dispute.id
        case .collection(let collection): collection.id
        case .other(let object): object.id
        }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let id = try? container.decode(String.self) {
            self = .id(id)
            return
        }
        let other = try container.decode(OtherObject.self)
        self =
            switch other.object {
            case "charge": .charge(try container.decode(ChargeResource.self))
            case "refund": .refund(try container.decode(RefundResource.self))
            case "transfer": .transfer(try container.decode(TransferResource.self))
            case "transfer_reversal": .transferReversal(try container.decode(TransferReversalResource.self))
            case "application_fee": .applicationFee(try container.decode(ApplicationFeeResource.self))
            case "fee_refund": .feeRefund(try container.decode(FeeRefundResource.self))
            case "payout": .payout(try container.decode(PayoutResource.self))
            case "dispute": .dispute(try container.decode(DisputeReference.self))
            case "connect_collection_transfer": .collection(try container.decode(CollectionTransfer.self))
            default: .other(other)
            }
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .id(let id): try container.encode(id)
        case .charge(let charge): try container.encode(charge)
        case .refund(let refund): try container.encode(refund)
        case .transfer(let transfer): try container.encode(transfer)
        case .transferReversal(let reversal): try container.encode(reversal)
        case .applicationFee(let fee): try container.encode(fee)
        case .feeRefund(let refund): try container.encode(refund)
        case .payout(let payout): try container.encode(payout)
        case .dispute(let dispute): try container.encode(dispute)
        case .collection(let collection): try container.encode(collection)
        case .other(let object): try container.encode(object)
        }
    }
}
