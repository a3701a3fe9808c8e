import Domain
import Ledger
import StripeAPI

/// What is known of Souk's own objects when a page of rows is read.
struct KnownObjects: Sendable {
    struct Transfer: Hashable, Sendable {
        let id: String
        let order: ID<Order>?
    }

    var transfers: [String: Transfer] = [:]
    var transfersByCharge: [String: Transfer] = [:]
    var transfersByPayment: [String: Transfer] = [:]
    /// Orders of charges and application fees, by Stripe's id.
    var orders: [String: ID<Order>] = [:]
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
    /// The payment in the connected account tells which transfer it mirrors.
    case needsPayment(String)

    static func of(_ source: BalanceTransactionSource?, owner: BalanceOwner, known: KnownObjects) -> RowResolution {
        switch (source, owner) {
        case (.charge(let charge), .platform):
            guard let order = charge.soukOrder ?? known.orders[charge.cursor] else { return .external }
            return .resolved(.charge(charge.cursor), order: order, applicationFee: nil)
        case (.charge(let payment), .connected):
            guard let transfer = payment.sourceTransfer?.id else { return .external }
            return ofTransfer(transfer, known: known, applicationFee: payment.applicationFee?.id)
        case (.transfer(let transfer), _):
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
                return ofTransfer(transfer.id, known: known, applicationFee: nil)
            }
            return known.external.contains(payment) ? .external : .needsPayment(payment)
        case (.dispute(let dispute), .platform):
            guard let charge = dispute.charge?.id.rawValue else { return .external }
            return ofCharge(charge, known: known, subject: .dispute(dispute.id))
        case (.dispute, .connected): return .external
        case (.payout(let payout), _): return .resolved(.payout(payout.cursor), order: nil, applicationFee: nil)
        case (.other(let object), _) where object.object == "topup":
            return .resolved(.topup(object.id), order: nil, applicationFee: nil)
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
        guard let charge else { return external }
        return ofCharge(charge, known: known, subject: .applicationFee(fee))
    }
}

/// A row that must exist because of another: until it is there, its object's books are not complete.
struct AwaitedRow: Hashable, Sendable {
    let owner: BalanceOwner
    let category: String
    let subject: String

    /// What Stripe books with a row: a sale's transfer and fee, a transfer's mirror in the seller's balance.
    static func following(_ source: BalanceTransactionSource?, of owner: BalanceOwner, category: String) -> [AwaitedRow]
    {
        guard owner == .platform else { return [] }
        switch (source, category) {
        case (.charge(let charge), "charge"):
            let transfer = charge.transfer.map { AwaitedRow(owner: .platform, category: "transfer", subject: $0.id) }
            let fee = charge.applicationFee.map {
                AwaitedRow(owner: .platform, category: "platform_earning", subject: $0.id)
            }
            return [transfer, fee].compactMap(\.self)
        case (.transfer(let transfer), "transfer"):
            guard let destination = transfer.destination else { return [] }
            return [AwaitedRow(owner: .connected(destination.id), category: "charge", subject: transfer.cursor)]
        default: return []
        }
    }
}

extension ChargeResource {
    /// The order that Souk wrote into the charge, if it is Souk's.
    var soukOrder: ID<Order>? { metadata["souk_order"].flatMap { ID($0) } ?? transferGroup.flatMap { ID($0) } }
}

extension TransferResource {
    /// The order whose money it is, if it is Souk's.
    var soukOrder: ID<Order>? { metadata["souk_order"].flatMap { ID($0) } ?? transferGroup.flatMap { ID($0) } }
}
