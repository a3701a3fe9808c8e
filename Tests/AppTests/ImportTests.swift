import App
import Foundation
import Settlement
import TestSupport
import Testing

/// A platform that has sold at Stripe for a while begins with Souk: its books open on a day with what each balance held.
@Suite(.database, .serialized) struct ImportTests {
    @Test("books that open on a day equal Stripe's from then on, payouts with old money and returned ones included")
    func opening() async throws {
        try await History.with { history in
            let souk = history.souk
            let paid = try await history.account()
            let idle = try await history.account()
            try await souk.waitForNoon()
            // Before the books: sales of which some are paid out, some on their way and some in the balance.
            try await history.sale(of: paid, amount: 10_000, fee: 1000)
            try await history.advance(days: 2)
            let arrived = try await history.payOut(3000, from: paid)
            try await history.advance(days: 5)
            let onItsWay = try await history.payOut(2000, from: paid)
            let platforms = try await history.payOut(100, from: nil)
            let old = try await history.sale(of: paid, amount: 5000, fee: 500)
            let day = try await history.nextDay()
            // After it, and before anybody imports: what the feed must read.
            try await history.refund(old, amount: 1000)
            try await history.sale(of: paid, amount: 7000, fee: 700)
            try await history.advance(days: 1)
            // Two banks are late.
            try await history.set(onItsWay, "in_transit")
            try await history.set(platforms, "in_transit")

            let shown = try await history.importBooks(from: day, writing: false)
            #expect(shown.contains("Nothing was written"), "\(shown)")
            #expect(try await souk.call("GET", "/v1/sellers").expecting(200)["data"].array == [])
            let opened = try await history.importBooks(
                from: day, sellers: "stripe_account,external_id\n\(paid),shop-1\n\(idle), shop-2\n", writing: true)
            #expect(opened.contains("shop-1 (new)"), "\(opened)")
            let sellers = try await souk.call("GET", "/v1/sellers").expecting(200)
            let ids = Dictionary(
                uniqueKeysWithValues: try #require(sellers["data"].array).map {
                    ($0["external_id"].string ?? "", $0["id"].string ?? "")
                })
            #expect(ids.keys.sorted() == ["shop-1", "shop-2"])
            let seller = RunningSouk.PaidSeller(id: try #require(ids["shop-1"]), account: paid)
            // 9000 and 4500 came, 3000 arrived at the bank, and 2000 are on their way there.
            #expect(try await history.balance("stripe:\(paid)") == 8500)
            #expect(try await history.balance("transit:\(paid)") == 2000)
            #expect(try await history.balance("seller:\(seller.id):funds") == 10_500)
            #expect(try await history.balance("transit:platform") == 100)
            #expect(
                try await history.balance("equity:opening")
                    == history.balance("stripe:platform") + history.balance("transit:platform"))

            try await history.settle()
            try await history.expectSoundBooks()
            // From now on Souk sells; old money and new money are paid out together, the old one first.
            let order = try await souk.placeOrder("order-1", seller: seller.id, amount: 4000)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
            try await history.settle()
            let byHand = try await souk.payOut(8600, to: seller, as: "first").expecting(201)
            try await history.settle()
            try await souk.expect(["opening 8500", "other -1000", "other 1100"], in: try byHand.string("id"))
            // What was on its way comes back; what had arrived before the books comes back as well, as the seller's own.
            try await history.fail(onItsWay, afterPaid: false)
            try await history.settle()
            #expect(try await history.balance("transit:\(paid)") == 8600)
            try await history.fail(arrived, afterPaid: true)
            try await history.set(platforms, "paid")
            try await history.advance(days: 7)
            try await history.settle()
            #expect(try await history.balance("transit:platform") == 0)
            try await history.expectSoundBooks()

            let payouts = try await souk.call("GET", "/v1/payouts?seller=\(seller.id)").expecting(200)
            let statuses = Dictionary(
                uniqueKeysWithValues: try #require(payouts["data"].array).map {
                    ($0["stripe_payout"].string ?? "", $0["status"].string ?? "")
                })
            #expect(statuses == [onItsWay: "failed", try byHand.string("stripe_payout"): "paid"])
            let items = try await souk.call(
                "GET", "/v1/payouts?limit=100"
            ).expecting(200)["data"].array?.first { $0["stripe_payout"].string == platforms }
            let list = try await souk.call("GET", "/v1/payouts/\(try #require(items?["id"].string))/items")
                .expecting(200)
            #expect(list["source"].string == "opening")
            #expect(list["status"].string == "complete")
            for scope in ["transfers", "payouts", "balances", "clearing", "operations"] {
                let findings = try await history.findings(of: scope)
                #expect(findings == [], "\(scope)")
            }
        }
    }

    @Test("an automatic payout of rows from before and after the opening is whole")
    func automaticPayout() async throws {
        try await History.with { history in
            let souk = history.souk
            let account = try await history.account(schedule: "weekly")
            try await souk.waitForNoon()
            try await history.sale(of: account, amount: 10_000, fee: 1000)
            let old = try await history.sale(of: account, amount: 2000, fee: 0)
            try await history.refund(old, amount: 500)
            let day = try await history.nextDay()
            try await history.sale(of: account, amount: 4000, fee: 400)
            try await history.advance(days: 1)
            _ = try await history.importBooks(from: day, writing: true)
            try await history.settle()
            try await history.advance(days: 14)
            try await history.settle()
            let payouts = try await souk.call("GET", "/v1/payouts").expecting(200)
            let payout = try #require(payouts["data"].array?.first { $0["seller"].string != nil }, "\(payouts)")
            let items = try await souk.call("GET", "/v1/payouts/\(try #require(payout["id"].string))/items")
                .expecting(200)
            #expect(items["source"].string == "stripe")
            #expect(items["sum_difference"].int == 0)
            #expect(items["data"].array?.map { $0["type"].string } == ["opening", "other"])
            #expect(items["data"].array?.map { $0["amount"].int } == [10_500, 3600])
            try await history.expectSoundBooks()
        }
    }

    @Test("books are opened once, before anything is read, and never half")
    func refusals() async throws {
        try await History.with { history in
            let account = try await history.account()
            try await history.sale(of: account, amount: 10_000, fee: 1000)
            let today = try await history.today()
            await history.expectRefusal("is too late") { try await history.importBooks(from: today, writing: true) }
            let day = try await history.nextDay()
            try await history.advance(days: 1)
            await history.expectRefusal("shows this platform no account acct_none") {
                try await history.importBooks(from: day, sellers: "acct_none,shop-1", writing: true)
            }
            await history.expectRefusal("is no day") {
                try await history.importBooks(from: "2026-02-30", writing: false)
            }
            await history.expectRefusal("a line that is not") {
                try await history.importBooks(from: day, sellers: "shop-1;\(account)", writing: false)
            }
            // The external id is another seller's already: nothing of the import stays.
            _ = try await history.souk.call(
                "POST", "/v1/sellers", ["external_id": "shop-1", "country": "US", "business_type": "individual"]
            ).expecting(201)
            await history.expectRefusal("shop-1") {
                try await history.importBooks(from: day, sellers: "\(account),shop-1", writing: true)
            }
            #expect(try await history.balance("stripe:platform") == 0)
            _ = try await history.importBooks(from: day, writing: true)
            await history.expectRefusal("were opened on \(day) before") {
                try await history.importBooks(from: day, writing: true)
            }
            try await history.settle()
            try await history.expectSoundBooks()
        }
    }

    @Test("books that have begun are not opened again")
    func begun() async throws {
        try await History.with { history in
            let account = try await history.account()
            try await history.sale(of: account, amount: 10_000, fee: 1000)
            let day = try await history.nextDay()
            try await history.advance(days: 1)
            try await history.settle()
            await history.expectRefusal("The books have begun") {
                try await history.importBooks(from: day, writing: true)
            }
        }
    }
}

