package import Domain

package struct RetrieveApplicationFee: StripeCall {
    package typealias Answer = ApplicationFeeResource

    package var id: StripeApplicationFeeID

    package init(_ id: StripeApplicationFeeID) { self.id = id }

    package var request: StripeRequest { StripeRequest(.get, "/v1/application_fees/\(id)") }
}

/// Every fee of the platform, with the newest refunds of each.
package struct ListApplicationFees: StripeListCall {
    package typealias Element = ApplicationFeeResource

    package var page: StripePage

    package init(page: StripePage = StripePage()) { self.page = page }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/application_fees", form: form)
    }
}

/// Gives some of the platform's fee back to the seller who paid it.
package struct CreateFeeRefund: StripeCall {
    package typealias Answer = FeeRefundResource

    package var fee: StripeApplicationFeeID
    package var amount: Int64
    package var metadata: [String: String]

    package init(fee: StripeApplicationFeeID, amount: Int64, metadata: [String: String]) {
        self.fee = fee
        self.amount = amount
        self.metadata = metadata
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/application_fees/\(fee)/refunds", form: form)
    }
}

package struct RetrieveFeeRefund: StripeCall {
    package typealias Answer = FeeRefundResource

    package var fee: StripeApplicationFeeID
    package var id: StripeFeeRefundID

    package init(_ id: StripeFeeRefundID, of fee: StripeApplicationFeeID) {
        self.id = id
        self.fee = fee
    }

    package var request: StripeRequest { StripeRequest(.get, "/v1/application_fees/\(fee)/refunds/\(id)") }
}

/// The refunds of one fee. Stripe takes no filter by time here.
package struct ListFeeRefunds: StripeListCall {
    package typealias Element = FeeRefundResource

    package var fee: StripeApplicationFeeID
    package var page: StripePage

    package init(fee: StripeApplicationFeeID, page: StripePage = StripePage()) {
        self.fee = fee
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(page)
        return StripeRequest(.get, "/v1/application_fees/\(fee)/refunds", form: form)
    }
}
