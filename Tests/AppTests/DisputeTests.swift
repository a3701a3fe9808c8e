import App
import Foundation
import TestSupport
import Testing

/// A buyer contests a sale at the bank. Stripe takes the money first and says later whose it was; the books follow each
/// step, told by events or found by rows, and the marketplace answers the bank through Souk.
@Suite(.database, .serialized) struct DisputeTests {
    @Test("a chargeback takes the money, is lost, and is won by appeal", arguments: [false, true])
    func lostThenWon(eventsAreLost: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.fundedSale()
            let before = try await souk.balances()
            if eventsAreLost { try await souk.loseEvents() }
            let dispute = try await souk.dispute(sale)
            try await souk.readBalances()
            #expect(try await souk.change(of: "disputes:open", since: before) == 10_000)
            #expect(try await souk.change(of: "fees:dispute", since: before) == 1500)
            #expect(try await souk.change(of: "stripe:platform", since: before) == -11_500)
            #expect(try await souk.balances()["clearing:dispute"] == 0)
            #expect(try await souk.disputeStatus(of: sale) == "open")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            try await souk.resolve(dispute, "lost")
            try await souk.readBalances()
            // No row tells of a loss: without events it stays open until the sweep for lost events comes by.
            if !eventsAreLost {
                #expect(try await souk.change(of: "disputes:open", since: before) == 0)
                #expect(try await souk.change(of: "loss:disputes", since: before) == 10_000)
                #expect(try await souk.disputeStatus(of: sale) == "lost")
            }
            try await souk.expectSoundBooks()

            try await souk.resolve(dispute, "won")
            try await souk.readBalances()
            #expect(try await souk.change(of: "disputes:open", since: before) == 0)
            #expect(try await souk.change(of: "loss:disputes", since: before) == 0)
            #expect(try await souk.change(of: "stripe:platform", since: before) == -1500)
            #expect(try await souk.disputeStatus(of: sale) == "won")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("an inquiry moves no money, and may become a chargeback over a part")
    func inquiry() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.fundedSale()
            let before = try await souk.balances()
            let dispute = try await souk.dispute(sale, ["inquiry": true, "amount": 4000, "reason": "general"])
            try await souk.settle()
            #expect(try await souk.balances() == before)
            #expect(try await souk.disputeStatus(of: sale) == "inquiry")
            let shown = try await souk.onlyDispute()
            #expect(shown["status"].string == "warning_needs_response")
            #expect(shown["is_charge_refundable"].bool == true)

            try await souk.resolve(dispute, "escalate")
            try await souk.settle()
            #expect(try await souk.change(of: "disputes:open", since: before) == 4000)
            #expect(try await souk.disputeStatus(of: sale) == "open")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.events("dispute.") == ["dispute.opened", "dispute.updated"])
        }
    }

    @Test("an inquiry that ends leaves nothing behind")
    func inquiryClosed() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.fundedSale()
            let before = try await souk.balances()
            let dispute = try await souk.dispute(sale, ["inquiry": true])
            try await souk.resolve(dispute, "closed")
            try await souk.settle()
            #expect(try await souk.balances() == before)
            #expect(try await souk.disputeStatus(of: sale) == nil)
            #expect(try await souk.onlyDispute()["stage"] == .null)
            try await souk.expectSoundBooks()
        }
    }

    @Test("evidence is drafted from the order, staged as often as wanted, and submitted once")
    func evidence() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.fundedSale()
            let before = try await souk.balances()
            _ = try await souk.dispute(sale)
            try await souk.settle()
            let path = "/v1/disputes/\(try await souk.onlyDispute().string("id"))"
            let draft = try await souk.call("GET", "\(path)/evidence_draft").expecting(200)
            #expect(draft["product_description"].string == "Oak table")
            #expect(draft["customer_email_address"].string == "buyer@example.com")
            let early = try await souk.call("POST", "\(path)/submit", [:]).expecting(409)
            #expect(early["error", "code"].string == "illegal_transition")

            for text in ["It was sent on Monday.", "winning_evidence"] {
                let staged = try await souk.call(
                    "POST", "\(path)/evidence",
                    ["product_description": "Oak table", "uncategorized_text": .string(text)]
                ).expecting(200)
                #expect(staged["has_evidence"].bool == true)
                #expect(staged["submission_count"].int == 0)
            }
            let key = "submit-1"
            let won = try await souk.call("POST", "\(path)/submit", [:], key: key).expecting(200)
            #expect(won["submission_count"].int == 1)
            #expect(try await souk.call("POST", "\(path)/submit", [:], key: key).expecting(200).text == won.text)
            try await souk.settle()
            #expect(try await souk.call("GET", path).expecting(200)["status"].string == "won")
            _ = try await souk.call("POST", "\(path)/submit", [:]).expecting(409)
            _ = try await souk.call("POST", "\(path)/evidence", ["customer_name": "Ann"]).expecting(409)
            _ = try await souk.call("POST", "\(path)/accept", [:]).expecting(409)
            // The first fee stays with Stripe; the second comes back to who wins.
            #expect(try await souk.change(of: "fees:dispute", since: before) == 1500)
            #expect(try await souk.change(of: "disputes:open", since: before) == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a dispute that is accepted, and one that nobody answers, are lost")
    func accepted() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.fundedSale()
            let before = try await souk.balances()
            _ = try await souk.dispute(sale, ["amount": 3000])
            try await souk.settle()
            let path = "/v1/disputes/\(try await souk.onlyDispute().string("id"))"
            #expect(try await souk.call("POST", "\(path)/accept", [:]).expecting(200)["status"].string == "lost")
            try await souk.settle()
            #expect(try await souk.change(of: "loss:disputes", since: before) == 3000)

            _ = try await souk.dispute(sale, ["amount": 2000])
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(10 * 86_400)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.change(of: "loss:disputes", since: before) == 5000)
            #expect(try await souk.change(of: "disputes:open", since: before) == 0)
            #expect(try await souk.disputeStatus(of: sale) == "lost")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "evidence that makes no sense is refused by name",
        arguments: [
            (["colour": "red"], "parameter_unknown", "colour"), ([:], "parameter_missing", "product_description"),
            (["receipt": "what was paid"], "parameter_invalid", "receipt"),
            (
                ["uncategorized_text": JSON.string(String(repeating: "x", count: 150_001))], "parameter_invalid",
                "uncategorized_text"
            ),
        ] as [(JSON, String, String)])
    func badEvidence(body: JSON, code: String, parameter: String) async throws {
        try await RunningSouk.with { souk in
            let refused = try await souk.call(
                "POST", "/v1/disputes/dis_01jd7m3c0e8w2v9k4x5y6z7abc/evidence", body
            ).expecting(400)
            #expect(refused["error", "code"].string == code)
            #expect(refused["error", "param"].string == parameter)
        }
    }
}

