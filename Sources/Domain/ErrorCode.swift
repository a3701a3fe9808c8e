/// Every reason for which Souk refuses a call, as the caller sees it in `error.code`.
///
/// `Web/ErrorMapping.swift` decides the HTTP status of each; `openapi/souk.yaml` lists the same names.
package enum ErrorCode: String, Sendable, CaseIterable, Codable {
    // The request itself
    case malformedJSON = "malformed_json"
    case bodyTooLarge = "body_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case parameterMissing = "parameter_missing"
    case parameterInvalid = "parameter_invalid"
    case parameterUnknown = "parameter_unknown"
    case currencyUnknown = "currency_unknown"
    case countryNotSupported = "country_not_supported"
    case amountTooSmall = "amount_too_small"
    case amountTooLarge = "amount_too_large"
    case tooManyLines = "too_many_lines"
    case routeNotFound = "route_not_found"
    case methodNotAllowed = "method_not_allowed"
    // Who asks
    case unauthenticated = "unauthenticated"
    case keyExpired = "key_expired"
    case scopeMissing = "scope_missing"
    case secondPersonRequired = "second_person_required"
    // Things that do not exist
    case sellerNotFound = "seller_not_found"
    case orderNotFound = "order_not_found"
    case refundNotFound = "refund_not_found"
    case transferNotFound = "transfer_not_found"
    case transferGroupNotFound = "transfer_group_not_found"
    case payoutNotFound = "payout_not_found"
    case adjustmentNotFound = "adjustment_not_found"
    case disputeNotFound = "dispute_not_found"
    case fraudWarningNotFound = "fraud_warning_not_found"
    case eventNotFound = "event_not_found"
    case eventDestinationNotFound = "event_destination_not_found"
    case ledgerAccountNotFound = "ledger_account_not_found"
    case journalEntryNotFound = "journal_entry_not_found"
    case commissionInvoiceNotFound = "commission_invoice_not_found"
    case reconciliationNotFound = "reconciliation_not_found"
    case findingNotFound = "finding_not_found"
    case operationNotFound = "operation_not_found"
    case limitNotFound = "limit_not_found"
    case webhookEventNotFound = "webhook_event_not_found"
    case apiKeyNotFound = "api_key_not_found"
    case onboardingTokenNotFound = "onboarding_token_not_found"
    // Conflicts with what is already so
    case idempotencyKeyReused = "idempotency_key_reused"
    case idempotencyKeyInUse = "idempotency_key_in_use"
    case externalIDTaken = "external_id_taken"
    case stripeAccountTaken = "stripe_account_taken"
    case illegalTransition = "illegal_transition"
    case chargeShapeImpossible = "charge_shape_impossible"
    case orderAlreadyPaid = "order_already_paid"
    case balanceInsufficient = "balance_insufficient"
    case payoutBlocked = "payout_blocked"
    case chargeDisputed = "charge_disputed"
    // Facts that forbid it
    case sellerNotReady = "seller_not_ready"
    case addressRefused = "address_refused"
    case stripeRefused = "stripe_refused"
    // Not now
    case rateLimited = "rate_limited"
    case databaseUnavailable = "database_unavailable"
    case stripeUnavailable = "stripe_unavailable"
    case webhookSignatureInvalid = "webhook_signature_invalid"
    case internalError = "internal_error"
}

/// An error that a caller may see. `message` says what is wrong and what to do; it never holds a secret or personal data.
package protocol CodedError: Error {
    var code: ErrorCode { get }
    var message: String { get }
    /// The request's field at fault, with its path: `lines[2].quantity`.
    var parameter: String? { get }
}

/// The ordinary refusal: a code, a sentence, and the field where there is one.
package struct Refusal: CodedError, Hashable, CustomStringConvertible {
    package let code: ErrorCode
    package let message: String
    package let parameter: String?

    package init(_ code: ErrorCode, _ message: String, parameter: String? = nil) {
        self.code = code
        self.message = message
        self.parameter = parameter
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
