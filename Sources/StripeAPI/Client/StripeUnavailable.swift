package import Domain
package import Transport

/// No answer came from Stripe, after every repetition that is allowed.
package struct StripeUnavailable: CodedError, Hashable, CustomStringConvertible {
    package let cause: TransportError

    package init(_ cause: TransportError) { self.cause = cause }

    package var code: ErrorCode { .stripeUnavailable }
    package var message: String { "Stripe cannot be reached. Try again later." }
    package var parameter: String? { nil }
    package var description: String { "Stripe gave no answer: \(cause)" }
}
