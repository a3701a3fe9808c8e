package import Domain

/// Begins to collect an amount. With a destination it is a destination charge, with an account a direct one.
package struct CreatePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var amount: Money
    /// Exclusive with `transferAmount`.
    package var applicationFeeAmount: Int64?
    package var destination: StripeAccountID?
    package var transferAmount: Int64?
    package var onBehalfOf: StripeAccountID?
    package var transferGroup: String?
    /// `automatic_async` (Stripe's default), `automatic` or `manual`.
    package var captureMethod: String?
    /// Nil leaves it to Stripe, which offers what its Dashboard says.
    package var automaticPaymentMethods: Bool?
    package var customer: StripeCustomerID?
    package var paymentMethod: String?
    package var confirm: Bool?
    package var offSession: Bool?
    package var returnURL: String?
    package var description: String?
    package var receiptEmail: String?
    package var statementDescriptorSuffix: String?
    package var metadata: [String: String]
    /// The connected account on which a direct charge is made.
    package var account: StripeAccountID?

    package init(
        amount: Money,
        applicationFeeAmount: Int64? = nil,
        destination: StripeAccountID? = nil,
        transferAmount: Int64? = nil,
        onBehalfOf: StripeAccountID? = nil,
        transferGroup: String? = nil,
        captureMethod: String? = nil,
        automaticPaymentMethods: Bool? = nil,
        customer: StripeCustomerID? = nil,
        paymentMethod: String? = nil,
        confirm: Bool? = nil,
        offSession: Bool? = nil,
        returnURL: String? = nil,
        description: String? = nil,
        receiptEmail: String? = nil,
        statementDescriptorSuffix: String? = nil,
        metadata: [String: String] = [:],
        account: StripeAccountID? = nil
    ) {
        self.amount = amount
        self.applicationFeeAmount = applicationFeeAmount
        self.destination = destination
        self.transferAmount = transferAmount
        self.onBehalfOf = onBehalfOf
        self.transferGroup = transferGroup
        self.captureMethod = captureMethod
        self.automaticPaymentMethods = automaticPaymentMethods
        self.customer = customer
        self.paymentMethod = paymentMethod
        self.confirm = confirm
        self.offSession = offSession
        self.returnURL = returnURL
        self.description = description
        self.receiptEmail = receiptEmail
        self.statementDescriptorSuffix = statementDescriptorSuffix
        self.metadata = metadata
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount.minorUnits)
        form.set("currency", amount.currency)
        form.set("application_fee_amount", applicationFeeAmount)
        form.set("transfer_data[destination]", destination)
        form.set("transfer_data[amount]", transferAmount)
        form.set("on_behalf_of", onBehalfOf)
        form.set("transfer_group", transferGroup)
        form.set("capture_method", captureMethod)
        form.set("automatic_payment_methods[enabled]", automaticPaymentMethods)
        form.set("customer", customer)
        form.set("payment_method", paymentMethod)
        form.set("confirm", confirm)
        form.set("off_session", offSession)
        form.set("return_url", returnURL)
        form.set("description", description)
        form.set("receipt_email", receiptEmail)
        form.set("statement_descriptor_suffix", statementDescriptorSuffix)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/payment_intents", form: form, account: account)
    }
}

package struct RetrievePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    package var account: StripeAccountID?
    /// Such as `latest_charge.balance_transaction`.
    package var expand: [String]

    package init(_ id: StripePaymentIntentID, account: StripeAccountID? = nil, expand: [String] = []) {
        self.id = id
        self.account = account
        self.expand = expand
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/payment_intents/\(id)", form: form, account: account)
    }
}

/// Changes an intent that was not paid yet.
package struct UpdatePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    package var amount: Int64?
    package var applicationFeeAmount: Int64?
    package var description: String?
    package var metadata: [String: String]
    package var account: StripeAccountID?

    package init(
        _ id: StripePaymentIntentID,
        amount: Int64? = nil,
        applicationFeeAmount: Int64? = nil,
        description: String? = nil,
        metadata: [String: String] = [:],
        account: StripeAccountID? = nil
    ) {
        self.id = id
        self.amount = amount
        self.applicationFeeAmount = applicationFeeAmount
        self.description = description
        self.metadata = metadata
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount", amount)
        form.set("application_fee_amount", applicationFeeAmount)
        form.set("description", description)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/payment_intents/\(id)", form: form, account: account)
    }
}

/// Tries to take the money now. A decline is a `StripeError` of kind `cardDeclined`.
package struct ConfirmPaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    package var paymentMethod: String?
    package var returnURL: String?
    package var offSession: Bool?
    package var account: StripeAccountID?

    package init(
        _ id: StripePaymentIntentID,
        paymentMethod: String? = nil,
        returnURL: String? = nil,
        offSession: Bool? = nil,
        account: StripeAccountID? = nil
    ) {
        self.id = id
        self.paymentMethod = paymentMethod
        self.returnURL = returnURL
        self.offSession = offSession
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("payment_method", paymentMethod)
        form.set("return_url", returnURL)
        form.set("off_session", offSession)
        return StripeRequest(.post, "/v1/payment_intents/\(id)/confirm", form: form, account: account)
    }
}

/// Takes an authorized amount, or a part of it; the rest is released.
package struct CapturePaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    /// Nil takes all.
    package var amountToCapture: Int64?
    package var applicationFeeAmount: Int64?
    package var metadata: [String: String]
    package var account: StripeAccountID?

    package init(
        _ id: StripePaymentIntentID,
        amountToCapture: Int64? = nil,
        applicationFeeAmount: Int64? = nil,
        metadata: [String: String] = [:],
        account: StripeAccountID? = nil
    ) {
        self.id = id
        self.amountToCapture = amountToCapture
        self.applicationFeeAmount = applicationFeeAmount
        self.metadata = metadata
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("amount_to_capture", amountToCapture)
        form.set("application_fee_amount", applicationFeeAmount)
        form.set("metadata", metadata: metadata)
        return StripeRequest(.post, "/v1/payment_intents/\(id)/capture", form: form, account: account)
    }
}

package struct CancelPaymentIntent: StripeCall {
    package typealias Answer = PaymentIntentResource

    package var id: StripePaymentIntentID
    /// `abandoned`, `duplicate`, `fraudulent` or `requested_by_customer`.
    package var reason: String?
    package var account: StripeAccountID?

    package init(_ id: StripePaymentIntentID, reason: String? = nil, account: StripeAccountID? = nil) {
        self.id = id
        self.reason = reason
        self.account = account
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("cancellation_reason", reason)
        return StripeRequest(.post, "/v1/payment_intents/\(id)/cancel", form: form, account: account)
    }
}

package struct ListPaymentIntents: StripeListCall {
    package typealias Element = PaymentIntentResource

    package var customer: StripeCustomerID?
    package var account: StripeAccountID?
    package var expand: [String]
    package var page: StripePage

    package init(
        customer: StripeCustomerID? = nil,
        account: StripeAccountID? = nil,
        expand: [String] = [],
        page: StripePage = StripePage()
    ) {
        self.customer = customer
        self.account = account
        self.expand = expand
        self.page = page
    }

    package var request: StripeRequest {
        var form = FormEncoder()
        form.set("customer", customer)
        form.set(page)
        form.set(expand: expand)
        return StripeRequest(.get, "/v1/payment_intents", form: form, account: account)
    }
}
