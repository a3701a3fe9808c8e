import Domain
import FoundationEssentials
import StripeAPI
import Testing

@Suite struct ResourceTests {
    /// One of Stripe's own example objects (Fixtures/stripe-examples.json).
    private func example<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
        let decoder = JSONDecoder()
        decoder.userInfo[.exampleName] = name
        return try decoder.decode(OnlyOne<Value>.self, from: testFile("StripeAPITests/Fixtures/stripe-examples.json"))
            .value
    }

    /// Decodes, encodes and decodes again: nothing that we keep is lost on the way.
    private func check<Value: Codable & Hashable>(_ name: String, _ type: Value.Type) throws -> Value {
        let value = try example(name, as: type)
        let again = try JSONDecoder().decode(type, from: JSONEncoder().encode(value))
        #expect(again == value)
        return value
    }

    @Test("Stripe's own example objects are read")
    func examples() throws {
        let account = try check("account", AccountResource.self)
        #expect(account.capabilities["transfers"] == .active && !account.chargesEnabled)
        #expect(account.requirements?.currentlyDue?.contains("external_account") == true)
        #expect(account.settings?.payouts?.schedule?.interval == "daily")
        let intent = try check("payment_intent", PaymentIntentResource.self)
        #expect(intent.amount == 1099 && intent.currency == .usd && intent.status == .requiresPaymentMethod)
        #expect(intent.transferData?.destination.id == "obj_123")
        let session = try check("checkout.session", CheckoutSessionResource.self)
        #expect(
            session.status == .open && session.paymentStatus == .unpaid
                && session.paymentIntent?.id.hasPrefix("pi_") == true)
        let charge = try check("charge", ChargeResource.self)
        #expect(charge.balanceTransaction?.object == nil && charge.refunds?.data.isEmpty == true)
        let row = try check("balance_transaction", BalanceTransactionResource.self)
        #expect(row.net == 100 && row.source?.id.hasPrefix("ch_") == true && row.type == .charge)
        #expect(try check("transfer", TransferResource.self).destination?.id.rawValue.hasPrefix("acct_") == true)
        #expect(try check("transfer_reversal", TransferReversalResource.self).amount == 1100)
        #expect(try check("application_fee", ApplicationFeeResource.self).charge.id.hasPrefix("ch_"))
        #expect(try check("fee_refund", FeeRefundResource.self).fee.id.rawValue.hasPrefix("fee_"))
        #expect(try check("refund", RefundResource.self).status == .succeeded)
        let warning = try check("radar.early_fraud_warning", FraudWarningResource.self)
        #expect(warning.actionable && warning.fraudType == "misc" && warning.paymentIntent == nil)
        #expect(try check("payout", PayoutResource.self).status == .inTransit)
        #expect(try check("balance", BalanceResource.self).connectReserved?.count == 1)
        let event = try check("event", EventResource.self)
        #expect(event.type == "plan.created" && event.data.object.object == "plan" && event.account == nil)
        #expect(try check("webhook_endpoint", WebhookEndpointResource.self).enabledEvents.count == 2)
        #expect(try check("account_link", AccountLinkResource.self).expiresAt == Timestamp(seconds: 1_234_567_890))
        #expect(try check("login_link", LoginLinkResource.self).url.hasPrefix("https://"))
    }

    @Test("values and fields that Stripe adds do not stop us")
    func additions() throws {
        let refund = try decode(
            RefundResource.self,
            """
            {"id":"re_1","object":"refund","amount":5,"currency":"usd","status":"a_new_status","created":1,
             "metadata":null,"brand_new":{"nested":[1,2]}}
            """)
        #expect(refund.status?.rawValue == "a_new_status" && refund.metadata.isEmpty)
        let source = try decode(BalanceTransactionSource.self, #"{"id":"xyz_1","object":"a_new_object","amount":1}"#)
        #expect(source.id == "xyz_1")
    }

    @Test("what we need must be there")
    func strict() {
        #expect(throws: DecodingError.self) {
            try decode(RefundResource.self, #"{"id":"re_1","currency":"usd","created":1}"#)
        }
        #expect(throws: DecodingError.self) {
            try decode(
                BalanceResource.self, #"{"available":[{"amount":1.5,"currency":"usd"}],"pending":[],"livemode":false}"#)
        }
    }

    @Test("a field is an id or the object that was asked for, and a fault inside the object is not hidden")
    func expansion() throws {
        let row =
            #"{"id":"txn_1","amount":10000,"fee":320,"net":9680,"currency":"usd","fee_details":[],"type":"charge","reporting_category":"charge","status":"pending","available_on":2,"created":1,"source":"ch_1"}"#
        func charge(_ balanceTransaction: String) -> String {
            #"{"id":"ch_1","object":"charge","amount":10000,"amount_refunded":0,"currency":"usd","status":"succeeded","paid":true,"captured":true,"refunded":false,"livemode":false,"created":1,"balance_transaction":\#(balanceTransaction)}"#
        }
        let plain = try decode(ChargeResource.self, charge(#""txn_1""#))
        #expect(plain.balanceTransaction == .id("txn_1") && plain.balanceTransaction?.object == nil)
        let expanded = try decode(ChargeResource.self, charge(row))
        #expect(expanded.balanceTransaction?.id == "txn_1" && expanded.balanceTransaction?.object?.net == 9680)
        #expect(try decode(ChargeResource.self, charge("null")).balanceTransaction == nil)
        #expect(throws: DecodingError.self) { try decode(ChargeResource.self, charge(#"{"id":"txn_1"}"#)) }
        let source = try decode(BalanceTransactionSource.self, charge("null"))
        guard case .charge(let subject) = source else {
            Issue.record("not a charge: \(source)")
            return
        }
        #expect(subject.id == "ch_1" && source.id == "ch_1")
    }

    @Test("events of every origin are read, and their object when it is needed")
    func events() throws {
        let body = """
            {"id":"evt_1","object":"event","account":"acct_1","api_version":"2025-01-01.x","created":5,"livemode":true,
             "pending_webhooks":1,"type":"account.application.deauthorized","request":null,
             "data":{"object":{"id":"ca_1","object":"application","name":"x"}}}
            """
        let event = try decode(EventResource.self, body)
        #expect(event.account == "acct_1" && event.data.object.id == "ca_1" && event.request == nil && event.livemode)
        struct Application: Decodable, Sendable { let name: String }
        #expect(try decode(EventSnapshot<Application>.self, body).object.name == "x")
    }
}

private struct OnlyOne<Value: Decodable>: Decodable {
    let value: Value

    init(from decoder: any Decoder) throws {
        let name = try #require(decoder.userInfo[.exampleName] as? String)
        let resources = try decoder.container(keyedBy: AnyKey.self)
            .nestedContainer(keyedBy: AnyKey.self, forKey: AnyKey("resources"))
        value = try resources.decode(Value.self, forKey: AnyKey(name))
    }
}

private struct AnyKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ text: String) { stringValue = text }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

extension CodingUserInfoKey {
    fileprivate static let exampleName: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "exampleName") else { preconditionFailure("a key is any text") }
        return key
    }()
}
