"""What the sandbox simulates of each endpoint, by the names of the official SDK's parameter classes.

Each entry: route, the SDK's parameter class, and the parameters that the sandbox honours (a name stands for everything
below it; `a.b` for one branch). Every other parameter that the SDK knows is refused by name with
`sandbox_not_simulated`, and what the SDK does not know is refused as Stripe refuses it. `generate_parameters.py` turns
this table into Sources/StripeSandbox/Parameters/ParameterTable.swift.
"""

LIST = "limit starting_after ending_before expand"

ADDRESS = "city country line1 line2 postal_code state".split()


def branch(prefix, names):
    return " ".join(f"{prefix}.{name}" for name in names)


BUSINESS_PROFILE = branch(
    "business_profile",
    "mcc name product_description support_address support_email support_phone support_url url".split(),
)
INDIVIDUAL = " ".join([
    branch("individual", "dob email first_name last_name id_number ssn_last_4 phone metadata".split()),
    branch("individual.address", ADDRESS),
    branch("individual.verification", ["document"]),
])
COMPANY = " ".join([
    branch("company", "name phone tax_id owners_provided directors_provided executives_provided structure".split()),
    branch("company.address", ADDRESS),
])
SETTINGS = (
    "settings.payouts settings.payments.statement_descriptor settings.card_payments.statement_descriptor_prefix "
    "settings.branding.primary_color settings.branding.secondary_color"
)
BANK = branch(
    "external_account", "object country currency account_number routing_number account_holder_name account_holder_type".split())
# A bank account or, by number or token, a debit card.
EXTERNAL = BANK + " " + branch("external_account", "number exp_month exp_year cvc name token".split())
ACCOUNT = " ".join([
    "business_type email metadata expand capabilities default_currency tos_acceptance.date tos_acceptance.ip", EXTERNAL,
    "tos_acceptance.service_agreement tos_acceptance.user_agent", BUSINESS_PROFILE, INDIVIDUAL, COMPANY, SETTINGS,
])
PERSON = " ".join([
    "dob email first_name last_name id_number ssn_last_4 phone metadata relationship expand verification.document",
    branch("address", ADDRESS),
])
INTENT = (
    "application_fee_amount customer description metadata payment_method receipt_email setup_future_usage shipping "
    "statement_descriptor statement_descriptor_suffix transfer_group expand capture_method allowed_payment_method_types "
    "payment_method_options.card.request_three_d_secure"
)
SESSION = " ".join([
    "cancel_url client_reference_id customer customer_creation customer_email expand expires_at metadata mode",
    "success_url submit_type locale ui_mode billing_address_collection payment_method_collection",
    "allowed_payment_method_types phone_number_collection line_items.quantity line_items.price_data.currency",
    "line_items.price_data.unit_amount line_items.price_data.product_data.name line_items.metadata",
    "line_items.price_data.product_data.description line_items.price_data.unit_amount_decimal",
    branch(
        "payment_intent_data",
        "application_fee_amount capture_method description metadata on_behalf_of receipt_email setup_future_usage shipping "
        "statement_descriptor statement_descriptor_suffix transfer_data.amount transfer_data.destination "
        "transfer_group".split(),
    ),
])

