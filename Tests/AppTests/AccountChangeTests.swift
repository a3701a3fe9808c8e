import Foundation
import TestSupport
import Testing

/// Sellers who leave with money owed to them, and go on with another account.
@Suite(.database, .serialized) struct AccountChangeTests {
    @Test("what a seller who left is owed is listed with its age, and goes to the seller's next account")
    func leavesAndComesBack() async throws {
        try await RunningSouk.with { souk in
            let earlier = try await souk.paidSeparateSale()
            let (seller, old) = (earlier.sellers[0], earlier.accounts[0])
            let placed = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-2", "currency": "usd", "release": ["on": "fulfilment"],
                    "lines": [["seller": .string(seller), "unit_amount": 5000]],
                ]
            ).expecting(201)
            _ = try await souk.pay(placed).expecting(200)
            try await souk.settle()
            let order = try placed.string("id")
            let owed = try await souk.owed(to: seller)
            #expect(owed == 4500)

            let inUse = try await souk.call("POST", "/v1/sellers/\(seller)/accounts", [:])
            #expect(inUse.status == 409)
            #expect(inUse["error", "message"].string?.contains("is in use. Hold the seller first") == true, "\(inUse)")

            _ = try await souk.control("POST", "/accounts/\(old)/deauthorize").expecting(200)
            try await souk.settle()
            _ = try await souk.release(order).expecting(201)
            try await souk.settle()
            let waiting = try await souk.call("GET", "/v1/transfers?order=\(order)&state=held").expecting(200)
            #expect(waiting["data"].array?.count == 1)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(3 * 86_400)]).expecting(200)
            let left = try await souk.call("GET", "/v1/payables?seller_status=disconnected").expecting(200)
            #expect(left["data"].array?.map { $0["amount"].int } == [4500], "\(left)")
            #expect(left["data"].array?.first?["age_days"].int == 3)
            #expect(left["data"].array?.first?["seller"].string == seller)
            let others = try await souk.call("GET", "/v1/payables?seller_status=active").expecting(200)
            #expect(others["data"].array == [])

            let changed = try await souk.call("POST", "/v1/sellers/\(seller)/accounts", [:]).expecting(200)
            let new = try changed.string("stripe_account")
            #expect(new != old)
            #expect(changed["former_stripe_accounts"].array == [.string(old)])
            #expect(changed["status"].string == "onboarding")
            // Whoever asks again, before the seller has done anything, gets the same.
            let again = try await souk.call("POST", "/v1/sellers/\(seller)/accounts", [:]).expecting(200)
            #expect(again["stripe_account"].string == new)
            let found = try await souk.call("GET", "/v1/sellers?stripe_account=\(old)").expecting(200)
            #expect(found["data"].array?.map { $0["id"].string } == [seller])
            try await souk.settle()
            #expect(try await souk.owed(to: seller) == 4500)

            _ = try await souk.control("POST", "/accounts/\(new)/onboard", ["outcome": "complete"]).expecting(200)
            try await souk.settle()
            #expect(try await souk.owed(to: seller) == 0)
            let balances = try await souk.balances()
            #expect(balances["stripe:\(new)"] == 4500)
            #expect(balances["stripe:\(old)"] == 6300)
            #expect(balances["seller:\(seller):funds"] == 10_800)
            try await souk.expectSoundBooks()

            // A refund takes back from where the money went.
            _ = try await souk.call("POST", "/v1/orders/\(order)/refunds", ["external_id": "refund-1"]).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["stripe:\(new)"] == 0)
            #expect(try await souk.balances()["seller:\(seller):receivable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("an account that exists joins, comes back, and belongs to one seller only")
    func existingAccounts() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale()
            let (seller, first) = (sale.sellers[0], sale.accounts[0])
            func change(_ seller: String, to account: String) async throws -> RunningSouk.Answer {
                try await souk.call("POST", "/v1/sellers/\(seller)/accounts", ["stripe_account": .string(account)])
            }
            let second = try await souk.stripe(
                "POST", "/v1/accounts",
                [
                    ("type", "express"), ("country", "US"), ("email", "second@example.com"),
                    ("capabilities[card_payments][requested]", "true"),
                    ("capabilities[transfers][requested]", "true"),
                ]
            ).expecting(200).string("id")
            _ = try await souk.control("POST", "/accounts/\(second)/onboard", ["outcome": "complete"]).expecting(200)
            let abroad = try await souk.stripe(
                "POST", "/v1/accounts",
                [("type", "express"), ("country", "DE"), ("capabilities[transfers][requested]", "true")]
            ).expecting(200).string("id")
            for (account, status, code) in [
                (sale.accounts[1], 409, "stripe_account_taken"), ("acct_none", 422, "stripe_refused"),
                (abroad, 400, "parameter_invalid"), ("shop", 400, "parameter_invalid"),
                (second, 409, "illegal_transition"),
            ] {
                if code != "illegal_transition" {
                    _ = try await souk.call(
                        "POST", "/v1/sellers/\(seller)/hold", ["held": true, "reason": "changes hands"]
                    ).expecting(200)
                } else {
                    _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": false]).expecting(200)
                }
                let refused = try await change(seller, to: account)
                #expect(refused.status == status, "\(account) \(refused)")
                #expect(refused["error", "code"].string == code, "\(account) \(refused)")
            }
            #expect(try await change(seller, to: first).expecting(200)["former_stripe_accounts"].array == [])
            _ = try await souk.call(
                "POST", "/v1/sellers/\(seller)/hold", ["held": true, "reason": "changes hands"]
            ).expecting(200)
            let changed = try await change(seller, to: second).expecting(200)
            #expect(changed["stripe_account"].string == second)
            #expect(changed["status"].string == "active")
            let taken = try await change(sale.sellers[1], to: first)
            #expect(taken["error", "code"].string == "stripe_account_taken", "\(taken)")
            let joining = try await souk.call(
                "POST", "/v1/sellers", ["external_id": "shop-9", "stripe_account": .string(first)])
            #expect(joining["error", "code"].string == "stripe_account_taken", "\(joining)")

            // What happens in the old account is still the seller's: Stripe pays it out by itself.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(7 * 86_400)]).expecting(200)
            try await souk.settle()
            let payouts = try await souk.call("GET", "/v1/payouts?seller=\(seller)").expecting(200)
            #expect(payouts["data"].array?.map { $0["stripe_account"].string } == [first], "\(payouts)")
            #expect(try await souk.balances()["seller:\(seller):funds"] == 0)
            try await souk.expectSoundBooks()

            let back = try await change(seller, to: first).expecting(200)
            #expect(back["stripe_account"].string == first)
            #expect(back["former_stripe_accounts"].array == [.string(second)])
            try await souk.settle()
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension RunningSouk {
    /// What `GET /v1/payables` says of a seller.
    fileprivate func owed(to seller: String) async throws -> Int {
        let list = try await call("GET", "/v1/payables?seller=\(seller)&currency=usd").expecting(200)
        return list["data"].array?.first?["amount"].int ?? 0
    }
}
