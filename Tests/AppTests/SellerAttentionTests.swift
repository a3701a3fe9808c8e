import Foundation
import TestSupport
import Testing

/// What a seller has to do or to wait for, as a marketplace sees it through the API, for every way in which onboarding ends.
@Suite(.database, .serialized) struct SellerAttentionTests {
    @Test("each outcome of onboarding says who must act, and only an active seller can be charged for")
    func outcomes() async throws {
        try await RunningSouk.with { souk in
            let expected: [(outcome: String, status: String, attention: String, canAct: Bool)] = [
                ("complete", "active", "", false), ("pending", "under_review", "under_review", false),
                ("partial", "onboarding", "finish_onboarding", true), ("rejected", "rejected", "rejected", false),
            ]
            for (outcome, status, attention, canAct) in expected {
                let made = try await souk.seller("shop-\(outcome)")
                let account = try made.string("stripe_account")
                _ = try await souk.control(
                    "POST", "/accounts/\(account)/onboard", ["outcome": .string(outcome)]
                ).expecting(200)
                try await souk.settle()
                let seller = try await souk.call("GET", "/v1/sellers/\(try made.string("id"))").expecting(200)
                #expect(seller["status"].string == status, "\(outcome)")
                #expect(seller["attention"].array?.first?["type"].string ?? "" == attention, "\(outcome)")
                #expect((seller["attention"].array?.first?["seller_can_act"].bool ?? false) == canAct, "\(outcome)")
                let order = try await souk.call(
                    "POST", "/v1/orders",
                    [
                        "external_id": .string("order-\(outcome)"), "currency": "usd",
                        "lines": [["seller": .string(try made.string("id")), "description": "A", "unit_amount": 1000]],
                    ])
                #expect(order.status == (status == "active" ? 201 : 422), "\(outcome): \(order)")
                if status != "active" { #expect(order["error", "code"].string == "seller_not_ready") }
                let listed = try await souk.call("GET", "/v1/sellers?status=\(status)").expecting(200)
                #expect(listed["data"].array?.compactMap { $0["id"].string } == [try made.string("id")])
            }
            #expect(try await souk.call("GET", "/v1/sellers?status=asleep").status == 400)
            let found = try await souk.call("GET", "/v1/sellers?external_id=shop-pending&held=false").expecting(200)
            #expect(found["data"].array?.count == 1)
        }
    }

    @Test("owed by a date, then past it; a hold refuses orders until it is released; the balance is Stripe's")
    func laterLife() async throws {
        try await RunningSouk.with { souk in
            let seller = try await souk.onboardedSeller("shop-1")
            let account = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200).string("stripe_account")
            let deadline = try await souk.now() + 604_800
            _ = try await souk.control(
                "POST", "/accounts/\(account)/require",
                ["fields": ["individual.verification.document"], "deadline": .int(deadline)]
            ).expecting(200)
            try await souk.settle()
            let owing = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200)
            #expect(owing["status"].string == "action_required")
            #expect(owing["attention"].array?.first?["type"].string == "owes_by")
            #expect(owing["attention"].array?.first?["deadline"].int == deadline)
            let order = try await souk.placeOrder("order-1", seller: seller, amount: 5000)
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            let balance = try await souk.call("GET", "/v1/sellers/\(seller)/balance").expecting(200)
            let amounts = (balance["available"].array ?? []) + (balance["pending"].array ?? [])
            #expect(amounts.reduce(0) { $0 + ($1["amount"].int ?? 0) } == 5000)

            _ = try await souk.call(
                "POST", "/v1/sellers/\(seller)/hold", ["held": true, "reason": "counterfeit goods"]
            ).expecting(200)
            let refused = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-2", "currency": "usd",
                    "lines": [["seller": .string(seller), "description": "A", "unit_amount": 1000]],
                ])
            #expect(refused.status == 422)
            #expect(refused["error", "message"].string?.contains("counterfeit goods") == true)
            #expect(try await souk.call("GET", "/v1/sellers?held=true").expecting(200)["data"].array?.count == 1)
            #expect(try await souk.status(of: order) == "paid", "what is paid stays as it is")
            _ = try await souk.call("POST", "/v1/sellers/\(seller)/hold", ["held": false]).expecting(200)
            _ = try await souk.placeOrder("order-2", seller: seller, amount: 1000)

            _ = try await souk.control(
                "POST", "/accounts/\(account)/require",
                ["fields": ["individual.verification.document"], "past_due": true]
            ).expecting(200)
            try await souk.settle()
            let late = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200)
            #expect(late["attention"].array?.first?["type"].string == "owes_now")
            #expect(late["can_be_charged"].bool == false)
            _ = try await souk.control("POST", "/accounts/\(account)/deauthorize").expecting(200)
            try await souk.settle()
            let gone = try await souk.call("GET", "/v1/sellers/\(seller)").expecting(200)
            #expect(gone["status"].string == "disconnected")
            #expect(gone["attention"].array?.first?["type"].string == "deauthorized")
            #expect(try await souk.call("GET", "/v1/sellers/\(seller)/balance").status == 422)
        }
    }
}

extension RunningSouk {
    fileprivate func seller(_ externalID: String) async throws -> Answer {
        try await call(
            "POST", "/v1/sellers",
            [
                "external_id": .string(externalID), "email": .string("\(externalID)@example.com"), "country": "US",
                "business_type": "individual",
            ]
        ).expecting(201)
    }
}
