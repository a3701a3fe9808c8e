import Domain
import Foundation
import Postgres
import TestSupport
import Testing

extension CrashTests {
    /// Not one webhook arrives: what Souk knows, it finds by itself.
    @Suite(.database) struct LostEvents {
        @Test(
            "every delivery is lost: the sweep alone brings each handled type, on the platform and on a connected account"
        )
        func sweepAlone() async throws {
            try await RunningSouk.with(["SOUK_SWEEP_SECONDS": "1"]) { souk in
                let postgres = TestDatabase.current.postgres
                _ = try await souk.control("PUT", "/faults", ["webhooks": ["lose": 1]]).expecting(200)

                // The main job goes on without a single delivery.
                let seller = try await souk.call("POST", "/v1/sellers", .seller("shop-1")).expecting(201)
                let id = try seller.string("id")
                let account = try seller.string("stripe_account")
                _ = try await souk.control("POST", "/accounts/\(account)/onboard", ["outcome": "complete"]).expecting(
                    200)
                try await souk.sweeps("the seller is active") {
                    try await souk.call("GET", "/v1/sellers/\(id)")["status"].string == "active"
                }
                _ = try await souk.call(
                    "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
                ).expecting(201)
                let order = try await souk.placeOrder("order-1", seller: id, amount: 10_000)
                _ = try await souk.pay(order).expecting(200)
                try await souk.sweeps("the order is paid") {
                    try await souk.call("GET", "/v1/orders/\(order.string("id"))")["status"].string == "paid"
                }
                _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
                try await souk.sweeps("the payout is paid") {
                    try await souk.call("GET", "/v1/payouts?seller=\(id)")["data"].array?.first?["status"].string
                        == "paid"
                }

                // Then every other handled type, told of an object that it can be about.
                let about = try await Self.objects(of: account, souk)
                var told: [Told] = []
                for endpoint in try await Self.endpoints(souk) {
                    for type in endpoint.types {
                        let family = String(type.prefix { $0 != "." })
                        let object = try #require(
                            about[endpoint.name]?[family] ?? about[endpoint.name]?["other"], "\(endpoint.name) \(type)")
                        _ = try await souk.control(
                            "POST", "/events", ["type": .string(type), "object": .string(object)]
                        ).expecting(200)
                        told.append(Told(endpoint: endpoint.name, type: type, at: WallClock.now()))
                    }
                }
                try await souk.sweeps("every type is handled") {
                    let rows = try await postgres.query(
                        """
                        SELECT DISTINCT endpoint, type FROM inbox_events JOIN inbox_event_ids USING (event_id)
                        WHERE source = 'sweep' AND state = 'done'
                        """)
                    return rows.count == told.count
                }
                #expect(try await postgres.query("SELECT FROM inbox_event_ids WHERE source = 'delivery'").isEmpty)
                try await Self.printDelays(told)
                print("\(told.count) handled types, all recovered by the sweep alone")
                try await souk.settle()
                try await souk.expectSoundBooks()
            }
        }

        /// Souk's endpoints at Stripe, and what they listen to: the list of handled types.
        private static func endpoints(_ souk: RunningSouk) async throws -> [(name: String, types: [String])] {
            let list = try await souk.stripe("GET", "/v1/webhook_endpoints")
            var endpoints: [(name: String, types: [String])] = []
            for endpoint in list["data"].array ?? [] {
                let isConnect = endpoint["url"].string?.hasSuffix("/connect") == true
                let types = endpoint["enabled_events"].array ?? []
                endpoints.append((isConnect ? "connect" : "platform", types.compactMap { $0.string }))
            }
            #expect(Set(endpoints.map { $0.name }) == ["connect", "platform"])
            #expect(endpoints.allSatisfy { $0.types.count > 10 })
            return endpoints
        }

        /// An object of each family of types, on the platform and on the connected account.
        private static func objects(
            of account: String, _ souk: RunningSouk
        ) async throws -> [String: [String: String]] {
            func newest(_ path: String, of account: String? = nil) async throws -> String {
                let list = try await souk.stripe("GET", path, account: account)
                return try #require(list["data"].array?.first?["id"].string, "\(path): \(list)")
            }
            let charge = try await newest("/v1/charges")
            let payment = try await newest("/v1/charges", of: account)
            let refund = try await souk.stripe("POST", "/v1/refunds", [("charge", charge), ("amount", "100")])
            return [
                "platform": [
                    "charge": charge, "payment_intent": try await newest("/v1/payment_intents"),
                    "checkout": try await newest("/v1/checkout/sessions"),
                    "refund": try #require(refund["id"].string, "\(refund)"),
                    "application_fee": try await newest("/v1/application_fees"),
                    "transfer": try await newest("/v1/transfers"), "other": charge,
                ],
                "connect": [
                    "account": account, "capability": account, "person": account,
                    "payout": try await newest("/v1/payouts", of: account), "other": payment,
                ],
            ]
        }

        /// From the loss of an event to its end here, in the machine's time: the half minute for which young events are left
        /// alone passed at once.
        private static func printDelays(_ told: [Told]) async throws {
            for event in told {
                let row = try #require(
                    try await TestDatabase.current.postgres.query(
                        """
                        SELECT (extract(epoch FROM max(i.settled_at)) * 1000)::bigint AS settled
                        FROM inbox_events e JOIN inbox_event_ids i USING (event_id)
                        WHERE endpoint = \(event.endpoint) AND type = \(event.type)
                        """
                    ).first)
                let delay = try row.get("settled", as: Int64.self) - event.at.milliseconds
                print("recovered by the sweep: \(event.endpoint) \(event.type) after \(delay) ms")
            }
        }

        private struct Told {
            let endpoint: String
            let type: String
            let at: Timestamp
        }
    }
}

extension RunningSouk {
    /// Waits until the sweep has brought it. Events younger than half a minute may still be on their way, and are left
    /// alone: that time passes at once.
    fileprivate func sweeps(_ what: String, _ condition: () async throws -> Bool) async throws {
        let start = ContinuousClock.now
        _ = try await control("POST", "/settle")
        _ = try await control("POST", "/clock/advance", ["seconds": 91])
        try await eventually(what, atMost: .seconds(30)) {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(50))
            return false
        }
        print("\(what), by the sweep alone, after \(ContinuousClock.now - start)")
    }
}
