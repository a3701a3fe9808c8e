import Domain
import Postgres
import Sellers
import Store
import StripeAPI
import TestSupport
import Testing
import Transport

@Suite(.database, .serialized) struct CreateSellerTests {
    @Test("a seller is created with one Express account that bears its ids")
    func created() async throws {
        try await SellerWorld.run { world in
            let answer = try await world.post(
                "/v1/sellers",
                #"""
                {"external_id":"shop-7","email":"a@example.com","country":"US","business_type":"individual",
                 "metadata":{"tier":"gold"}}
                """#)
            #expect(answer.status == 201, "\(answer.text)")
            let id = try #require(answer.json["id"].string)
            #expect(ID<Seller>(id) != nil)
            #expect(answer.json["object"].string == "seller")
            #expect(answer.json["external_id"].string == "shop-7")
            #expect(answer.json["status"].string == "onboarding")
            #expect(answer.json["charges_enabled"].bool == false)
            #expect(answer.json["payouts_enabled"].bool == false)
            #expect(answer.json["operation"] == .null)
            #expect(answer.json["metadata"]["tier"].string == "gold")
            #expect(answer.json["requirements"]["currently_due"].array?.isEmpty == false)
            #expect(answer.json["requirements"]["current_deadline"] == .null)
            #expect(answer.json["livemode"].bool == false)

            let asked = try #require(world.wiretap.requests("POST /v1/accounts").first)
            let operation = try #require(asked.form.first { $0.name == "metadata[souk_operation]" }?.value)
            #expect(asked.idempotencyKey == "souk_\(operation)_1")
            #expect(
                Set(asked.form.map { "\($0.name)=\($0.value)" }) == [
                    "country=US", "email=a@example.com", "business_type=individual",
                    "controller[fees][payer]=application", "controller[losses][payments]=application",
                    "controller[stripe_dashboard][type]=express", "controller[requirement_collection]=stripe",
                    "capabilities[card_payments][requested]=true", "capabilities[transfers][requested]=true",
                    "metadata[souk_operation]=\(operation)", "metadata[souk_seller]=\(id)",
                ])

            let account = StripeAccountID(try #require(answer.json["stripe_account"].string))
            let atStripe = try await world.stripe.send(RetrieveAccount(account))
            #expect(atStripe.metadata["souk_seller"] == id)
            #expect(atStripe.metadata["souk_operation"]?.hasPrefix("opn_") == true)
            #expect(atStripe.controller?.stripeDashboard?.type == "express")
            #expect(atStripe.controller?.fees?.payer == "application")
            #expect(Set(atStripe.capabilities.keys) == ["card_payments", "transfers"])
            #expect(try await world.announced(id) == ["seller.created", "seller.updated"])
            #expect(try await world.audited(id) == ["seller.create"])

            let read = try await world.get("/v1/sellers/\(id)")
            #expect(read.status == 200)
            #expect(read.json == answer.json)
        }
    }

    @Test("the same facts again find the same seller; other facts are refused")
    func repetition() async throws {
        try await SellerWorld.run { world in
            let body = #"{"external_id":"shop-7","email":"a@example.com","country":"US","metadata":{"a":"1","b":"2"}}"#
            let first = try await world.post("/v1/sellers", body)
            #expect(first.status == 201)
            let again = try await world.post(
                "/v1/sellers",
                #"{"metadata":{"b":"2","a":"1"},"country":"US","email":"a@example.com","external_id":"shop-7"}"#)
            #expect(again.status == 200)
            #expect(again.json["id"] == first.json["id"])

            let id = try #require(first.json["id"].string)
            _ = try await world.post("/v1/sellers/\(id)", #"{"email":"new@example.com"}"#)
            #expect(try await world.post("/v1/sellers", body).status == 200, "an update does not change what was said")

            let other = try await world.post("/v1/sellers", #"{"external_id":"shop-7","country":"DE"}"#)
            #expect(other.status == 409)
            #expect(other.json["error"]["code"].string == "external_id_taken")
            #expect(other.json["error"]["message"].string?.contains(id) == true)
            #expect(try await world.accountsAtStripe(of: id) == 1)
        }
    }

    @Test("twenty equal calls at once make one seller and one account")
    func concurrent() async throws {
        try await SellerWorld.run { world in
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for _ in 1...20 {
                    group.addTask {
                        try await world.post("/v1/sellers", #"{"external_id":"shop-20","country":"US"}"#)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(Set(answers.map(\.status)) == [200, 201])
            #expect(answers.count { $0.status == 201 } == 1)
            let ids = Set(answers.compactMap { $0.json["id"].string })
            #expect(ids.count == 1)
            #expect(Set(answers.map { $0.json["stripe_account"] }).count == 1, "each caller waited for the account")
            let id = try #require(ids.first)
            #expect(try await world.accountsAtStripe(of: id) == 1)
            #expect(try await world.announced(id) == ["seller.created", "seller.updated"])
        }
    }

    @Test("with Stripe away the seller exists, its operation is shown, and a worker finishes it when Stripe is back")
    func stripeAway() async throws {
        try await SellerWorld.run { world in
            try await world.control(
                .put, "/faults",
                #"{"rules":[{"match":"POST /v1/accounts","kind":"status","status":503,"rate":1}]}"#)
            let answer = try await world.post("/v1/sellers", #"{"external_id":"shop-9","country":"US"}"#)
            #expect(answer.status == 201, "\(answer.text)")
            let id = try #require(answer.json["id"].string)
            #expect(answer.json["stripe_account"] == .null)
            #expect(answer.json["status"].string == "onboarding")
            #expect(answer.json["operation"]["kind"].string == "create_account")
            #expect(answer.json["operation"]["state"].string == "sent")
            #expect(answer.json["operation"]["reason"].string?.isEmpty == false)
            #expect(answer.json["attention"].array?.first?["type"].string == "awaiting_account")

            let link = try await world.post("/v1/sellers/\(id)/onboarding_links", "{}")
            #expect(link.status == 422)
            #expect(link.json["error"]["code"].string == "seller_not_ready")

            try await world.control(.delete, "/faults")
            world.clock.advance(by: .seconds(30))
            #expect(try await world.worker.workOnDue() == 1)
            let later = try await world.get("/v1/sellers/\(id)")
            #expect(later.json["stripe_account"].string?.hasPrefix("acct_") == true)
            #expect(later.json["operation"] == .null)
            #expect(try await world.accountsAtStripe(of: id) == 1)
        }
    }

    @Test("an answer that is lost after the effect makes no second account")
    func lostAnswer() async throws {
        try await SellerWorld.run { world in
            try await world.control(
                .put, "/faults",
                #"{"rules":[{"match":"POST /v1/accounts","kind":"drop_answer","rate":1,"times":1}]}"#)
            let first = try await world.post("/v1/sellers", #"{"external_id":"shop-9","country":"US"}"#)
            let id = try #require(first.json["id"].string)
            #expect(first.json["stripe_account"] == .null)
            world.clock.advance(by: .seconds(30))
            let again = try await world.post("/v1/sellers", #"{"external_id":"shop-9","country":"US"}"#)
            #expect(again.status == 200)
            #expect(again.json["stripe_account"].string != nil)
            #expect(try await world.accountsAtStripe(of: id) == 1)
        }
    }

    @Test("past the life of the idempotency key the account is looked up by its metadata, not made again")
    func lookedUp() async throws {
        try await SellerWorld.run { world in
            try await world.control(
                .put, "/faults",
                #"{"rules":[{"match":"POST /v1/accounts","kind":"drop_answer","rate":1,"times":1}]}"#)
            let first = try await world.post("/v1/sellers", #"{"external_id":"shop-9","country":"US"}"#)
            let id = try #require(first.json["id"].string)
            world.clock.advance(by: .seconds(25 * 3600))
            #expect(try await world.worker.workOnDue() == 1)
            let later = try await world.get("/v1/sellers/\(id)")
            #expect(later.json["stripe_account"].string != nil, "\(later.text)")
            #expect(try await world.accountsAtStripe(of: id) == 1)
        }
    }

    @Test("an event that comes before Stripe's answer ties the account to its seller")
    func eventFirst() async throws {
        try await SellerWorld.run { world in
            try await world.control(
                .put, "/faults",
                #"{"rules":[{"match":"POST /v1/accounts","kind":"drop_answer","rate":1,"times":1}]}"#)
            let first = try await world.post("/v1/sellers", #"{"external_id":"shop-9","country":"US"}"#)
            let id = try #require(first.json["id"].string)
            var made: StripeAccountID?
            for try await page in world.stripe.pages(of: ListAccounts()) { made = page.first?.id }
            let account = try #require(made)
            try await world.onboard(account, "complete")
            try await world.applyEvents(of: account, shuffled: true)
            #expect(try await world.get("/v1/sellers/\(id)").json["status"].string == "active")
            // The answer that is replayed now is from before the onboarding, and changes nothing.
            world.clock.advance(by: .seconds(30))
            #expect(try await world.worker.workOnDue() == 1)
            let later = try await world.get("/v1/sellers/\(id)")
            #expect(later.json["status"].string == "active")
            #expect(later.json["operation"] == .null)
            #expect(try await world.accountsAtStripe(of: id) == 1)
        }
    }

    @Test("what Stripe refuses is said word for word, and can be corrected under the same external id")
    func refusedByStripe() async throws {
        try await SellerWorld.run { world in
            world.wiretap.refuseNext("POST /v1/accounts", saying: "Sellers of this kind are not taken.")
            let refused = try await world.post("/v1/sellers", #"{"external_id":"shop-3","country":"US"}"#)
            #expect(refused.status == 422, "\(refused.text)")
            #expect(refused.json["error"]["code"].string == "stripe_refused")
            #expect(refused.json["error"]["message"].string?.contains("Sellers of this kind are not taken.") == true)
            let failed = try #require(try await world.get("/v1/sellers").json["data"].array?.first)
            #expect(failed["operation"]["state"].string == "failed")
            let corrected = try await world.post("/v1/sellers", #"{"external_id":"shop-3","country":"DE"}"#)
            #expect(corrected.json["stripe_account"].string != nil, "\(corrected.text)")
            #expect(corrected.json["country"].string == "DE")
            #expect(corrected.json["id"] == failed["id"])
            #expect(corrected.json["operation"] == .null)
        }
    }

    @Test("an account that exists joins, once")
    func joining() async throws {
        try await SellerWorld.run { world in
            let account = try await world.stripe.send(CreateAccount(country: "GB", email: "old@example.com")).id
            try await world.onboard(account, "complete")
            let body = #"{"external_id":"old-shop","stripe_account":"\#(account)"}"#
            let answer = try await world.post("/v1/sellers", body)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.json["stripe_account"].string == account.rawValue)
            #expect(answer.json["country"].string == "GB")
            #expect(answer.json["status"].string == "active")
            #expect(answer.json["origin"].string == "joined")
            #expect(try await world.post("/v1/sellers", body).status == 200)

            let taken = try await world.post(
                "/v1/sellers", #"{"external_id":"another","stripe_account":"\#(account)"}"#)
            #expect(taken.status == 409)
            #expect(taken.json["error"]["code"].string == "stripe_account_taken")

            let unknown = try await world.post(
                "/v1/sellers", #"{"external_id":"third","stripe_account":"acct_1doesnotexist"}"#)
            #expect(unknown.status == 422)
            #expect(unknown.json["error"]["param"].string == "stripe_account")
            let elsewhere = try await world.post(
                "/v1/sellers", #"{"external_id":"fourth","country":"US","stripe_account":"\#(account)"}"#)
            #expect(elsewhere.status == 400)
            #expect(try await world.get("/v1/sellers").json["data"].array?.count == 1)
        }
    }

    @Test("an Idempotency-Key answers again with the same bytes")
    func idempotencyKey() async throws {
        try await SellerWorld.run { world in
            let body = #"{"external_id":"shop-1","country":"US"}"#
            let first = try await world.post("/v1/sellers", body, headers: [("Idempotency-Key", "k1")])
            let again = try await world.post("/v1/sellers", body, headers: [("Idempotency-Key", "k1")])
            #expect(again.status == first.status)
            #expect(again.text == first.text)
            #expect(again.headers["Idempotent-Replayed"] == "true")
            let other = try await world.post(
                "/v1/sellers", #"{"external_id":"shop-2","country":"US"}"#, headers: [("Idempotency-Key", "k1")])
            #expect(other.status == 409)
            #expect(other.json["error"]["code"].string == "idempotency_key_reused")
        }
    }

    @Test("bad input is refused by name and nothing is written")
    func badInput() async throws {
        try await SellerWorld.run { world in
            for bad in BadSeller.all {
                let answer = try await world.post("/v1/sellers", bad.body)
                #expect(answer.status == 400, "\(bad.body): \(answer.text)")
                #expect(answer.json["error"]["code"].string == bad.code, "\(bad.body): \(answer.text)")
                #expect(answer.json["error"]["param"].string == bad.parameter, "\(bad.body): \(answer.text)")
                #expect(answer.json["error"]["message"].string?.isEmpty == false)
            }
            #expect(try await world.store.query("SELECT 1 FROM sellers").isEmpty)
            #expect(try await world.store.query("SELECT 1 FROM stripe_operations").isEmpty)
        }
    }

    @Test("a key without the scope, and no key, are refused")
    func scopes() async throws {
        try await SellerWorld.run { world in
            let body = #"{"external_id":"shop-1","country":"US"}"#
            let anonymous = try await world.call(.post, "/v1/sellers", body, key: nil)
            #expect(anonymous.status == 401)
            #expect(try await world.call(.post, "/v1/sellers", body, key: "souk_test_wrong").status == 401)
            #expect(try await world.call(.get, "/v1/sellers", key: nil).status == 401)
            #expect(try await world.get("/v1/sellers/ord_01").status == 404)
            #expect(try await world.store.query("SELECT 1 FROM sellers").isEmpty)
        }
    }
}

struct BadSeller: Sendable {
    let body: String
    var code = "parameter_invalid"
    let parameter: String?

    static let all: [BadSeller] = [
        .init(body: "{", code: "malformed_json", parameter: nil),
        .init(body: "[]", code: "malformed_json", parameter: nil),
        .init(body: #"{"country":"US"}"#, code: "parameter_missing", parameter: "external_id"),
        .init(body: #"{"external_id":"","country":"US"}"#, parameter: "external_id"),
        .init(
            body: #"{"external_id":"\#(String(repeating: "x", count: 256))","country":"US"}"#,
            parameter: "external_id"),
        .init(body: #"{"external_id":"a\nb","country":"US"}"#, parameter: "external_id"),
        .init(body: #"{"external_id":7,"country":"US"}"#, parameter: "external_id"),
        .init(body: #"{"external_id":"s"}"#, code: "parameter_missing", parameter: "country"),
        .init(body: #"{"external_id":"s","country":"us"}"#, code: "country_not_supported", parameter: "country"),
        .init(body: #"{"external_id":"s","country":"KP"}"#, code: "country_not_supported", parameter: "country"),
        .init(body: #"{"external_id":"s","country":"US","email":"nobody"}"#, parameter: "email"),
        .init(body: #"{"external_id":"s","country":"US","email":"a b@c.de"}"#, parameter: "email"),
        .init(body: #"{"external_id":"s","country":"US","business_type":"cooperative"}"#, parameter: "business_type"),
        .init(body: #"{"external_id":"s","country":"US","metadata":{"a[b]":"c"}}"#, parameter: "metadata.a[b]"),
        .init(body: #"{"external_id":"s","country":"US","metadata":{"a":1}}"#, parameter: "metadata.a"),
        .init(
            body: #"{"external_id":"s","country":"US","business_profile":{"mcc":"57"}}"#,
            parameter: "business_profile.mcc"),
        .init(
            body: #"{"external_id":"s","country":"US","business_profile":{"url":"ftp://x"}}"#,
            parameter: "business_profile.url"),
        .init(
            body: #"{"external_id":"s","country":"US","business_profile":{"colour":"red"}}"#,
            code: "parameter_unknown", parameter: "business_profile.colour"),
        .init(body: #"{"external_id":"s","stripe_account":"acct_1/../x"}"#, parameter: "stripe_account"),
        .init(body: #"{"external_id":"s","stripe_account":"cus_1"}"#, parameter: "stripe_account"),
        .init(
            body: #"{"external_id":"s","country":"US","status":"active"}"#, code: "parameter_unknown",
            parameter: "status"),
    ]
}
