package import Domain

/// One attempt to collect an amount from a buyer, through as many tries as it takes.
package struct PaymentIntentResource: StripeObject {
    package let id: StripePaymentIntentID
    package let amount: Int64
    package let amountCapturable: Int64?
    package let amountReceived: Int64?
    package let currency: Currency
    package let status: StripePaymentIntentStatus
    /// For the buyer's browser only; never logged.
    package let clientSecret: String?
    package let latestCharge: Expandable<ChargeResource>?
    package let applicationFeeAmount: Int64?
    package let transferData: TransferDestination?
    package let transferGroup: String?
    package let onBehalfOf: Reference<StripeAccount>?
    package let captureMethod: String?
    package let customer: Reference<StripeCustomer>?
    package let description: String?
    package let nextAction: NextAction?
    package let lastPaymentError: PaymentFailure?
    package let canceledAt: Timestamp?
    package let cancellationReason: String?
    package let metadata: [String: String]
    package let livemode: Bool
    package let created: Timestamp

    package var cursor: String { id.rawValue }

    private enum CodingKeys: String, CodingKey {
        case id, amount, currency, status, customer, description, metadata, livemode, created
        case amountCapturable = "amount_capturable"
        case amountReceived = "amount_received"
        case clientSecret = "client_secret"
        case latestCharge = "latest_charge"
        case applicationFeeAmount = "application_fee_amount"
        case transferData = "transfer_data"
        case transferGroup = "transfer_group"
        case onBehalfOf = "on_behalf_of"
        case captureMethod = "capture_method"
        case nextAction = "next_action"
        case lastPaymentError = "last_payment_error"
        case canceledAt = "canceled_at"
        case cancellationReason = "cancellation_reason"
    }
}

/// Where a payment intent stands. Only `succeeded` means paid.
package struct StripePaymentIntentStatus: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let requiresPaymentMethod = Self(rawValue: "requires_payment_method")
    package static let requiresConfirmation = Self(rawValue: "requires_confirmation")
    package static let requiresAction = Self(rawValue: "requires_action")
    package static let processing = Self(rawValue: "processing")
    package static let requiresCapture = Self(rawValue: "requires_capture")
    package static let succeeded = Self(rawValue: "succeeded")
    package static let canceled = Self(rawValue: "canceled")
}

/// A destination charge: to whom the money goes on.
package struct TransferDestination: Codable, Hashable, Sendable {
    package let destination: Reference<StripeAccount>
    /// Nil: the whole charge, less the application fee.
    package let amount: Int64?
}

/// What the buyer must do before the payment can go on, such as 3-D Secure.
package struct NextAction: Codable, Hashable, Sendable {
    package let type: String
    package let redirectToURL: Redirect?

    package struct Redirect: Codable, Hashable, Sendable {
        package let url: String?
        package let returnURL: String?

        private enum CodingKeys: String, CodingKey {
            case url
            case returnURL = "return_url"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case type
        case redirectToURL = "redirect_to_url"
    }
}

/// Why the last try failed.
package struct PaymentFailure: Codable, Hashable, Sendable {
    package let type: StripeErrorType?
    package let code: StripeErrorCode?
    package let declineCode: StripeDeclineCode?
    package let message: String?
    package let charge: String?

    private enum CodingKeys: String, CodingKey {
        case type, code, message, charge
        case declineCode = "decline_code"
    }
}
