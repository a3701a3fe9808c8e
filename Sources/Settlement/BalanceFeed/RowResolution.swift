import Domain
import Ledger
import Orders
import Store
import StripeAPI

/// What is known of Souk's own objects when a page of rows is read.
struct KnownObjects: Sendable {
    struct Transfer: Hashable, Sendable {
        let id: String
        let order: ID<Order>?
        /// Whether it moves what the platform gives a seller without an order.
        var isAdjustment = false
    }

    var transfers: [String: Transfer] = [:]
    var transfersByCharge: [String: Transfer] = [:]
    var transfersByPayment: [String: Transfer] = [:]
    /// The application fee that the sale behind a transfer paid, by the transfer's id.
    var feesOfTransfers: [String: String] = [:]
    /// Orders of charges and application fees, by Stripe's id.
    var orders: [String: ID<Order>] = [:]
    /// The platform's charges of application fees that were looked at, by the fee's id.
    var chargesOfFees: [String: String] = [:]
    /// Stripe accounts of sellers.
    var sellerAccounts: Set<String> = []
    /// Objects that were looked at and are not Souk's.
    var external: Set<String> = []

    mutating func add(_ transfer: Transfer, charge: String?, payment: String?) {
        transfers[transfer.id] = transfer
        if let charge { transfersByCharge[charge] = transfer }
        if let payment { transfersByPayment[payment] = transfer }
    }
}

/// Which object a row is about, and whether it is Souk's business at all: a pure rule over the row's expanded source and
/// what is known already.
enum RowResolution: Hashable, Sendable {
    case resolved(BalanceTransaction.Subject, order: ID<Order>?, applicationFee: String?)
    /// Whose this charge of the platform is must be asked of Stripe first.
    case needsCharge(String)
    /// Whose this transfer is must be asked of Stripe first: its mirror may be read before its own row.
    case needsTransfer(String)
    /// Of which charge this application fee is must be asked of Stripe first.
    case needsFee(String)
    /// The payment in the connected account tells which transfer it mirrors.
    case needsPayment(String)

    static func of(
        _ source: BalanceTransactionSource?, category: String, owner: BalanceOwner, known: KnownObjects
    ) -> RowResolution {
        switch (source, owner) {
        case (.charge(let charge), .platform):
            guard let order = charge.soukOrder ?? known.orders[charge.cursor] else { return .external }
            return .resolved(.charge(charge.cursor), order: order, applicationFee: nil)
        case (.charge(let payment), .connected):
            guard let transfer = payment.sourceTransfer?.id else { return .external }
            // What comes back of one is no business of Souk's: only staff take it back, in Stripe's Dashboard.
            if known.transfers[transfer]?.isAdjustment == true {
                return .resolved(.transfer(transfer), order: nil, applicationFee: nil)
            }
            return ofTransfer(transfer, known: known, applicationFee: payment.applicationFee?.id)
        case (.transfer(let transfer), _):
            if transfer.soukAdjustment != nil {
                return .resolved(.transfer(transfer.cursor), order: nil, applicationFee: nil)
            }
            guard let order = transfer.soukOrder else { return .external }
            return .resolved(.transfer(transfer.cursor), order: order, applicationFee: nil)
        case (.transferReversal(let reversal), _):
            return ofTransfer(reversal.transfer.id.rawValue, known: known, applicationFee: nil)
        case (.applicationFee(let fee), _):
            return ofFee(fee.cursor, charge: fee.originatingTransaction?.id, known: known)
        case (.feeRefund(let refund), _):
            return ofFee(refund.fee.id.rawValue, charge: nil, known: known)
        case (.refund(let refund), .platform):
            guard let charge = refund.charge?.id.rawValue else { return .external }
            return ofCharge(charge, known: known, subject: .refund(refund.cursor))
        case (.refund(let refund), .connected):
            guard let payment = refund.charge?.id.rawValue else { return .external }
            if let transfer = known.transfersByPayment[payment] {
                // The fee comes back on this row, or on a row of its own from the same refund.
                let fee = known.feesOfTransfers[transfer.id]
                let resolution = ofTransfer(transfer.id, known: known, applicationFee: fee)
                guard category == "platform_earning_refund", let fee, case .resolved(_, let order?, _) = resolution
                else { return resolution }
                return .resolved(.applicationFee(fee), order: order, applicationFee: fee)
            }
            return known.external.contains(payment) ? .external : .needsPayment(payment)
        case (.dispute(let dispute), .platform):
            guard let charge = dispute.charge?.id.rawValue else { return .external }
            return ofCharge(charge, known: known, subject: .dispute(dispute.id))
        case (.dispute, .connected): return .external
        case (.payout(let payout), _):
            if known.external.contains(payout.cursor) { return .external }
            return .resolved(.payout(payout.cursor), order: nil, applicationFee: nil)
        case (.collection(let collection), _):
            // Of the platform's other accounts only its own row is read.
            guard owner != .platform || known.sellerAccounts.contains(collection.destination?.id.rawValue ?? "") else {
                return .external
            }
            return .resolved(.transfer(collection.id), order: nil, applicationFee: nil)
        // Souk makes no top-ups: whoever sends money to the platform's balance does it at Stripe.
        case (.other(let object), .platform) where object.object == "topup": return .external
        case (.other, _), (.id, _), (nil, _): return .resolved(.none, order: nil, applicationFee: nil)
        }
    }