ENDPOINTS = [
    ("POST /v1/accounts", "AccountCreateParams", "country type controller " + ACCOUNT),
    ("GET /v1/accounts", "AccountListParams", "created " + LIST),
    ("GET /v1/account", "AccountRetrieveCurrentParams", "expand"),
    ("GET /v1/accounts/:account", "AccountRetrieveParams", "expand"),
    ("POST /v1/accounts/:account", "AccountUpdateParams", ACCOUNT),
    ("DELETE /v1/accounts/:account", "AccountDeleteParams", ""),
    ("POST /v1/accounts/:account/reject", "AccountRejectParams", "reason payouts_action expand"),
    ("POST /v1/accounts/:account/unreject", "AccountUnrejectParams", "expand"),
    ("GET /v1/accounts/:account/capabilities", "AccountListCapabilitiesParams", "expand"),
    ("GET /v1/accounts/:account/capabilities/:capability", "AccountRetrieveCapabilityParams", "expand"),
    ("POST /v1/accounts/:account/capabilities/:capability", "AccountModifyCapabilityParams", "requested expand"),
    ("POST /v1/accounts/:account/persons", "AccountCreatePersonParams", PERSON),
    ("GET /v1/accounts/:account/persons", "AccountPersonsParams", "relationship " + LIST),
    ("GET /v1/accounts/:account/persons/:person", "AccountRetrievePersonParams", "expand"),
    ("POST /v1/accounts/:account/persons/:person", "AccountModifyPersonParams", PERSON),
    ("DELETE /v1/accounts/:account/persons/:person", "AccountDeletePersonParams", ""),
    ("POST /v1/accounts/:account/external_accounts", "AccountCreateExternalAccountParams",
     "default_for_currency metadata expand " + EXTERNAL),
    ("GET /v1/accounts/:account/external_accounts", "AccountListExternalAccountsParams", "object " + LIST),
    ("GET /v1/accounts/:account/external_accounts/:external_account", "AccountRetrieveExternalAccountParams", "expand"),
    ("POST /v1/accounts/:account/external_accounts/:external_account", "AccountModifyExternalAccountParams",
     "default_for_currency metadata account_holder_name account_holder_type expand"),
    ("DELETE /v1/accounts/:account/external_accounts/:external_account", "AccountDeleteExternalAccountParams", ""),
    ("POST /v1/accounts/:account/login_links", "AccountCreateLoginLinkParams", "expand"),
    ("POST /v1/account_links", "AccountLinkCreateParams",
     "account type refresh_url return_url collect collection_options expand"),

    ("GET /v1/balance", "BalanceRetrieveParams", "expand"),
    ("GET /v1/balance_settings", "BalanceSettingsRetrieveParams", "expand"),
    ("POST /v1/balance_settings", "BalanceSettingsModifyParams",
     "expand payments.debit_negative_balances payments.payouts.minimum_balance_by_currency "
     "payments.payouts.schedule payments.payouts.statement_descriptor payments.settlement_timing.delay_days_override"),
    ("GET /v1/balance_transactions", "BalanceTransactionListParams", "created currency payout source type " + LIST),
    ("GET /v1/balance_transactions/:id", "BalanceTransactionRetrieveParams", "expand"),

    ("POST /v1/customers", "CustomerCreateParams",
     "address description email expand metadata name phone shipping payment_method preferred_locales "
     "invoice_settings.default_payment_method business_name individual_name"),
    ("GET /v1/customers", "CustomerListParams", "created email " + LIST),
    ("GET /v1/customers/:customer", "CustomerRetrieveParams", "expand"),
    ("POST /v1/customers/:customer", "CustomerModifyParams",
     "address description email expand metadata name phone shipping preferred_locales "
     "invoice_settings.default_payment_method business_name individual_name"),
    ("DELETE /v1/customers/:customer", "CustomerDeleteParams", ""),
    ("GET /v1/customers/:customer/payment_methods", "CustomerListPaymentMethodsParams", "type " + LIST),
    ("GET /v1/customers/:customer/payment_methods/:payment_method", "CustomerRetrievePaymentMethodParams", "expand"),
    ("POST /v1/payment_methods", "PaymentMethodCreateParams",
     "type card.number card.exp_month card.exp_year card.cvc card.token billing_details.name billing_details.email "
     "billing_details.phone billing_details.address customer payment_method metadata expand"),
    ("GET /v1/payment_methods", "PaymentMethodListParams", "customer type " + LIST),
    ("GET /v1/payment_methods/:payment_method", "PaymentMethodRetrieveParams", "expand"),
    ("POST /v1/payment_methods/:payment_method", "PaymentMethodModifyParams",
     "billing_details.name billing_details.email billing_details.phone billing_details.address metadata expand"),
    ("POST /v1/payment_methods/:payment_method/attach", "PaymentMethodAttachParams", "customer expand"),
    ("POST /v1/payment_methods/:payment_method/detach", "PaymentMethodDetachParams", "expand"),

    ("POST /v1/payment_intents", "PaymentIntentCreateParams",
     "amount currency automatic_payment_methods confirm confirmation_method off_session on_behalf_of return_url "
     "transfer_data.amount transfer_data.destination error_on_requires_action " + INTENT),
    ("GET /v1/payment_intents", "PaymentIntentListParams", "created customer " + LIST),
    ("GET /v1/payment_intents/:intent", "PaymentIntentRetrieveParams", "expand"),
    ("POST /v1/payment_intents/:intent", "PaymentIntentModifyParams", "amount currency transfer_data.amount " + INTENT),
    ("POST /v1/payment_intents/:intent/confirm", "PaymentIntentConfirmParams",
     "payment_method return_url off_session receipt_email setup_future_usage shipping capture_method expand "
     "error_on_requires_action payment_method_options.card.request_three_d_secure allowed_payment_method_types"),
    ("POST /v1/payment_intents/:intent/capture", "PaymentIntentCaptureParams",
     "amount_to_capture application_fee_amount final_capture metadata statement_descriptor statement_descriptor_suffix "
     "transfer_data.amount expand"),
    ("POST /v1/payment_intents/:intent/cancel", "PaymentIntentCancelParams", "cancellation_reason expand"),
    ("POST /v1/checkout/sessions", "checkout.SessionCreateParams", SESSION),
    ("GET /v1/checkout/sessions", "checkout.SessionListParams",
     "created customer payment_intent status customer_details " + LIST),
    ("GET /v1/checkout/sessions/:session", "checkout.SessionRetrieveParams", "expand"),
    ("POST /v1/checkout/sessions/:session", "checkout.SessionModifyParams", "metadata expand"),
    ("GET /v1/checkout/sessions/:session/line_items", "checkout.SessionListLineItemsParams", LIST),
    ("POST /v1/checkout/sessions/:session/expire", "checkout.SessionExpireParams", "expand"),
    ("GET /v1/charges", "ChargeListParams", "created customer payment_intent transfer_group " + LIST),
    ("GET /v1/charges/:charge", "ChargeRetrieveParams", "expand"),
    ("POST /v1/charges/:charge", "ChargeModifyParams", "description metadata receipt_email transfer_group expand"),
    ("POST /v1/charges/:charge/capture", "ChargeCaptureParams", "amount application_fee_amount expand"),
    ("GET /v1/charges/:charge/refunds", "ChargeListRefundsParams", LIST),

    ("POST /v1/refunds", "RefundCreateParams",
     "amount charge payment_intent reason reverse_transfer refund_application_fee metadata expand"),
    ("GET /v1/refunds", "RefundListParams", "charge payment_intent created " + LIST),
    ("GET /v1/refunds/:refund", "RefundRetrieveParams", "expand"),
    ("POST /v1/refunds/:refund", "RefundModifyParams", "metadata expand"),
    ("POST /v1/refunds/:refund/cancel", "RefundCancelParams", "expand"),
    ("GET /v1/disputes", "DisputeListParams", "charge payment_intent created " + LIST),
    ("GET /v1/disputes/:dispute", "DisputeRetrieveParams", "expand"),
    ("POST /v1/disputes/:dispute", "DisputeModifyParams",
     "submit metadata expand " + branch("evidence", (
         "access_activity_log billing_address cancellation_policy_disclosure cancellation_rebuttal customer_email_address "
         "customer_name customer_purchase_ip duplicate_charge_explanation duplicate_charge_id product_description "
         "refund_policy_disclosure refund_refusal_explanation service_date shipping_address shipping_carrier shipping_date "
         "shipping_tracking_number uncategorized_text").split())),
    ("POST /v1/disputes/:dispute/close", "DisputeCloseParams", "expand"),
    ("GET /v1/radar/early_fraud_warnings", "radar.EarlyFraudWarningListParams", "charge payment_intent created " + LIST),
    ("GET /v1/radar/early_fraud_warnings/:early_fraud_warning", "radar.EarlyFraudWarningRetrieveParams", "expand"),

    ("POST /v1/transfers", "TransferCreateParams",
     "amount currency destination description metadata source_transaction transfer_group expand"),
    ("GET /v1/transfers", "TransferListParams", "created destination transfer_group " + LIST),
    ("GET /v1/transfers/:transfer", "TransferRetrieveParams", "expand"),
    ("POST /v1/transfers/:transfer", "TransferModifyParams", "description metadata expand"),
    ("POST /v1/transfers/:transfer/reversals", "TransferCreateReversalParams",
     "amount description refund_application_fee metadata expand"),
    ("GET /v1/transfers/:transfer/reversals", "TransferListReversalsParams", LIST),
    ("GET /v1/transfers/:transfer/reversals/:reversal", "TransferRetrieveReversalParams", "expand"),
    ("POST /v1/transfers/:transfer/reversals/:reversal", "TransferModifyReversalParams", "metadata expand"),
    ("GET /v1/application_fees", "ApplicationFeeListParams", "charge created " + LIST),
    ("GET /v1/application_fees/:fee", "ApplicationFeeRetrieveParams", "expand"),
    ("POST /v1/application_fees/:fee/refunds", "ApplicationFeeCreateRefundParams", "amount metadata expand"),
    ("GET /v1/application_fees/:fee/refunds", "ApplicationFeeListRefundsParams", LIST),
    ("GET /v1/application_fees/:fee/refunds/:refund", "ApplicationFeeRetrieveRefundParams", "expand"),
    ("POST /v1/application_fees/:fee/refunds/:refund", "ApplicationFeeModifyRefundParams", "metadata expand"),

    ("POST /v1/payouts", "PayoutCreateParams",
     "amount currency description destination metadata method statement_descriptor expand"),
    ("GET /v1/payouts", "PayoutListParams", "arrival_date created destination status " + LIST),
    ("GET /v1/payouts/:payout", "PayoutRetrieveParams", "expand"),
    ("POST /v1/payouts/:payout", "PayoutModifyParams", "metadata expand"),
    ("POST /v1/payouts/:payout/cancel", "PayoutCancelParams", "expand"),
    ("POST /v1/payouts/:payout/reverse", "PayoutReverseParams", "metadata expand"),
    ("POST /v1/topups", "TopupCreateParams",
     "amount currency description metadata source statement_descriptor transfer_group expand"),
    ("GET /v1/topups", "TopupListParams", "amount created status " + LIST),
    ("GET /v1/topups/:topup", "TopupRetrieveParams", "expand"),
    ("POST /v1/topups/:topup", "TopupModifyParams", "description metadata expand"),
    ("POST /v1/topups/:topup/cancel", "TopupCancelParams", "expand"),

    ("GET /v1/events", "EventListParams", "created delivery_success type types " + LIST),
    ("GET /v1/events/:id", "EventRetrieveParams", "expand"),
    ("POST /v1/webhook_endpoints", "WebhookEndpointCreateParams",
     "url enabled_events connect api_version description metadata expand"),
    ("GET /v1/webhook_endpoints", "WebhookEndpointListParams", LIST),
    ("GET /v1/webhook_endpoints/:endpoint", "WebhookEndpointRetrieveParams", "expand"),
    ("POST /v1/webhook_endpoints/:endpoint", "WebhookEndpointModifyParams",
     "url enabled_events disabled description metadata expand"),
    ("DELETE /v1/webhook_endpoints/:endpoint", "WebhookEndpointDeleteParams", ""),
]
