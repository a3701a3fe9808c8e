import App
import Foundation
import TestSupport
import Testing

/// Money of sellers that lies with the platform, and Stripe's own payouts of the platform's balance.
@Suite(.database, .serialized) struct PlatformCashTests {
    @Test("while sellers' money may be paid to the platform's bank it is said, until the schedule is manual")
    func schedule() async throws {
        try await RunningSouk.with { souk in
            let path = "/v1/admin/platform_payouts"
            let nothing = try await souk.call("GET", path).expecting(200)
            #expect(nothing["interval"].string == "daily")
            #expect(nothing["risk"] == .null, "nobody is owed anything")
            _ = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let risky = try await souk.call("GET", path).expecting(200)
            #expect(risky["risk"].string?.contains("holds money of sellers in usd") == true, "\(risky)")

            // A minimum that stays in the balance is enough.
            let minimum = "payments[payouts][minimum_balance_by_currency][usd]"
            _ = try await souk.stripe("POST", "/v1/balance_settings", [(minimum, "9000")]).expecting(200)
            let kept = try await souk.call("GET", path).expecting(200)
            #expect(kept["risk"] == .null)
            #expect(kept["minimum_balances"].array?.first?["amount"].int == 9000)
            _ = try await souk.stripe("POST", "/v1/balance_settings", [(minimum, "")]).expecting(200)
            #expect(try await souk.call("GET", path).expecting(200)["risk"] != .null)

            let set = try await souk.call("POST", path, ["interval": "manual"]).expecting(200)
            #expect(set["interval"].string == "manual")
            #expect(set["risk"] == .null)
            let twice = try await souk.call("POST", path, ["interval": "manual"]).expecting(200)
            #expect(twice["interval"].string == "manual")
            let made = try await souk.call("GET", "/v1/admin/operations?kind=update_platform_payouts").expecting(200)
            #expect(made["data"].array?.map { $0["state"].string } == ["succeeded"])
            let other = try await souk.call("POST", path, ["interval": "daily"])
            #expect(other["error", "param"].string == "interval", "\(other)")
        }
    }

    @Test("the answer is lost: the settings tell, and nothing is sent twice in another way")
    func lostAnswer() async throws {
        try await RunningSouk.with { souk in
            let plan: JSON = [
                "rules": [["match": "POST /v1/balance_settings", "kind": "drop_answer", "rate": 1, "times": 1]]
            ]
            _ = try await souk.control("PUT", "/faults", plan).expecting(200)
            let set = try await souk.call("POST", "/v1/admin/platform_payouts", ["interval": "manual"]).expecting(200)
            #expect(set["interval"].string == "manual")
            try await eventually("the operation has ended", atMost: .seconds(30)) {
                try await souk.operations(state: "succeeded").contains {
                    $0["kind"].string == "update_platform_payouts"
                }
            }
        }
    }
}
