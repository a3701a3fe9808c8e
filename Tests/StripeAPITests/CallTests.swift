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
        Case(ListAccounts(page: page), "GET /v1/accounts?limit=10&starting_after=x_1&created[gte]=5"),
        Case(RejectAccount("acct_1", reason: "fraud_other"), "POST /v1/accounts/acct_1/reject reason=fraud_other"),
        Case(
            CreateAccountLink(account: "acct_1", refreshURL: "https://a/b?c=d", returnURL: "https://e"),
            "POST /v1/account_links account=acct_1&type=account_onboarding&refresh_url=https%3A%2F%2Fa%2Fb%3Fc%3Dd"
                + "&return_url=https%3A%2F%2Fe&collection_options[fields]=eventually_due"
                + "&collection_options[future_requirements]=include"),
        Case(CreateLoginLink(account: "acct_1"), "POST /v1/accounts/acct_1/login_links"),
        Case(
            UpdatePayoutSchedule("acct_1", interval: "weekly", weeklyAnchor: "friday", delayDays: 9),
            "POST /v1/accounts/acct_1 settings[payouts][schedule][interval]=weekly"
                + "&settings[payouts][schedule][weekly_anchor]=friday&settings[payouts][schedule][delay_days]=9"),
        Case(
            CreatePayout(
                account: "acct_1", amount: Money(500, .usd), method: "instant", description: "May",
                metadata: ["souk_operation": "opn_1"]),
            "POST /v1/payouts amount=500&currency=usd&method=instant&description=May&metadata[souk_operation]=opn_1"
                + " as acct_1"),
        Case(
            ListPayouts(account: "acct_1", page: page),
            "GET /v1/payouts?limit=10&starting_after=x_1&created[gte]=5 as acct_1"),
        Case(
            ListBalanceTransactions(account: "acct_1", payout: "po_1"),
            "GET /v1/balance_transactions?payout=po_1&limit=100 as acct_1"),
        Case(RetrieveBalance(account: "acct_1"), "GET /v1/balance as acct_1"),
        Case(
            ListBalanceTransactions(account: "acct_1", expand: ["data.source"], page: page),
            "GET /v1/balance_transactions?limit=10&starting_after=x_1&created[gte]=5"
                + "&expand[0]=data.source as acct_1"),
        Case(
            CreatePaymentIntent(
                amount: Money(1050, .usd), applicationFeeAmount: 150, destination: "acct_1", transferGroup: "ord_1",
                captureMethod: "manual", description: "Order 1", metadata: ["souk_order": "ord_1"]),
            "POST /v1/payment_intents amount=1050&currency=usd&application_fee_amount=150"
                + "&transfer_data[destination]=acct_1&transfer_group=ord_1&capture_method=manual"
                + "&automatic_payment_methods[enabled]=true&description=Order%201&metadata[souk_order]=ord_1"),
        Case(
            RetrievePaymentIntent("pi_1", expand: ["latest_charge"]),
            "GET /v1/payment_intents/pi_1?expand[0]=latest_charge"),
        Case(
            CapturePaymentIntent("pi_1", expand: ["latest_charge"]),
            "POST /v1/payment_intents/pi_1/capture expand[0]=latest_charge"),
        Case(
            CancelPaymentIntent("pi_1", expand: ["latest_charge"]),
            "POST /v1/payment_intents/pi_1/cancel expand[0]=latest_charge"),
        Case(ListPaymentIntents(), "GET /v1/payment_intents?limit=100"),
        Case(RetrieveCharge("ch_1", account: "acct_1"), "GET /v1/charges/ch_1 as acct_1"),
        Case(
            CreateCheckoutSession(
                currency: .usd, lineItems: [.init(name: "Oak table", unitAmount: 10_000, quantity: 1)],
                successURL: "https://s/{CHECKOUT_SESSION_ID}", cancelURL: "https://c", customerEmail: "b@example.com",
                clientReferenceID: "ord_1", applicationFeeAmount: 1500, destination: "acct_1", transferGroup: "ord_1",
                description: "Order 1", metadata: ["souk_order": "ord_1"]),
            "POST /v1/checkout/sessions mode=payment&line_items[0][price_data][currency]=usd"
                + "&line_items[0][price_data][unit_amount]=10000"
                + "&line_items[0][price_data][product_data][name]=Oak%20table&line_items[0][quantity]=1"
                + "&success_url=https%3A%2F%2Fs%2F%7BCHECKOUT_SESSION_ID%7D&cancel_url=https%3A%2F%2Fc"
                + "&customer_email=b%40example.com&client_reference_id=ord_1"
                + "&payment_intent_data[application_fee_amount]=1500"
                + "&payment_intent_data[transfer_data][destination]=acct_1&payment_intent_data[transfer_group]=ord_1"
                + "&payment_intent_data[description]=Order%201"
                + "&payment_intent_data[metadata][souk_order]=ord_1&metadata[souk_order]=ord_1"),
        Case(
            RetrieveCheckoutSession("cs_test_1", expand: ["payment_intent"]),
            "GET /v1/checkout/sessions/cs_test_1?expand[0]=payment_intent"),
        Case(ExpireCheckoutSession("cs_test_1"), "POST /v1/checkout/sessions/cs_test_1/expire"),
        Case(ListCheckoutSessions(), "GET /v1/checkout/sessions?limit=100"),
        Case(
            CreateRefund(
                charge: "ch_1", reverseTransfer: true, refundApplicationFee: true, metadata: ["souk_order": "ord_1"]),
            "POST /v1/refunds charge=ch_1&reverse_transfer=true&refund_application_fee=true"
                + "&metadata[souk_order]=ord_1"),
        Case(RetrieveRefund("re_1"), "GET /v1/refunds/re_1"),
        Case(RetrieveFraudWarning("issfr_1"), "GET /v1/radar/early_fraud_warnings/issfr_1"),
        Case(ListRefunds(charge: "ch_1"), "GET /v1/refunds?charge=ch_1&limit=100"),
        Case(RetrieveTransfer("tr_1"), "GET /v1/transfers/tr_1"),
        Case(ListTransfers(), "GET /v1/transfers?limit=100"),
        Case(ListTransferReversals(transfer: "tr_1"), "GET /v1/transfers/tr_1/reversals?limit=100"),
        Case(RetrieveApplicationFee("fee_1"), "GET /v1/application_fees/fee_1"),
        Case(ListFeeRefunds(fee: "fee_1"), "GET /v1/application_fees/fee_1/refunds?limit=100"),
        Case(RetrievePayout("po_1", account: "acct_1"), "GET /v1/payouts/po_1 as acct_1"),
        Case(
            ListEvents(types: ["payout.paid", "payout.failed"]),
            "GET /v1/events?types[0]=payout.paid&types[1]=payout.failed&limit=100"),
        Case(
            CreateWebhookEndpoint(
                url: "https://s/w", enabledEvents: ["payout.paid"], connect: true, description: "Souk"),
            "POST /v1/webhook_endpoints url=https%3A%2F%2Fs%2Fw&enabled_events[0]=payout.paid&connect=true"
                + "&api_version=2026-10-28.endive&description=Souk"),
        Case(
            UpdateWebhookEndpoint("we_1", enabledEvents: ["payout.paid"], disabled: false),
            "POST /v1/webhook_endpoints/we_1 enabled_events[0]=payout.paid&disabled=false"),
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
