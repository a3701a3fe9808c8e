/// `error.code`: the reason in Stripe's words. The list holds what this project acts on or raises.
package struct StripeErrorCode: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    // Parameters
    package static let parameterMissing = Self(rawValue: "parameter_missing")
    package static let parameterUnknown = Self(rawValue: "parameter_unknown")
    package static let parameterInvalidEmpty = Self(rawValue: "parameter_invalid_empty")
    package static let parameterInvalidInteger = Self(rawValue: "parameter_invalid_integer")
    package static let parameterInvalidStringBlank = Self(rawValue: "parameter_invalid_string_blank")
    package static let parameterInvalidStringEmpty = Self(rawValue: "parameter_invalid_string_empty")
    package static let parametersExclusive = Self(rawValue: "parameters_exclusive")
    package static let amountTooSmall = Self(rawValue: "amount_too_small")
    package static let amountTooLarge = Self(rawValue: "amount_too_large")
    package static let emailInvalid = Self(rawValue: "email_invalid")
    package static let urlInvalid = Self(rawValue: "url_invalid")
    package static let taxIDInvalid = Self(rawValue: "tax_id_invalid")
    package static let customerTaxLocationInvalid = Self(rawValue: "customer_tax_location_invalid")
    package static let invalidChargeAmount = Self(rawValue: "invalid_charge_amount")
    package static let resourceMissing = Self(rawValue: "resource_missing")

    // Card
    package static let cardDeclined = Self(rawValue: "card_declined")
    package static let expiredCard = Self(rawValue: "expired_card")
    package static let incorrectCVC = Self(rawValue: "incorrect_cvc")
    package static let incorrectNumber = Self(rawValue: "incorrect_number")
    package static let incorrectZip = Self(rawValue: "incorrect_zip")
    package static let processingError = Self(rawValue: "processing_error")
    package static let authenticationRequired = Self(rawValue: "authentication_required")
    package static let expiredPaymentMethod = Self(rawValue: "expired_payment_method")
    package static let incorrectPostalCode = Self(rawValue: "incorrect_postal_code")
    package static let paymentMethodRestricted = Self(rawValue: "payment_method_restricted")

    // PaymentIntent
    package static let paymentIntentUnexpectedState = Self(rawValue: "payment_intent_unexpected_state")
    package static let paymentIntentAuthenticationFailure = Self(rawValue: "payment_intent_authentication_failure")
    package static let paymentIntentPaymentAttemptFailed = Self(rawValue: "payment_intent_payment_attempt_failed")
    package static let paymentIntentIncompatiblePaymentMethod = Self(
        rawValue: "payment_intent_incompatible_payment_method")
    package static let paymentMethodUnactivated = Self(rawValue: "payment_method_unactivated")

    // Charge and refund
    package static let chargeAlreadyCaptured = Self(rawValue: "charge_already_captured")
    package static let chargeAlreadyRefunded = Self(rawValue: "charge_already_refunded")
    package static let chargeDisputed = Self(rawValue: "charge_disputed")
    package static let refundDisputedPayment = Self(rawValue: "refund_disputed_payment")
    package static let chargeNotRefundable = Self(rawValue: "charge_not_refundable")
    package static let chargeExceedsSourceLimit = Self(rawValue: "charge_exceeds_source_limit")
    package static let chargeExpiredForCapture = Self(rawValue: "charge_expired_for_capture")

    // Connect
    package static let accountInvalid = Self(rawValue: "account_invalid")
    package static let applicationFeesNotAllowed = Self(rawValue: "application_fees_not_allowed")
    package static let platformAccountRequired = Self(rawValue: "platform_account_required")
    package static let transfersNotAllowed = Self(rawValue: "transfers_not_allowed")
    package static let payoutsNotAllowed = Self(rawValue: "payouts_not_allowed")
    package static let payoutsLimitExceeded = Self(rawValue: "payouts_limit_exceeded")
    package static let capabilityNotActive = Self(rawValue: "capability_not_active")
    package static let platformAPIKeyExpired = Self(rawValue: "platform_api_key_expired")
    package static let accountCountryInvalidAddress = Self(rawValue: "account_country_invalid_address")
    package static let balanceInsufficient = Self(rawValue: "balance_insufficient")
    package static let insufficientFunds = Self(rawValue: "insufficient_funds")
    package static let transferSourceBalanceParametersMismatch = Self(
        rawValue: "transfer_source_balance_parameters_mismatch")
    package static let instantPayoutsUnsupported = Self(rawValue: "instant_payouts_unsupported")
    package static let payoutReconciliationNotReady = Self(rawValue: "payout_reconciliation_not_ready")

    // Billing
    package static let couponExpired = Self(rawValue: "coupon_expired")
    package static let invoiceNotEditable = Self(rawValue: "invoice_not_editable")
    package static let invoiceNoCustomerLineItems = Self(rawValue: "invoice_no_customer_line_items")
    package static let invoicePaymentIntentRequiresAction = Self(rawValue: "invoice_payment_intent_requires_action")
    package static let statusTransitionInvalid = Self(rawValue: "status_transition_invalid")
    package static let customerMaxSubscriptions = Self(rawValue: "customer_max_subscriptions")
    package static let resourceAlreadyExists = Self(rawValue: "resource_already_exists")

    // Limits and concurrency
    package static let rateLimit = Self(rawValue: "rate_limit")
    package static let lockTimeout = Self(rawValue: "lock_timeout")
    package static let idempotencyKeyInUse = Self(rawValue: "idempotency_key_in_use")

    // Mode and keys
    package static let livemodeMismatch = Self(rawValue: "livemode_mismatch")
    package static let testmodeChargesOnly = Self(rawValue: "testmode_charges_only")
    package static let secretKeyRequired = Self(rawValue: "secret_key_required")
    package static let apiKeyExpired = Self(rawValue: "api_key_expired")
}

