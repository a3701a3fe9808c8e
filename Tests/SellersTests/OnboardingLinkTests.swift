import Domain
import Postgres
import Sellers
import Store
import StripeAPI
import TestSupport
import Testing
import Transport

@Suite(.database, .serialized) struct OnboardingLinkTests {
    @Test("each call makes a link of its own, and keeps neither it nor its token")
    func links() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let first = try await world.post("/v1/sellers/\(seller.id)/onboarding_links", "{}")
            let second = try await world.post("/v1/sellers/\(seller.id)/onboarding_links", "")
            #expect(first.status == 201, "\(first.text)")
            #expect(second.status == 201)
            #expect(first.json["object"].string == "onboarding_link")
            #expect(first.json["url"].string?.hasPrefix(world.sandbox) == true)
            #expect(first.json["url"] != second.json["url"])
            let asked = world.wiretap.requests("POST /v1/account_links")
            #expect(Set(asked.compactMap(\.idempotencyKey)).count == 2)
            #expect(Set(asked.compactMap { $0.form.first { $0.name == "return_url" }?.value }).count == 2)
            #expect(asked.allSatisfy { $0.form.contains { $0 == ("type", "account_onboarding") } })
            #expect(first.json["expires_at"].int ?? 0 > first.json["created"].int ?? 0)
            let kept = try await world.store.query("SELECT token_hash FROM onboarding_tokens")
            #expect(kept.count == 2)
            #expect(try kept.allSatisfy { try $0.get("token_hash", as: String.self).utf8.count == 64 })
        }
    }

    @Test("the refresh address makes a new link and sends the browser there; an old or wrong token does not")
    func refresh() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let token = try await world.token(of: seller.id)
            let answer = try await world.call(.get, "/onboarding/\(token)/refresh", key: nil)
            #expect(answer.status == 302, "\(answer.text)")
            let location = try #require(answer.headers["Location"])
            #expect(location.hasPrefix("\(world.sandbox)/setup/\(seller.account)/"))
            #expect(answer.headers["Cache-Control"] == "no-store")
            #expect(answer.headers["Referrer-Policy"] == "no-referrer")
            let again = try await world.call(.get, "/onboarding/\(token)/refresh", key: nil)
            #expect(again.headers["Location"] != location)

            let wrong = try await world.call(.get, "/onboarding/\(String(token.reversed()))/refresh", key: nil)
            #expect(wrong.status == 404)
            #expect(wrong.json["error"]["code"].string == "onboarding_token_not_found")
            let page = try await world.call(
                .get, "/onboarding/nonsense/refresh", key: nil, headers: [("Accept", "text/html,*/*")])
            #expect(page.status == 404)
            #expect(page.text.contains("<!doctype html>"))

            world.clock.advance(by: .seconds(24 * 3600 + 1))
            #expect(try await world.call(.get, "/onboarding/\(token)/refresh", key: nil).status == 404)
            #expect(try await world.call(.get, "/onboarding/\(token)/return", key: nil).status == 200)
        }
    }

    @Test("the return address believes nothing but Stripe, and goes on to the marketplace")
    func comingBack() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let token = try await world.token(of: seller.id)
            let early = try await world.call(.get, "/onboarding/\(token)/return", key: nil)
            #expect(early.status == 200)
            #expect(early.text.contains("Not finished yet"))
            #expect(try await world.get("/v1/sellers/\(seller.id)").json["status"].string == "onboarding")

            try await world.onboard(seller.account, "complete")
            let done = try await world.call(.get, "/onboarding/\(token)/return", key: nil)
            #expect(done.text.contains("You are all set"))
            #expect(try await world.get("/v1/sellers/\(seller.id)").json["status"].string == "active")

            let own = try #require(world.wiretap.requests("POST /v1/account_links").last)
            #expect(own.form.contains { $0 == ("refresh_url", "https://souk.example/onboarding/\(token)/refresh") })

            let onward = try await world.token(
                of: seller.id, #"{"return_url":"https://shop.example/done?x=1","refresh_url":"https://shop.example/r"}"#
            )
            let theirs = try #require(world.wiretap.requests("POST /v1/account_links").last)
            #expect(theirs.form.contains { $0 == ("refresh_url", "https://shop.example/r") })
            let answer = try await world.call(.get, "/onboarding/\(onward)/return?next=https://evil.example", key: nil)
            #expect(answer.status == 302)
            #expect(answer.headers["Location"] == "https://shop.example/done?x=1")
        }
    }

    @Test("with Stripe away the seller still gets back, and a new link is refused for now")
    func stripeAway() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let token = try await world.token(of: seller.id)
            try await world.control(
                .put, "/faults", #"{"rules":[{"match":"* /v1/*","kind":"status","status":503,"rate":1}]}"#)
            #expect(try await world.call(.get, "/onboarding/\(token)/return", key: nil).status == 200)
            let refused = try await world.call(.get, "/onboarding/\(token)/refresh", key: nil)
            #expect(refused.status == 503)
            #expect(refused.headers["Retry-After"] != nil)
            let link = try await world.post("/v1/sellers/\(seller.id)/onboarding_links", "{}")
            #expect(link.status == 503)
            #expect(link.json["error"]["code"].string == "stripe_unavailable")
        }
    }

    @Test("addresses that are none are refused")
    func badAddresses() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let addresses = [
                "shop.example", "ftp://shop.example", "https://", "https://user@shop.example/", "javascript:alert(1)",
                "https://shop.example/a b", "https://shop.example/\\u00e4",
            ]
            for address in addresses {
                for name in ["return_url", "refresh_url"] {
                    let answer = try await world.post(
                        "/v1/sellers/\(seller.id)/onboarding_links", #"{"\#(name)":"\#(address)"}"#)
                    #expect(answer.status == 400, "\(address): \(answer.text)")
                    #expect(answer.json["error"]["param"].string == name)
                }
            }
            #expect(try await world.store.query("SELECT 1 FROM onboarding_tokens").isEmpty)
        }
    }

    @Test("the dashboard opens after onboarding only")
    func dashboard() async throws {
        try await SellerWorld.run { world in
            let seller = try await world.makeSeller()
            let early = try await world.post("/v1/sellers/\(seller.id)/login_links", "{}")
            #expect(early.status == 422)
            #expect(early.json["error"]["code"].string == "seller_not_ready")
            try await world.onboard(seller.account, "complete")
            try await world.applyEvents(of: seller.account)
            let link = try await world.post("/v1/sellers/\(seller.id)/login_links", "{}")
            #expect(link.status == 201, "\(link.text)")
            #expect(link.json["object"].string == "login_link")
            #expect(link.json["url"].string?.hasPrefix(world.sandbox) == true)
        }
    }
}

extension SellerWorld {
    /// Makes a link and reads the token out of the addresses that Souk gave Stripe with it.
    func token(of seller: String, _ body: String = "{}") async throws -> String {
        let link = try await post("/v1/sellers/\(seller)/onboarding_links", body)
        try #require(link.status == 201, "\(link.text)")
        let asked = try #require(wiretap.requests("POST /v1/account_links").last)
        let address = try #require(asked.form.first { $0.name == "return_url" }).value
        let start = "https://souk.example/onboarding/"
        try #require(address.hasPrefix(start) && address.hasSuffix("/return"))
        return String(address.dropFirst(start.count).dropLast("/return".count))
    }
}
