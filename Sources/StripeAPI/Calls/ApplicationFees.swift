package import Domain

package struct RetrieveApplicationFee: StripeCall {
    package typealias Answer = ApplicationFeeResource

    package var id: StripeApplicationFeeID
    package var expand: [String]

    package init(_ id: StripeApplicationFeeID, expand: [String] = []) {
        self.id = id
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/application_fees/\(id)", form: form)
    }
}

package struct ListApplicationFees: StripeListCall {
    package typealias Element = ApplicationFeeResource

    /// The charge on the connected account.
    package var charge: StripeChargeID?
    package var expand: [String]
    package var page: StripePage

    package init(charge: StripeChargeID? = nil, expand: [String] = [], page: StripePage = StripePage()) {
        self.charge = charge
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("charge", charge)
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/application_fees", form: form)
    }
}

/// Gives a part of the platform's share back to the seller.
package struct CreateFeeRefund: StripeCall {
    package typealias Answer = FeeRefundResource

    package var fee: StripeApplicationFeeID
    /// Nil gives all that is left.
    package var amount: Int64?
    package var metadata: [String: String]

    package init(fee: StripeApplicationFeeID, amount: Int64? = nil, metadata: [String: String] = [:]) {
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

package struct ListFeeRefunds: StripeListCall {
    package typealias Element = FeeRefundResource

    package var fee: StripeApplicationFeeID
    package var expand: [String]
    package var page: StripePage

    package init(fee: StripeApplicationFeeID, expand: [String] = [], page: StripePage = StripePage()) {
        self.fee = fee
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        form.set(page)
        return StripeRequest(.get, "/v1/application_fees/\(fee)/refunds", form: form)
    }
}
