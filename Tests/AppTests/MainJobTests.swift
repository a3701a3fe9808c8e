import Foundation
import TestSupport
import Testing

/// The main job, through the API alone: a seller onboarded, an order charged with a fee, books equal to Stripe.
@Suite(.database, .serialized) struct MainJobTests {
    @Test("a seller is onboarded, an order is paid with a 15 % fee, and the books equal Stripe to the cent")
    func mainJob() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            _ = try await souk.call(
                "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1500]
            ).expecting(201)
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 10_000)
            #expect(order["application_fee_amount"].int == 1500)
            #expect(order["status"].string == "awaiting_payment")
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()

            let paid = try await souk.call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
            #expect(paid["status"].string == "paid")

            let balances = try await souk.balances()
            let account = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200).string("stripe_account")
            // Stripe's fee on 100.00 is 3.20: the platform keeps 15.00 less that, the seller the other 85.00.
            #expect(balances["stripe:platform"] == 1180)
            #expect(balances["stripe:\(account)"] == 8500)
            #expect(balances["seller:\(seller):funds"] == 8500)
            #expect(balances["revenue:application_fees"] == 1500)
            #expect(balances["fees:stripe"] == 320)
            for (code, balance) in balances where code.hasPrefix("clearing:") {
                #expect(balance == 0, "\(code) is not cleared")
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a seller's automatic payout leaves the books as Stripe has them, and failed after paid puts it all back")
    func payouts() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 5000)
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86400)]).expecting(200)
            try await souk.settle()

            let payouts = try await souk.call("GET", "/v1/payouts?seller=\(seller)").expecting(200)
            let payout = try #require(payouts["data"].array?.first)
            #expect(payout["status"].string == "paid")
            #expect(payout["amount"].int == 5000)
            #expect(try await souk.balances()["seller:\(seller):funds"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            let stripePayout = try #require(payout["stripe_payout"].string)
            _ = try await souk.control(
                "POST", "/payouts/\(stripePayout)/fail", ["failure_code": "account_closed", "after_paid": true]
            ).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 5000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension RunningSouk {
    /// - Returns: our id of a seller who may be charged for.
    func onboardedSeller(_ externalID: String, country: String = "US") async throws -> String {
        let seller = try await call(
            "POST", "/v1/sellers",
            [
                "external_id": .string(externalID), "email": .string("\(externalID)@example.com"),
                "country": .string(country),
                "business_type": "individual",
            ]
        ).expecting(201)
        let account = try seller.string("stripe_account")
        _ = try await control("POST", "/accounts/\(account)/onboard", ["outcome": "complete"]).expecting(200)
        try await settle()
        let id = try seller.string("id")
        let ready = try await call("GET", "/v1/sellers/\(id)").expecting(200)
        guard ready["status"].string == "active" else { throw Unexpected(answer: ready) }
        return id
    }

    func placeOrder(
        _ externalID: String, seller: String, amount: Int, payment: String = "checkout",
        capture: String = "automatic", bearer: String = "platform"
    ) async throws -> Answer {
        try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(externalID), "currency": "usd", "payment": .string(payment),
                "capture": .string(capture), "dispute_bearer": .string(bearer),
                "buyer": ["external_id": "buyer-1", "email": "buyer@example.com"],
                "lines": [
                    ["seller": .string(seller), "description": "Oak table", "unit_amount": .int(amount), "quantity": 1]
                ],
            ]
        ).expecting(201)
    }

    /// What the buyer does on the hosted Checkout page.
    func pay(_ order: Answer, with method: String = "pm_card_visa") async throws -> Answer {
        try await control(
            "POST", "/checkout/sessions/\(try session(of: order))/pay", ["payment_method": .string(method)])
    }

    /// Stripe's id of the hosted page.
    func session(of order: Answer) throws -> String {
        let url = try order.string("checkout_url")
        return String(
            try #require(
                url.split(whereSeparator: { "/?#".contains($0) }).first { $0.hasPrefix("cs_") }, "no session in \(url)")
        )
    }

    /// Every ledger account's balance in US dollars, on its normal side.
    func balances() async throws -> [String: Int] {
        let accounts = try await call("GET", "/v1/ledger/accounts").expecting(200)
        let rows = try #require(accounts["data"].array)
        return Dictionary(
            rows.filter { $0["currency"].string == "usd" }.compactMap { row in
                guard let code = row["code"].string, let balance = row["balance"].int else { return nil }
                return (code, balance)
            }, uniquingKeysWith: +)
    }

    func expectSoundBooks() async throws {
        let proof = try await call("GET", "/v1/ledger/proof").expecting(200)
        #expect(proof["sound"].bool == true, "\(proof)")
        let trial = try await call("GET", "/v1/ledger/trial_balance").expecting(200)
        #expect(trial["difference"].isZero, "\(trial)")
    }

    func expectZeroDifference() async throws {
        let started = try await call("POST", "/v1/admin/reconciliations", ["scope": "all"]).expecting(201)
        let id = try started.string("id")
        try await settle()
        let run = try await call("GET", "/v1/admin/reconciliations/\(id)").expecting(200)
        #expect(run["status"].string == "completed", "\(run)")
        let findings = try await call("GET", "/v1/admin/reconciliations/\(id)/findings").expecting(200)
        #expect(run["findings_count"].int == 0, "\(findings)")
        #expect(run["difference"].isZero, "\(run)")
    }
}

extension JSON {
    /// Of amounts by currency: each of them is zero; there may be none.
    fileprivate var isZero: Bool {
        guard case .object(let amounts) = self else { return false }
        return amounts.values.allSatisfy { $0.int == 0 }
    }
}
