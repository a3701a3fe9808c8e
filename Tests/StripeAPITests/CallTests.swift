import Domain
import StripeAPI
import Testing

/// What each call puts on the wire, spelled out.
@Suite struct CallTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let request: StripeRequest
        let expected: String

        init(_ call: some StripeCall, _ expected: String) {
            request = call.request
            self.expected = expected
        }

        var testDescription: String { String(expected.prefix(60)) }
    }

    static let page = StripePage(limit: 10, startingAfter: "x_1", createdFrom: Timestamp(seconds: 5))

    static let cases = [
        Case(
            CreateAccount(country: "US", email: "a@example.com", metadata: ["souk_operation": "opn_1"]),
            "POST /v1/accounts country=US&email=a%40example.com&controller[fees][payer]=application"
                + "&controller[losses][payments]=application&controller[stripe_dashboard][type]=express"
                + "&controller[requirement_collection]=stripe&capabilities[card_payments][requested]=true"
                + "&capabilities[transfers][requested]=true&metadata[souk_operation]=opn_1"),
        Case(RetrieveAccount("acct_1"), "GET /v1/accounts/acct_1"),
        Case(RetrievePlatformAccount(), "GET /v1/account"),
        Case(
            UpdateAccount(
                "acct_1", capabilities: ["card_payments": false], payouts: .init(interval: "manual"),
                metadata: ["a": ""]),
            "POST /v1/accounts/acct_1 capabilities[card_payments][requested]=false"
                + "&settings[payouts][schedule][interval]=manual&metadata[a]="),
        Case(ListAccounts(page: page), "GET /v1/accounts?limit=10&starting_after=x_1&created[gte]=5"),
        Case(RejectAccount("acct_1", reason: "fraud_other"), "POST /v1/accounts/acct_1/reject reason=fraud_other"),
        Case(
            CreateAccountLink(account: "acct_1", refreshURL: "https://a/b?c=d", returnURL: "https://e"),
            "POST /v1/account_links account=acct_1&type=account_onboarding&refresh_url=https%3A%2F%2Fa%2Fb%3Fc%3Dd"
                + "&return_url=https%3A%2F%2Fe&collection_options[fields]=eventually_due"
                + "&collection_options[future_requirements]=include"),
        Case(CreateLoginLink(account: "acct_1"), "POST /v1/accounts/acct_1/login_links"),
        Case(RetrieveBalance(account: "acct_1"), "GET /v1/balance as acct_1"),
        Case(
            ListBalanceTransactions(account: "acct_1", payout: "po_1", expand: ["data.source"], page: page),
            "GET /v1/balance_transactions?payout=po_1&limit=10&starting_after=x_1&created[gte]=5"
                + "&expand[0]=data.source as acct_1"),
        Case(
            RetrieveBalanceTransaction("txn_1", expand: ["source"]),
            "GET /v1/balance_transactions/txn_1?expand[0]=source"),
        Case(
            CreatePaymentIntent(
                amount: Money(1050, .usd), applicationFeeAmount: 150, destination: "acct_1", transferGroup: "ord_1",
                captureMethod: "manual", automaticPaymentMethods: true),
            "POST /v1/payment_intents amount=1050&currency=usd&application_fee_amount=150"
                + "&transfer_data[destination]=acct_1&transfer_group=ord_1&capture_method=manual"
                + "&automatic_payment_methods[enabled]=true"),
        Case(
            RetrievePaymentIntent("pi_1", expand: ["latest_charge"]),
            "GET /v1/payment_intents/pi_1?expand[0]=latest_charge"),
        Case(UpdatePaymentIntent("pi_1", amount: 5), "POST /v1/payment_intents/pi_1 amount=5"),
        Case(
            ConfirmPaymentIntent("pi_1", paymentMethod: "pm_card_visa", returnURL: "https://r"),
            "POST /v1/payment_intents/pi_1/confirm payment_method=pm_card_visa&return_url=https%3A%2F%2Fr"),
        Case(
            CapturePaymentIntent("pi_1", amountToCapture: 7, applicationFeeAmount: 1),
            "POST /v1/payment_intents/pi_1/capture amount_to_capture=7&application_fee_amount=1"),
        Case(
            CancelPaymentIntent("pi_1", reason: "abandoned"),
            "POST /v1/payment_intents/pi_1/cancel cancellation_reason=abandoned"),
        Case(ListPaymentIntents(page: StripePage()), "GET /v1/payment_intents?limit=100"),
        Case(RetrieveCharge("ch_1", account: "acct_1"), "GET /v1/charges/ch_1 as acct_1"),
        Case(ListCharges(paymentIntent: "pi_1"), "GET /v1/charges?payment_intent=pi_1&limit=100"),
        Case(
            CreateCheckoutSession(
                currency: .usd, lineItems: [.init(name: "Oak table", unitAmount: 10_000, quantity: 1)],
                successURL: "https://s/{CHECKOUT_SESSION_ID}", cancelURL: "https://c", customerEmail: "b@example.com",
                applicationFeeAmount: 1500, destination: "acct_1", transferGroup: "ord_1",
                metadata: ["souk_order": "ord_1"]),
            "POST /v1/checkout/sessions mode=payment&line_items[0][price_data][currency]=usd"
                + "&line_items[0][price_data][unit_amount]=10000"
                + "&line_items[0][price_data][product_data][name]=Oak%20table&line_items[0][quantity]=1"
                + "&success_url=https%3A%2F%2Fs%2F%7BCHECKOUT_SESSION_ID%7D&cancel_url=https%3A%2F%2Fc"
                + "&customer_email=b%40example.com&payment_intent_data[application_fee_amount]=1500"
                + "&payment_intent_data[transfer_data][destination]=acct_1&payment_intent_data[transfer_group]=ord_1"
                + "&payment_intent_data[metadata][souk_order]=ord_1&metadata[souk_order]=ord_1"),
        Case(
            RetrieveCheckoutSession("cs_test_1", expand: ["payment_intent"]),
            "GET /v1/checkout/sessions/cs_test_1?expand[0]=payment_intent"),
        Case(ExpireCheckoutSession("cs_test_1"), "POST /v1/checkout/sessions/cs_test_1/expire"),
        Case(ListCheckoutSessions(status: .open), "GET /v1/checkout/sessions?status=open&limit=100"),
        Case(CreateCustomer(email: "b@example.com"), "POST /v1/customers email=b%40example.com"),
        Case(
            CreateRefund(paymentIntent: "pi_1", amount: 5, reverseTransfer: true, refundApplicationFee: false),
            "POST /v1/refunds payment_intent=pi_1&amount=5&reverse_transfer=true&refund_application_fee=false"),
        Case(RetrieveRefund("re_1"), "GET /v1/refunds/re_1"),
        Case(ListRefunds(charge: "ch_1"), "GET /v1/refunds?charge=ch_1&limit=100"),
        Case(
            CreateTransfer(amount: Money(7, .eur), destination: "acct_1", sourceTransaction: "ch_1"),
            "POST /v1/transfers amount=7&currency=eur&destination=acct_1&source_transaction=ch_1"),
        Case(RetrieveTransfer("tr_1"), "GET /v1/transfers/tr_1"),
        Case(
            ListTransfers(transferGroup: "ord_1", destination: "acct_1"),
            "GET /v1/transfers?transfer_group=ord_1&destination=acct_1&limit=100"),
        Case(CreateTransferReversal(transfer: "tr_1", amount: 3), "POST /v1/transfers/tr_1/reversals amount=3"),
        Case(ListTransferReversals(transfer: "tr_1"), "GET /v1/transfers/tr_1/reversals?limit=100"),
        Case(RetrieveApplicationFee("fee_1"), "GET /v1/application_fees/fee_1"),
        Case(ListApplicationFees(charge: "py_1"), "GET /v1/application_fees?charge=py_1&limit=100"),
        Case(CreateFeeRefund(fee: "fee_1", amount: 2), "POST /v1/application_fees/fee_1/refunds amount=2"),
        Case(ListFeeRefunds(fee: "fee_1"), "GET /v1/application_fees/fee_1/refunds?limit=100"),
        Case(RetrievePayout("po_1", account: "acct_1"), "GET /v1/payouts/po_1 as acct_1"),
        Case(
            ListPayouts(status: .paid, arrivalFrom: Timestamp(seconds: 1), account: "acct_1"),
            "GET /v1/payouts?status=paid&arrival_date[gte]=1&limit=100 as acct_1"),
        Case(RetrieveEvent("evt_1"), "GET /v1/events/evt_1"),
        Case(
            ListEvents(types: ["payout.paid", "payout.failed"], deliverySuccess: false),
            "GET /v1/events?types[0]=payout.paid&types[1]=payout.failed&delivery_success=false&limit=100"),
        Case(
            CreateWebhookEndpoint(url: "https://s/w", enabledEvents: ["payout.paid"], connect: true),
            "POST /v1/webhook_endpoints url=https%3A%2F%2Fs%2Fw&enabled_events[0]=payout.paid&connect=true"
                + "&api_version=2026-10-28.endive"),
        Case(UpdateWebhookEndpoint("we_1", disabled: true), "POST /v1/webhook_endpoints/we_1 disabled=true"),
        Case(DeleteWebhookEndpoint("we_1"), "DELETE /v1/webhook_endpoints/we_1"),
        Case(ListWebhookEndpoints(), "GET /v1/webhook_endpoints?limit=100"),
    ]

    @Test("each call is spelled as Stripe documents it", arguments: cases)
    func wire(_ example: Case) {
        let request = example.request
        var text = "\(request.method.rawValue) \(request.path)"
        if !request.body.isEmpty { text += " " + String(decoding: request.body, as: UTF8.self) }
        if let account = request.account { text += " as \(account)" }
        #expect(text == example.expected)
        #expect(request.version == "2026-10-28.endive")
    }
}