/// `error.decline_code`: why the card's bank said no.
package struct StripeDeclineCode: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let genericDecline = Self(rawValue: "generic_decline")
    package static let insufficientFunds = Self(rawValue: "insufficient_funds")
    package static let lostCard = Self(rawValue: "lost_card")
    package static let stolenCard = Self(rawValue: "stolen_card")
    package static let pickupCard = Self(rawValue: "pickup_card")
    package static let fraudulent = Self(rawValue: "fraudulent")
    package static let doNotHonor = Self(rawValue: "do_not_honor")
    package static let doNotTryAgain = Self(rawValue: "do_not_try_again")
    package static let callIssuer = Self(rawValue: "call_issuer")
    package static let cardNotSupported = Self(rawValue: "card_not_supported")
    package static let cardVelocityExceeded = Self(rawValue: "card_velocity_exceeded")
    package static let currencyNotSupported = Self(rawValue: "currency_not_supported")
    package static let expiredCard = Self(rawValue: "expired_card")
    package static let incorrectCVC = Self(rawValue: "incorrect_cvc")
    package static let invalidAccount = Self(rawValue: "invalid_account")
    package static let issuerNotAvailable = Self(rawValue: "issuer_not_available")
    package static let processingError = Self(rawValue: "processing_error")
    package static let authenticationRequired = Self(rawValue: "authentication_required")
    package static let testmodeDecline = Self(rawValue: "testmode_decline")
    package static let transactionNotAllowed = Self(rawValue: "transaction_not_allowed")
    package static let tryAgainLater = Self(rawValue: "try_again_later")
    package static let withdrawalCountLimitExceeded = Self(rawValue: "withdrawal_count_limit_exceeded")

    /// A payer is told nothing more exact than "declined" for these: the card may be in the wrong hands.
    package var isHiddenFromPayer: Bool { [Self.fraudulent, .lostCard, .stolenCard, .pickupCard].contains(self) }
}

/// `error.type`.
package struct StripeErrorType: OpenEnum {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }

    package static let invalidRequest = Self(rawValue: "invalid_request_error")
    package static let idempotency = Self(rawValue: "idempotency_error")
    package static let card = Self(rawValue: "card_error")
    package static let api = Self(rawValue: "api_error")
}