/// A platform's history at Stripe, which no Souk has seen: a Souk runs beside it, but its workers wait.
private struct History: Sendable {
    let souk: RunningSouk
    let workers: HeldWorkers
    let folder: URL

    static func with(_ body: @Sendable @escaping (History) async throws -> Void) async throws {
        try await RunningSouk.withTemporaryFolder { folder in
            try await RunningSouk.withHeldWorkers(in: folder) { souk, makeWorkers in
                try await souk.payOutByHandOnly()
                try await body(History(souk: souk, workers: makeWorkers(), folder: folder))
            }
        }
    }

    func settle() async throws {
        _ = try await souk.control("POST", "/settle").expecting(200)
        while try await workers.workOnDue() > 0 { _ = try await souk.control("POST", "/settle").expecting(200) }
    }

    /// A connected account that the platform made and onboarded by itself.
    func account(schedule: String = "manual") async throws -> String {
        var form = [
            ("type", "express"), ("country", "US"), ("email", "seller@example.com"),
            ("capabilities[card_payments][requested]", "true"), ("capabilities[transfers][requested]", "true"),
            ("settings[payouts][schedule][interval]", schedule),
        ]
        if schedule == "weekly" { form.append(("settings[payouts][schedule][weekly_anchor]", "friday")) }
        let account = try await souk.stripe("POST", "/v1/accounts", form).expecting(200).string("id")
        _ = try await souk.control("POST", "/accounts/\(account)/onboard", ["outcome": "complete"]).expecting(200)
        return account
    }

