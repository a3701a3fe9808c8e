package import Domain

/// Sends money from the platform's balance to a connected account. With a source charge it goes although that charge is
/// pending, and no further than its amount.
package struct CreateTransfer: StripeCall {
    package typealias Answer = TransferResource

    package var amount: Money
    package var destination: StripeAccountID
    package var sourceTransaction: StripeChargeID?
    package var transferGroup: String?
    package var description: String?
    package var metadata: [String: String]

    package init(
        amount: Money,
        destination: StripeAccountID,
        sourceTransaction: StripeChargeID? = nil,
        transferGroup: String? = nil,
        description: String? = nil,
        metadata: [String: String] = [:]
    ) {
        self.amount = amount
        self.destination = destination
        self.sourceTransaction = sourceTransaction
        self.transferGroup = transferGroup
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount.minorUnits)
        form.set("currency", amount.currency)
        form.set("destination", destination)
        form.set("source_transaction", sourceTransaction)
        form.set("transfer_group", transferGroup)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/transfers", form: form)
    }
}

package struct RetrieveTransfer: StripeCall {
    package typealias Answer = TransferResource

    package var id: StripeTransferID
    package var expand: [String]

    package init(_ id: StripeTransferID, expand: [String] = []) {
        self.id = id
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/transfers/\(id)", form: form)
    }
}

package struct ListTransfers: StripeListCall {
    package typealias Element = TransferResource

    package var transferGroup: String?
    package var destination: StripeAccountID?
    package var expand: [String]
    package var page: StripePage

    package init(
        transferGroup: String? = nil,
        destination: StripeAccountID? = nil,
        expand: [String] = [],
        page: StripePage = StripePage()
    ) {
        self.transferGroup = transferGroup
        self.destination = destination
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("transfer_group", transferGroup)
        form.set("destination", destination)
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/transfers", form: form)
    }
}

/// Takes money of a transfer back.
package struct CreateTransferReversal: StripeCall {
    package typealias Answer = TransferReversalResource

    package var transfer: StripeTransferID
    /// Nil takes all that is left.
    package var amount: Int64?
    package var refundApplicationFee: Bool?
    package var description: String?
    package var metadata: [String: String]

    package init(
        transfer: StripeTransferID,
        amount: Int64? = nil,
        refundApplicationFee: Bool? = nil,
        description: String? = nil,
        metadata: [String: String] = [:]
    ) {
        self.transfer = transfer
        self.amount = amount
        self.refundApplicationFee = refundApplicationFee
        self.description = description
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount)
        form.set("refund_application_fee", refundApplicationFee)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/transfers/\(transfer)/reversals", form: form)
    }
}

package struct ListTransferReversals: StripeListCall {
    package typealias Element = TransferReversalResource

    package var transfer: StripeTransferID
    package var expand: [String]
    package var page: StripePage

    package init(transfer: StripeTransferID, expand: [String] = [], page: StripePage = StripePage()) {
        self.transfer = transfer
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/transfers/\(transfer)/reversals", form: form)
    }
}