/// Disputes that sellers bear: taken back of their transfers, and given again when they are won.
@Suite(.database, .serialized) struct DisputeRecoveryTests {
    @Test("recovered and lost: the platform has −18.20 and the seller nothing; won after all: −8.20 and 90.00")
    func recoveredLostWon() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.recoverableSale()
            let platform = try await souk.balances()["stripe:platform", default: 0] - 680
            let dispute = try await souk.dispute(sale)
            try await souk.readBalances()
            try await souk.expect(platform: platform - 1820, seller: 0, of: sale)
            let claim = try await souk.onlyDispute()["claim"]
            #expect(claim["amount"].int == 10_000)
            #expect(claim["platform_fee"].int == 1000)
            #expect(claim["sellers"].array?.first?["from_transferred"].int == 9000)
            #expect(try await souk.balances()["disputes:open"] == 0)
            #expect(try await souk.balances()["revenue:application_fees"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            try await souk.resolve(dispute, "lost")
            try await souk.readBalances()
            try await souk.expect(platform: platform - 1820, seller: 0, of: sale)
            #expect(try await souk.balances()["loss:disputes"] ?? 0 == 0)
            try await souk.expectSoundBooks()

            try await souk.resolve(dispute, "won")
            try await souk.readBalances()
            try await souk.expect(platform: platform - 820, seller: 9000, of: sale)
            #expect(try await souk.balances()["revenue:application_fees"] == 1000)
            let again = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array
            #expect(again?.filter { $0["purpose"].string == "return" }.map { $0["amount"].int } == [9000])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            // What was given again can be refunded, and comes out of both transfers.
            _ = try await souk.refund(sale).expecting(201)
            try await souk.readBalances()
            try await souk.expect(platform: platform - 1820, seller: 0, of: sale)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("of separate charges: what was released is taken back, what was not waits, and goes by itself once it is won")
    func frozen() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(
                sellers, release: ["on": "fulfilment"], more: ["dispute_bearer": "seller"])
            _ = try await souk.pay(order).expecting(200)
            try await souk.settle()
            let id = try order.string("id")
            try await souk.keepFunds(of: sellers)
            try await souk.topUp()
            _ = try await souk.release(id, ["seller": .string(sellers[0])]).expecting(201)
            try await souk.settle()
            let charge = try await souk.call("GET", "/v1/orders/\(id)").expecting(200).string("charge")
            let dispute = try await souk.control("POST", "/charges/\(charge)/dispute").expecting(200).string("id")
            try await souk.settle()
            var balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):funds"] == 0)
            #expect(balances["seller:\(sellers[1]):payable"] == 0)
            let refused = try await souk.call("POST", "/v1/orders/\(id)/refunds", ["amount": 100]).expecting(409)
            #expect(refused["error", "code"].string == "charge_disputed")

            _ = try await souk.release(id).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/transfers?order=\(id)&state=held").expecting(200)["data"].array
            #expect(held?.map { $0["seller"].string } == [sellers[1]])
            #expect(held?.first?["hold"]["reason"].string?.contains("disputes the payment") == true)
            try await souk.expectSoundBooks()
            // What the dispute claimed includes the fee of each seller's lines.
            let month = try await souk.thisMonth()
            for (seller, gross) in zip(sellers, [7000, 3000]) {
                let statement = try await souk.call("GET", "/v1/sellers/\(seller)/statements/\(month)").expecting(200)
                let sums = try #require(statement["currencies"].array?.first)
                #expect(sums["gross"].int == gross, "\(sums)")
                #expect(sums["disputes"].int == -gross, "\(sums)")
                #expect(sums["platform_fee"].int == 0, "\(sums)")
            }

            try await souk.resolve(dispute, "won")
            try await souk.readBalances()
            balances = try await souk.balances()
            #expect(balances["seller:\(sellers[0]):funds"] == 6300)
            #expect(balances["seller:\(sellers[1]):funds"] == 2700)
            for seller in sellers {
                #expect(balances["seller:\(seller):payable"] == 0)
                #expect(balances["seller:\(seller):receivable"] ?? 0 == 0)
            }
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("borne by the platform: the transfers wait all the same, and go whole when it is lost")
    func frozenForThePlatform() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let dispute = try await souk.control("POST", "/charges/\(sale.charge)/dispute").expecting(200).string("id")
            try await souk.settle()
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            let held = try await souk.call("GET", "/v1/transfers?state=held").expecting(200)["data"].array
            #expect(held?.count == 2)
            #expect(held?.allSatisfy { $0["hold"]["reason"].string?.contains("disputes") == true } == true)
            try await souk.resolve(dispute, "lost")
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.sellers[0]):funds"] == 6300)
            #expect(try await souk.balances()["seller:\(sale.sellers[1]):funds"] == 2700)
            #expect(try await souk.balances()["loss:disputes"] == 10_000)
            try await souk.expectSoundBooks()
        }
    }

    @Test(
        "a refund before the dispute, in Souk or in the Dashboard, heard of before or after it: the seller pays once",
        arguments: [false, true], [false, true])
    func refundFirst(isDashboard: Bool, isHeardLater: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.recoverableSale()
            if isHeardLater { try await souk.loseEvents() }
            if isDashboard {
                _ = try await souk.stripe(
                    "POST", "/v1/refunds",
                    [
                        ("charge", sale.charge), ("amount", "4000"), ("reverse_transfer", "true"),
                        ("refund_application_fee", "true"),
                    ]
                ).expecting(200)
            } else {
                _ = try await souk.refund(sale, ["amount": 4000]).expecting(201)
            }
            let dispute = try await souk.dispute(sale)
            _ = try await souk.control("DELETE", "/faults").expecting(200)
            _ = try await souk.control(
                "POST", "/events", ["type": "charge.dispute.created", "object": .string(dispute)]
            ).expecting(200)
            try await souk.readBalances()
            try await souk.resolve(dispute, "lost")
            try await souk.readBalances()
            #expect(try await souk.onlyDispute()["claim"]["amount"].int == 6000)
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 0)
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            #expect(try await souk.balances()["loss:disputes"] == 4000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("the seller was paid out before: the dispute is claimed, the seller owes, and won, owes nothing any more")
    func sellerIsShort() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let sale = try await souk.fundedSale(bearer: "seller")
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 0)
            let dispute = try await souk.dispute(sale, ["amount": 5000])
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 4500)
            try await souk.expectSoundBooks()
            try await souk.resolve(dispute, "won")
            try await souk.readBalances()
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            #expect(try await souk.balances()["seller:\(sale.seller):payable"] ?? 0 == 0)
            #expect(
                try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array?.count == 1
            )
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "what a dispute made a seller owe was given up: won, it is the platform's loss no more, and pays the seller nothing"
    )
    func writtenOff() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
            let sale = try await souk.fundedSale(bearer: "seller")
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
            try await souk.settle()
            let dispute = try await souk.dispute(sale, ["amount": 5000])
            try await souk.settle()
            _ = try await souk.call(
                "POST", "/v1/sellers/\(sale.seller)/write_off", ["currency": "usd", "reason": "gone"]
            ).expecting(201)
            #expect(try await souk.balances()["loss:write_off"] == 4500)
            try await souk.resolve(dispute, "won")
            try await souk.readBalances()
            let balances = try await souk.balances()
            #expect(balances["loss:write_off"] == 0)
            #expect(balances["seller:\(sale.seller):receivable"] == 0)
            #expect(balances["seller:\(sale.seller):payable"] ?? 0 == 0)
            #expect(
                try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array?.count == 1
            )
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("three days before the bank stops listening the marketplace is told, once; not where evidence was submitted")
    func reminder() async throws {
        try await RunningSouk.withTemporaryFolder { folder in
            try await RunningSouk.withHeldWorkers(in: folder) { souk, makeWorkers in
                let workers = makeWorkers()
                func settle() async throws {
                    for _ in 0..<50 {
                        _ = try await souk.control("POST", "/settle").expecting(200)
                        if try await workers.workOnDue() == 0 { return }
                    }
                }
                func reminders() async throws -> Int? {
                    try await souk.call("GET", "/v1/events?type=dispute.evidence_due_soon").expecting(200)["data"]
                        .array?
                        .count
                }
                func days(_ number: Int) async throws {
                    _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(number * 86_400)])
                        .expecting(200)
                    try await settle()
                }
                let seller = try await souk.call(
                    "POST", "/v1/sellers",
                    ["external_id": "shop-1", "email": "a@example.com", "country": "US", "business_type": "individual"]
                ).expecting(201)
                try await settle()
                let account = try await souk.call("GET", "/v1/sellers/\(try seller.string("id"))").expecting(200)
                    .string("stripe_account")
                _ = try await souk.control("POST", "/accounts/\(account)/onboard", ["outcome": "complete"]).expecting(
                    200)
                try await settle()
                for name in ["order-1", "order-2"] {
                    let order = try await souk.placeOrder(name, seller: try seller.string("id"), amount: 10_000)
                    _ = try await souk.pay(order).expecting(200)
                    try await settle()
                    let charge = try await souk.call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
                        .string("charge")
                    _ = try await souk.control("POST", "/charges/\(charge)/dispute").expecting(200)
                    try await settle()
                }
                let disputes = try await souk.call("GET", "/v1/disputes").expecting(200)["data"].array ?? []
                let answered = try #require(disputes.first?["id"].string)
                _ = try await souk.call("POST", "/v1/disputes/\(answered)/evidence", ["customer_name": "Ann"])
                    .expecting(200)
                _ = try await souk.call("POST", "/v1/disputes/\(answered)/submit", [:]).expecting(200)
                try await days(5)
                #expect(try await reminders() == 0)
                try await days(2)
                #expect(try await reminders() == 1)
                try await days(1)
                #expect(try await reminders() == 1)
            }
        }
    }
}