    /// A destination charge that is available at once.
    /// - Returns: the charge's id.
    @discardableResult
    func sale(of account: String, amount: Int64, fee: Int64) async throws -> String {
        var form = [
            ("amount", "\(amount)"), ("currency", "usd"), ("payment_method", "pm_card_bypassPending"),
            ("confirm", "true"), ("allowed_payment_method_types[]", "card"), ("transfer_data[destination]", account),
        ]
        if fee > 0 { form.append(("application_fee_amount", "\(fee)")) }
        return try await souk.stripe("POST", "/v1/payment_intents", form).expecting(200).string("latest_charge")
    }

    func refund(_ charge: String, amount: Int64) async throws {
        _ = try await souk.stripe(
            "POST", "/v1/refunds", [("charge", charge), ("amount", "\(amount)"), ("reverse_transfer", "true")]
        ).expecting(200)
    }

    func payOut(_ amount: Int64, from account: String?) async throws -> String {
        try await souk.stripe(
            "POST", "/v1/payouts", [("amount", "\(amount)"), ("currency", "usd")], account: account
        ).expecting(200).string("id")
    }

    func fail(_ payout: String, afterPaid: Bool) async throws {
        _ = try await souk.control(
            "POST", "/payouts/\(payout)/fail", ["failure_code": "account_closed", "after_paid": .bool(afterPaid)]
        ).expecting(200)
    }

    func set(_ payout: String, _ status: String) async throws {
        _ = try await souk.control("POST", "/objects/\(payout)/alter", ["set": ["status": .string(status)]])
            .expecting(200)
    }

    func advance(days: Int) async throws {
        _ = try await souk.control("POST", "/settle").expecting(200)
        _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(days * 86_400)]).expecting(200)
        _ = try await souk.control("POST", "/settle").expecting(200)
    }

    func today() async throws -> String {
        let seconds = try #require(try await souk.control("GET", "/clock").expecting(200)["now"].int)
        let format = Date.ISO8601FormatStyle(timeZone: .gmt).year().month().day()
        return Date(timeIntervalSince1970: TimeInterval(seconds)).formatted(format)
    }

    /// Goes on to the next day.
    func nextDay() async throws -> String {
        try await advance(days: 1)
        return try await today()
    }

    func importBooks(from day: String, sellers: String? = nil, writing: Bool) async throws -> String {
        let file = folder.appending(path: "sellers.csv")
        if let sellers { try Data(sellers.utf8).write(to: file) }
        return try await importHistory(
            try SoukConfiguration(environment: [
                "DATABASE_URL": TestDatabase.current.connectionString, "STRIPE_API_BASE": souk.sandbox,
                "STRIPE_SECRET_KEY": "sk_test_souk", "SOUK_SANDBOX": "1",
            ]), from: day, sellers: sellers == nil ? nil : file.path, writing: writing, logger: TestDatabase.logger)
    }

    func balance(_ code: String) async throws -> Int { try await souk.balances()[code] ?? 0 }

    func expectSoundBooks() async throws {
        let faults = try await workers.checkBooks()
        #expect(faults == [])
    }

    func expectRefusal(_ words: String, _ body: () async throws -> String) async {
        do {
            let text = try await body()
            Issue.record("it went through: \(text)")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
        }
    }

    /// What a reconciliation that these workers carry out finds.
    func findings(of scope: String) async throws -> [String] {
        let run = try await souk.call("POST", "/v1/admin/reconciliations", ["scope": .string(scope)])
        let id = try run.string("id")
        try await settle()
        return try await souk.findings(ofRun: id)
    }
}
