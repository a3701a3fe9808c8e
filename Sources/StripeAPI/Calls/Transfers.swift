package import Domain

/// Moves money from the platform's balance to a connected account's: of one charge, where it becomes available when the
/// charge does; without one, out of what the platform has available now.
package struct CreateTransfer: StripeCall {
    package typealias Answer = TransferResource

    package var amount: Money
    package var destination: StripeAccountID
    /// The transfers of one charge are together at most what it brought, also after reversals. Nil for a plain transfer.
    package var sourceTransaction: StripeChargeID?
    package var transferGroup: String
    package var metadata: [String: String]

    package init(
        amount: Money, destination: StripeAccountID, sourceTransaction: StripeChargeID?, transferGroup: String,
        metadata: [String: String]
    ) {
        self.amount = amount
        self.destination = destination
        self.sourceTransaction = sourceTransaction
        self.transferGroup = transferGroup
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount.minorUnits)
        form.set("currency", amount.currency)
        form.set("destination", destination)
        form.set("source_transaction", sourceTransaction)
        form.set("transfer_group", transferGroup)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/transfers", form: form)
    }
}

package struct RetrieveTransfer: StripeCall {
    package typealias Answer = TransferResource

    package var id: StripeTransferID

    package init(_ id: StripeTransferID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/transfers/\(id)") }
}

package struct ListTransfers: StripeListCall {
    package typealias Element = TransferResource

    /// Nil for all.
    package var destination: StripeAccountID?
    package var transferGroup: String?
    package var page: StripePage

    package init(
        destination: StripeAccountID? = nil, transferGroup: String? = nil, page: StripePage = StripePage()
    ) {
        self.destination = destination
        self.transferGroup = transferGroup
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("destination", destination)
        form.set("transfer_group", transferGroup)
        form.set(page)
        return StripeRequest(.get, "/v1/transfers", form: form)
    }
}

/// Takes money of a transfer back into the platform's balance.
package struct CreateTransferReversal: StripeCall {
    package typealias Answer = TransferReversalResource

    package var transfer: StripeTransferID
    package var amount: Int64
    package var metadata: [String: String]

    package init(transfer: StripeTransferID, amount: Int64, metadata: [String: String]) {
        self.transfer = transfer
        self.amount = amount
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/transfers/\(transfer)/reversals", form: form)
    }
}

package struct RetrieveTransferReversal: StripeCall {
    package typealias Answer = TransferReversalResource

    package var transfer: StripeTransferID
    package var id: StripeTransferReversalID

    package init(_ id: StripeTransferReversalID, of transfer: StripeTransferID) {
        self.id = id
        self.transfer = transfer
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/transfers/\(transfer)/reversals/\(id)") }
}

/// The reversals of one transfer. Stripe takes no filter by time here.
package struct ListTransferReversals: StripeListCall {
    package typealias Element = TransferReversalResource

    package var transfer: StripeTransferID
    package var page: StripePage

    package init(transfer: StripeTransferID, page: StripePage = StripePage()) {
        self.transfer = transfer
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/transfers/\(transfer)/reversals", form: form)
    }
}
