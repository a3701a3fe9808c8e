import Domain
import Postgres
import Sellers
import Store
import StripeAPI
import TestSupport
import Testing
import Transport

@Suite(.database, .serialized) struct SellerLifeTests {
    @Test(
        "the outcome of onboarding is read from Stripe, in any order of events and with doubles",
        arguments: [
            ("complete", "active", []), ("pending", "under_review", ["under_review"]),
            ("partial", "onboarding", ["finish_onboarding"]), ("rejected", "rejected", ["rejected"]),
        ] as [(String, String, [String])])
    func onboarding(outcome: String, status: String, attention: [String]) async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, outcome)
            try await world.applyEvents(of: seller.account, shuffled: true)
            let answer = try await world.get("/v1/sellers/\(seller.id)")
            #expect(answer.json["status"].string == status, "\(answer.text)")
            #expect(answer.json["attention"].array?.compactMap { $0["type"].string } == attention)
            #expect(answer.json["can_be_charged"].bool == (outcome == "complete"))
            #expect(answer.json["charges_enabled"].bool == (outcome == "complete"))
            #expect((answer.json["cannot_be_charged_because"].string == nil) == (outcome == "complete"))
            let listed = try await world.get("/v1/sellers?status=\(status)")
            #expect(listed.json["data"].array?.count == 1)

            let before = try await world.announced(seller.id).count
            try await world.applyEvents(of: seller.account, shuffled: true)
            #expect(try await world.announced(seller.id).count == before, "nothing new, so nothing announced")
        }
    }

    @Test("pending becomes active when Stripe has checked")
    func verified() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, "pending")
            try await world.applyEvents(of: seller.account)
            #expect(try await world.get("/v1/sellers/\(seller.id)").json["status"].string == "under_review")
            try await world.control(.post, "/clock/advance", #"{"seconds":3600}"#)
            try await world.applyEvents(of: seller.account)
            #expect(try await world.get("/v1/sellers/\(seller.id)").json["status"].string == "active")
        }
    }

    @Test("what is owed by a date leaves the seller selling; past the date it does not")
    func owing() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, "complete")
            try await world.control(
                .post, "/accounts/\(seller.account)/require",
                #"{"fields":["individual.verification.document"],"deadline":4000000000}"#)
            try await world.applyEvents(of: seller.account)
            let owing = try await world.get("/v1/sellers/\(seller.id)")
            #expect(owing.json["status"].string == "action_required")
            #expect(owing.json["can_be_charged"].bool == true)
            let attention = try #require(owing.json["attention"].array?.first)
            #expect(attention["type"].string == "owes_by")
            #expect(attention["deadline"].int == 4_000_000_000)
            #expect(attention["fields"].array == [.string("individual.verification.document")])

            try await world.control(
                .post, "/accounts/\(seller.account)/require",
                #"{"fields":["individual.verification.document"],"past_due":true}"#)
            try await world.applyEvents(of: seller.account)
            let late = try await world.get("/v1/sellers/\(seller.id)")
            #expect(late.json["status"].string == "action_required")
            #expect(late.json["can_be_charged"].bool == false)
            #expect(late.json["attention"].array?.first?["type"].string == "owes_now")
        }
    }

    @Test("an account that leaves the platform is disconnected, whatever older events say afterwards")
    func deauthorized() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, "complete")
            let before = try await world.events(of: seller.account)
            try await world.applyEvents(of: seller.account)
            try await world.recordConnection(
                InboundEvent(
                    id: StripeEventID("evt_gone"), type: "account.application.deauthorized", account: seller.account,
                    objectID: "ca_1", objectType: "application", created: try await world.clock.now(),
                    livemode: false, apiVersion: nil, idempotencyKey: nil, body: Array("{}".utf8)))
            for event in before { try await world.refreshAccount(event) }
            let answer = try await world.get("/v1/sellers/\(seller.id)")
            #expect(answer.json["status"].string == "disconnected")
            #expect(answer.json["can_be_charged"].bool == false)
            #expect(answer.json["attention"].array?.first?["type"].string == "deauthorized")
            #expect(try await world.audited(seller.id).last == "seller.deauthorized")
            for path in ["onboarding_links", "login_links"] {
                let refused = try await world.post("/v1/sellers/\(seller.id)/\(path)", "{}")
                #expect(refused.status == 422)
                #expect(refused.json["error"]["code"].string == "seller_not_ready")
            }
            #expect(try await world.get("/v1/sellers/\(seller.id)/balance").status == 422)
        }
    }

    @Test("an event of an account that is no seller's changes nothing")
    func unknownAccount() async throws {
        try await SellerWorld.run { world in
            let account = try await world.stripe.send(
                CreateAccount(
                    country: "US",
                    metadata: [
                        "souk_seller": "sel_01j00000000000000000000000",
                        "souk_operation": "opn_01j00000000000000000000000",
                    ])
            ).id
            try await world.onboard(account, "complete")
            try await world.applyEvents(of: account)
            #expect(try await world.store.query("SELECT 1 FROM sellers").isEmpty)
            #expect(try await world.store.query("SELECT 1 FROM stripe_objects").isEmpty)
            #expect(try await world.store.query("SELECT 1 FROM outbox_events").isEmpty)
        }
    }

    @Test("a rejection is made at Stripe, once")
    func rejected() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, "complete")
            try await world.applyEvents(of: seller.account)
            let answer = try await world.post("/v1/sellers/\(seller.id)/reject", #"{"reason":"terms_of_service"}"#)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json["status"].string == "rejected")
            #expect(
                answer.json["requirements"]["disabled_reason"].string == "rejected.platform_terms_of_service")
            let again = try await world.post("/v1/sellers/\(seller.id)/reject", #"{"reason":"terms_of_service"}"#)
            #expect(again.status == 200)
            let operations = try await world.store.query(
                "SELECT state FROM stripe_operations WHERE kind = 'reject_account'")
            #expect(operations.count == 1)
            let bad = try await world.post("/v1/sellers/\(seller.id)/reject", #"{"reason":"dislike"}"#)
            #expect(bad.status == 400)
            #expect(bad.json["error"]["param"].string == "reason")
        }
    }

    @Test("a rejection that Stripe could not take is shown, and finished by a worker")
    func rejectedLater() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.control(
                .put, "/faults",
                #"{"rules":[{"match":"POST /v1/accounts/*/reject","kind":"status","status":500,"rate":1}]}"#)
            let answer = try await world.post("/v1/sellers/\(seller.id)/reject", #"{"reason":"other"}"#)
            #expect(answer.status == 200)
            #expect(answer.json["status"].string == "onboarding")
            #expect(answer.json["operation"]["kind"].string == "reject_account")
            try await world.control(.delete, "/faults")
            world.clock.advance(by: .seconds(30))
            #expect(try await world.worker.workOnDue() == 1)
            let later = try await world.get("/v1/sellers/\(seller.id)")
            #expect(later.json["status"].string == "rejected")
            #expect(later.json["operation"] == .null)
        }
    }

    @Test("a hold stops charges until it is released")
    func hold() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            try await world.onboard(seller.account, "complete")
            try await world.applyEvents(of: seller.account)
            let held = try await world.post(
                "/v1/sellers/\(seller.id)/hold", #"{"held":true,"reason":"stolen goods?"}"#)
            #expect(held.json["hold"]["reason"].string == "stolen goods?")
            #expect(held.json["can_be_charged"].bool == false)
            #expect(held.json["status"].string == "active", "Stripe's word is another matter")
            #expect(try await world.get("/v1/sellers?held=true").json["data"].array?.count == 1)
            let silent = try await world.post("/v1/sellers/\(seller.id)/hold", #"{"held":true}"#)
            #expect(silent.status == 400)
            #expect(silent.json["error"]["param"].string == "reason")
            let released = try await world.post("/v1/sellers/\(seller.id)/hold", #"{"held":false}"#)
            #expect(released.json["hold"] == .null)
            #expect(released.json["can_be_charged"].bool == true)
            #expect(
                try await world.audited(seller.id) == ["seller.create", "seller.hold", "seller.release"])
        }
    }

    @Test("metadata are changed key by key, and lists filter by them")
    func updateAndList() async throws {
        try await SellerWorld.run { world in
            var ids: [String] = []
            for name in ["a", "b", "c"] { ids.append(try await world.makeSeller("shop-\(name)").id) }
            let updated = try await world.post(
                "/v1/sellers/\(ids[1])", #"{"metadata":{"tier":"gold","x":"1"},"email":"b@example.com"}"#)
            #expect(updated.status == 200, "\(updated.text)")
            let again = try await world.post("/v1/sellers/\(ids[1])", #"{"metadata":{"x":"","y":"2"}}"#)
            #expect(again.json["metadata"] == .object(["tier": .string("gold"), "y": .string("2")]))
            #expect(again.json["email"].string == "b@example.com")

            func listed(_ query: String) async throws -> [String] {
                let answer = try await world.get("/v1/sellers" + query)
                try #require(answer.status == 200, "\(answer.text)")
                return answer.json["data"].array?.compactMap { $0["id"].string } ?? []
            }
            #expect(try await listed("") == ids.reversed())
            #expect(try await listed("?limit=2") == [ids[2], ids[1]])
            #expect(try await listed("?limit=2&starting_after=\(ids[1])") == [ids[0]])
            #expect(try await listed("?limit=1&ending_before=\(ids[0])") == [ids[1]])
            #expect(try await listed("?metadata[tier]=gold") == [ids[1]])
            #expect(try await listed("?email=b@example.com") == [ids[1]])
            #expect(try await listed("?external_id=shop-c") == [ids[2]])
            #expect(try await listed("?status=active").isEmpty)
            #expect(try await listed("?created[lt]=1000").isEmpty)
            #expect(try await listed("?created[gte]=1000").count == 3)
            #expect(try await world.get("/v1/sellers?limit=2").json["has_more"].bool == true)
            for bad in ["?limit=0", "?limit=101", "?status=happy", "?colour=red", "?starting_after=ord_1"] {
                #expect(try await world.get("/v1/sellers" + bad).status == 400, "\(bad)")
            }
            #expect(try await world.post("/v1/sellers/\(ids[0])", #"{"country":"DE"}"#).status == 400)
            #expect(try await world.get("/v1/sellers/sel_01j00000000000000000000000").status == 404)
        }
    }

    @Test("the balance is Stripe's own, now")
    func balance() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let answer = try await world.get("/v1/sellers/\(seller.id)/balance")
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.json["object"].string == "balance")
            #expect(answer.json["seller"].string == seller.id)
            #expect(answer.json["stripe_account"].string == seller.account.rawValue)
            #expect(answer.json["available"].array != nil)
            #expect(answer.json["pending"].array != nil)
        }
    }
}