    private static let external = RowResolution.resolved(.external, order: nil, applicationFee: nil)

    private static func ofCharge(
        _ charge: String, known: KnownObjects, subject: BalanceTransaction.Subject
    ) -> RowResolution {
        if let order = known.orders[charge] { return .resolved(subject, order: order, applicationFee: nil) }
        return known.external.contains(charge) ? external : .needsCharge(charge)
    }

    private static func ofTransfer(_ id: String, known: KnownObjects, applicationFee: String?) -> RowResolution {
        if let transfer = known.transfers[id] {
            guard transfer.order != nil else { return external }
            return .resolved(.transfer(id), order: transfer.order, applicationFee: applicationFee)
        }
        return known.external.contains(id) ? external : .needsTransfer(id)
    }

    private static func ofFee(_ fee: String, charge: String?, known: KnownObjects) -> RowResolution {
        if let order = known.orders[fee] ?? charge.flatMap({ known.transfersByCharge[$0]?.order }) {
            return .resolved(.applicationFee(fee), order: order, applicationFee: fee)
        }
        guard let charge = charge ?? known.chargesOfFees[fee] else {
            return known.external.contains(fee) ? external : .needsFee(fee)
        }
        guard case .resolved(let subject, let order, _) = ofCharge(charge, known: known, subject: .applicationFee(fee))
        else { return .needsCharge(charge) }
        return .resolved(subject, order: order, applicationFee: subject == .external ? nil : fee)
    }
}

extension AwaitedRow {
    /// What Stripe books with a row: a sale's transfer and fee, what of it was not captured, a transfer's mirror in the seller's balance. The mirror of
    /// a transfer that is not Souk's is none that could be told from others, and is not waited for.
    static func following(_ source: BalanceTransactionSource?, of owner: BalanceOwner, category: String) -> [AwaitedRow]
    {
        guard owner == .platform else { return [] }
        switch (source, category) {
        case (.charge(let charge), "charge"):
            let transfer = charge.transfer.map { AwaitedRow(owner: .platform, category: "transfer", object: $0.id) }
            let fee = charge.applicationFee.map {
                AwaitedRow(owner: .platform, category: "platform_earning", object: $0.id)
            }
            let released =
                charge.amountCaptured.map { $0 < charge.amount } == true
                ? AwaitedRow(owner: .platform, category: "partial_capture_reversal", object: charge.cursor) : nil
            return [transfer, fee, released].compactMap(\.self)
        case (.transfer(let transfer), "transfer"):
            guard let destination = transfer.destination,
                transfer.soukOrder != nil || transfer.soukAdjustment != nil
            else { return [] }
            return [AwaitedRow(owner: .connected(destination.id), category: "charge", object: transfer.cursor)]
        default: return []
        }
    }
}

extension TransferResource {
    /// The adjustment that it moves, by Souk's own word.
    var soukAdjustment: ID<Adjustment>? {
        guard sourceTransaction == nil else { return nil }
        return metadata["souk_adjustment"].flatMap { ID($0) }
    }
}

extension ChargeResource {
    /// The order that Souk wrote into the charge, if it is Souk's.
    var soukOrder: ID<Order>? { metadata["souk_order"].flatMap { ID($0) } ?? transferGroup.flatMap { ID($0) } }
}