extension RunningSouk {
    /// A sale of which the seller bears disputes, of a platform that has money to give again; nothing is paid out.
    fileprivate func recoverableSale() async throws -> PaidSale {
        let sale = try await paidSale(bearer: "seller")
        try await keepFunds(of: [sale.seller])
        try await topUp()
        return sale
    }

    /// A sale of a platform that has money to lose.
    fileprivate func fundedSale(bearer: String = "platform") async throws -> PaidSale {
        let sale = try await paidSale(bearer: bearer)
        _ = try await stripe("POST", "/v1/topups", [("amount", "50000"), ("currency", "usd")]).expecting(200)
        _ = try await control("POST", "/clock/advance", ["seconds": .int(7 * 86_400)]).expecting(200)
        try await settle()
        return sale
    }

    /// - Returns: Stripe's id.
    fileprivate func dispute(_ sale: PaidSale, _ terms: JSON = [:]) async throws -> String {
        try await control("POST", "/charges/\(sale.charge)/dispute", terms).expecting(200).string("id")
    }

    fileprivate func resolve(_ dispute: String, _ outcome: String) async throws {
        _ = try await control("POST", "/disputes/\(dispute)/resolve", ["outcome": .string(outcome)]).expecting(200)
        try await settle()
    }

    fileprivate func onlyDispute() async throws -> Answer {
        let list = try await call("GET", "/v1/disputes").expecting(200)
        let first = try #require(list["data"].array?.first?["id"].string)
        return try await call("GET", "/v1/disputes/\(first)").expecting(200)
    }

    fileprivate func disputeStatus(of sale: PaidSale) async throws -> String? {
        try await call("GET", "/v1/orders/\(sale.order)").expecting(200)["dispute_status"].string
    }

    fileprivate func change(of account: String, since before: [String: Int]) async throws -> Int {
        try await balances()[account, default: 0] - before[account, default: 0]
    }

    /// Types of the events that Souk told, oldest first.
    fileprivate func events(_ prefix: String) async throws -> [String] {
        let list = try await call("GET", "/v1/events?limit=100").expecting(200)
        return (list["data"].array ?? []).compactMap { $0["type"].string }.filter { $0.hasPrefix(prefix) }.reversed()
    }
}
