package import Domain
import FoundationEssentials

/// Stripe said no, or said that it could not. Everything of `error` that this project acts on.
package struct StripeError: CodedError, ExplainedError, Hashable, CustomStringConvertible {
    /// What the answer means for whoever asked. The table of Stripe's documentation, by status, then type and code.
    package enum Kind: Hashable, Sendable {
        /// 400: a parameter is missing, malformed or impossible in this state.
        case invalidRequest
        /// 400 `idempotency_error`: our key was used before with other parameters. A fault of ours.
        case idempotencyMismatch
        /// 401: no key, or not a key that Stripe knows.
        case authentication
        /// 402: everything was in order, but the payment failed.
        case cardDeclined
        /// 403: the key may not do this.
        case permission
        /// 403 `account_invalid`: the platform has no access to that account, for instance because it disconnected.
        case accountInaccessible
        /// 404: the object in the path does not exist.
        case notFound
        /// 409 `idempotency_key_in_use`: the first request with this key is still running.
        case keyInUse
        /// 409 otherwise.
        case conflict
        /// 424: something outside Stripe failed.
        case dependencyFailed
        /// 429: too many requests.
        case rateLimited
        /// 429 `lock_timeout`: another request holds the object.
        case objectLocked
        /// 5xx: Stripe's own failure; whether it had an effect is not known.
        case stripeFailure
        /// A status that Stripe does not document, or a body that is not Stripe's.
        case unexpected
    }

    package let status: Int
    package let kind: Kind
    /// Nil if the body is not an error of Stripe's, but a proxy's, for instance.
    package let type: StripeErrorType?
    package let stripeCode: StripeErrorCode?
    package let declineCode: StripeDeclineCode?
    /// `confirm_card_data`, `do_not_try_again`, `try_again_later`.
    package let adviceCode: String?
    /// The parameter at fault, in Stripe's bracket form.
    package let stripeParameter: String?
    /// Stripe's sentence. May quote what was sent: for admins and logs, not for buyers.
    package let stripeMessage: String?
    package let requestID: String?
    package let charge: String?
    /// The id of the payment intent whose attempt failed.
    package let paymentIntent: String?
    package let isReplay: Bool
    package let retryAfter: Duration?

    package init(_ answer: StripeAnswer) {
        let error = try? JSONDecoder().decode(Envelope.self, from: Data(answer.body)).error
        status = answer.status
        kind = Kind(status: answer.status, type: error?.type, code: error?.code)
        type = error?.type
        stripeCode = error?.code
        declineCode = error?.declineCode
        adviceCode = error?.adviceCode
        stripeParameter = error?.param
        stripeMessage = error?.message
        requestID = answer.requestID
        charge = error?.charge
        paymentIntent = error?.paymentIntent?.id.rawValue
        isReplay = answer.isReplay
        retryAfter = answer.retryAfter
    }

    package var code: ErrorCode {
        switch kind {
        case .invalidRequest, .idempotencyMismatch, .cardDeclined, .permission, .accountInaccessible, .notFound:
            .stripeRefused
        case .rateLimited, .objectLocked, .keyInUse, .conflict, .dependencyFailed, .stripeFailure, .unexpected,
            .authentication:
            .stripeUnavailable
        }
    }

    package var message: String {
        switch kind {
        case .authentication: "Stripe does not accept this service's key. An operator must check STRIPE_SECRET_KEY."
        case .rateLimited: "Stripe limits this platform's requests at the moment. Try again in a few seconds."
        case .stripeFailure, .unexpected, .dependencyFailed:
            "Stripe could not answer (status \(status)). Try again later."
        case .objectLocked, .keyInUse, .conflict: "Stripe is busy with this object. Try again in a few seconds."
        case .cardDeclined where declineCode?.isHiddenFromPayer == true: "The card was declined."
        default: stripeMessage ?? "Stripe refused the request (status \(status))."
        }
    }

    package var parameter: String? { nil }

    /// For logs: never holds Stripe's sentence, which may quote personal data.
    package var description: String {
        let parts: [(String, String?)] = [
            ("type", type?.rawValue), ("code", stripeCode?.rawValue), ("decline_code", declineCode?.rawValue),
            ("param", stripeParameter), ("request", requestID),
        ]
        return parts.reduce("Stripe answered \(status)") { text, part in
            part.1.map { "\(text) \(part.0)=\($0)" } ?? text
        }
    }

    /// For the person who looks after Souk: with Stripe's own sentence.
    package var explanation: String { stripeMessage.map { "\(description): \($0)" } ?? description }

    private struct Envelope: Decodable {
        let error: Body

        struct Body: Decodable {
            let type: StripeErrorType
            let code: StripeErrorCode?
            let declineCode: StripeDeclineCode?
            let adviceCode: String?
            let param: String?
            let message: String?
            let charge: String?
            let paymentIntent: Reference<StripePaymentIntent>?

            private enum CodingKeys: String, CodingKey {
                case type, code, param, message, charge
                case declineCode = "decline_code"
                case adviceCode = "advice_code"
                case paymentIntent = "payment_intent"
            }
        }
    }
}

extension StripeError.Kind {
    fileprivate init(status: Int, type: StripeErrorType?, code: StripeErrorCode?) {
        if type == .idempotency {
            self = .idempotencyMismatch
            return
        }
        self =
            switch status {
            case 400...404 where type == nil: .unexpected
            case 400: .invalidRequest
            case 401: .authentication
            case 402: .cardDeclined
            case 403: code == .accountInvalid ? .accountInaccessible : .permission
            case 404: .notFound
            case 409: code == .idempotencyKeyInUse ? .keyInUse : .conflict
            case 424: .dependencyFailed
            case 429: code == .lockTimeout ? .objectLocked : .rateLimited
            case 500...599: .stripeFailure
            default: .unexpected
            }
    }
}

/// A success of Stripe's that lacks something we need: our types and Stripe's API no longer agree.
package struct StripeAnswerUnreadable: CodedError, CustomStringConvertible {
    package let requestID: String?
    package let expected: String
    package let detail: String

    package var code: ErrorCode { .stripeUnavailable }
    package var message: String { "Stripe's answer could not be read (request \(requestID ?? "unknown"))." }
    package var parameter: String? { nil }
    package var description: String { "\(message) Expected \(expected): \(detail)" }
}
