package import Domain
package import Hummingbird

/// What kind of trouble it is, for callers who branch on more than the code: `error.type`.
package enum ErrorType: String, Sendable, CaseIterable, Encodable {
    case invalidRequest = "invalid_request_error"
    case authentication = "authentication_error"
    case permission = "permission_error"
    case conflict = "conflict_error"
    case idempotency = "idempotency_error"
    case stripe = "stripe_error"
    case rateLimit = "rate_limit_error"
    case api = "api_error"
}

/// How a code of the catalogue appears over HTTP.
package struct ErrorAppearance: Sendable {
    package let status: HTTPResponse.Status
    package let type: ErrorType
    /// For the catalogue at `/docs/errors`: what it means and what to do about it.
    package let meaning: String

    init(_ status: HTTPResponse.Status, _ type: ErrorType, _ meaning: String) {
        self.status = status
        self.type = type
        self.meaning = meaning
    }
}

extension ErrorCode {
    /// The only place where a code becomes a status. No `default`: a new code must choose.
    package var appearance: ErrorAppearance {
        switch self {
        case .malformedJSON:
            .init(.badRequest, .invalidRequest, "The body is not JSON that Souk takes. Send one JSON object in UTF-8.")
        case .bodyTooLarge:
            .init(.contentTooLarge, .invalidRequest, "The body is larger than this route takes.")
        case .unsupportedMediaType:
            .init(.unsupportedMediaType, .invalidRequest, "Send the body as application/json.")
        case .parameterMissing:
            .init(.badRequest, .invalidRequest, "A required parameter is absent; `param` names it.")
        case .parameterInvalid:
            .init(.badRequest, .invalidRequest, "A parameter has a wrong type or value; `param` names it.")
        case .parameterUnknown:
            .init(.badRequest, .invalidRequest, "A parameter is not known to this route; `param` names it.")
        case .currencyUnknown:
            .init(.badRequest, .invalidRequest, "Give a currency as Stripe does: three lowercase letters.")
        case .countryNotSupported:
            .init(.badRequest, .invalidRequest, "Stripe Connect does not take sellers of this country here.")
        case .amountTooSmall:
            .init(.badRequest, .invalidRequest, "The amount is below what Stripe charges in this currency.")
        case .amountTooLarge:
            .init(
                .badRequest, .invalidRequest,
                "The amount is above what Stripe takes in one charge, or what can still be refunded.")
        case .tooManyLines:
            .init(.badRequest, .invalidRequest, "An order has at most 500 lines.")
        case .routeNotFound:
            .init(.notFound, .invalidRequest, "No such path. /openapi.yaml lists all of them.")
        case .methodNotAllowed:
            .init(.methodNotAllowed, .invalidRequest, "The path exists, but not with this method; see `Allow`.")
        case .unauthenticated:
            .init(.unauthorized, .authentication, "Send `Authorization: Bearer souk_…` with a key that is in force.")
        case .keyExpired:
            .init(.unauthorized, .authentication, "The API key has expired. Ask an administrator for a new one.")
        case .scopeMissing:
            .init(.forbidden, .permission, "The API key lacks the scope that the message names.")
        case .secondPersonRequired:
            .init(
                .forbidden, .permission,
                "Whoever asked for it cannot approve it. Use the admin key of another person.")
        case .sellerNotFound: .init(.notFound, .invalidRequest, "No seller has this id.")
        case .orderNotFound: .init(.notFound, .invalidRequest, "No order has this id.")
        case .refundNotFound: .init(.notFound, .invalidRequest, "No refund has this id.")
        case .transferNotFound: .init(.notFound, .invalidRequest, "No transfer has this id.")
        case .transferGroupNotFound: .init(.notFound, .invalidRequest, "No order has this transfer group.")
        case .disputeNotFound: .init(.notFound, .invalidRequest, "No dispute has this id.")
        case .fraudWarningNotFound: .init(.notFound, .invalidRequest, "No fraud warning has this id.")
        case .payoutNotFound: .init(.notFound, .invalidRequest, "No payout has this id.")
        case .adjustmentNotFound: .init(.notFound, .invalidRequest, "No adjustment has this id.")
        case .eventNotFound: .init(.notFound, .invalidRequest, "No event has this id.")
        case .eventDestinationNotFound: .init(.notFound, .invalidRequest, "No event destination has this id.")
        case .ledgerAccountNotFound: .init(.notFound, .invalidRequest, "No ledger account has this code.")
        case .journalEntryNotFound: .init(.notFound, .invalidRequest, "No journal entry has this id.")
        case .commissionInvoiceNotFound: .init(.notFound, .invalidRequest, "No commission invoice has this id.")
        case .reconciliationNotFound: .init(.notFound, .invalidRequest, "No reconciliation has this id.")
        case .findingNotFound: .init(.notFound, .invalidRequest, "No finding has this id.")
        case .operationNotFound: .init(.notFound, .invalidRequest, "No operation has this id.")
        case .limitNotFound: .init(.notFound, .invalidRequest, "No limit has this id.")
        case .webhookEventNotFound: .init(.notFound, .invalidRequest, "No received Stripe event has this id.")
        case .apiKeyNotFound: .init(.notFound, .invalidRequest, "No API key in force has this id.")
        case .onboardingTokenNotFound:
            .init(.notFound, .invalidRequest, "This onboarding address is not valid any more. Ask for a new link.")
        case .idempotencyKeyReused:
            .init(
                .conflict, .idempotency,
                "This Idempotency-Key came with another request before. Use a new key for a new request.")
        case .idempotencyKeyInUse:
            .init(
                .conflict, .idempotency,
                "The first request with this Idempotency-Key is still running. Repeat it after `Retry-After`.")
        case .externalIDTaken:
            .init(.conflict, .conflict, "This external_id exists already with other facts.")
        case .stripeAccountTaken:
            .init(.conflict, .conflict, "This Stripe account belongs to another seller already.")
        case .illegalTransition:
            .init(.conflict, .conflict, "The object's state does not allow this; read it again.")
        case .chargeShapeImpossible:
            .init(.conflict, .conflict, "The order cannot be charged in the shape that it needs or asks for.")
        case .orderAlreadyPaid:
            .init(.conflict, .conflict, "The order is paid already.")
        case .balanceInsufficient:
            .init(
                .conflict, .conflict, "The balance at Stripe is too low for this now; the message says what is there.")
        case .payoutBlocked:
            .init(
                .conflict, .conflict,
                "The seller's money must not leave Stripe now: a bank account sent the last payout back, or the books "
                    + "have less.")
        case .chargeDisputed:
            .init(
                .conflict, .conflict,
                "The buyer disputes the charge, so Stripe refunds nothing of it: the money goes back if the dispute is lost."
            )
        case .sellerNotReady:
            .init(.unprocessableContent, .invalidRequest, "The seller cannot be charged for or paid yet; onboard it.")
        case .addressRefused:
            .init(
                .unprocessableContent, .invalidRequest,
                "Souk does not send to private or link-local addresses unless its configuration allows it.")
        case .stripeRefused:
            .init(.unprocessableContent, .stripe, "Stripe refused; the message holds Stripe's own reason.")
        case .rateLimited:
            .init(.tooManyRequests, .rateLimit, "Too many requests. Repeat after `Retry-After`.")
        case .databaseUnavailable:
            .init(
                .serviceUnavailable, .api,
                "The database cannot be reached. Repeat with the same Idempotency-Key after `Retry-After`.")
        case .stripeUnavailable:
            .init(
                .serviceUnavailable, .api,
                "Stripe cannot be reached. Repeat with the same Idempotency-Key after `Retry-After`.")
        case .webhookSignatureInvalid:
            .init(.badRequest, .invalidRequest, "The signature of this delivery does not match any known secret.")
        case .internalError:
            .init(.internalServerError, .api, "Souk failed. The log has more under `request_id`.")
        }
    }
}
