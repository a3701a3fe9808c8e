import Foundation
import TestSupport
import Testing

/// Orders in a currency that the platform does not settle in: exact balances on both sides, as worked in
/// docs/money-flows.md.
@Suite(.database, .serialized) struct ConversionTests {
    @Test(
        "a sale is owed in the currency that Stripe holds, and its whole refund at another rate costs the platform the difference",
        arguments: [
            // Currency, what the sale brings and its fee, Stripe's fee, the later rate and what the refund costs.
            Example("eur", brought: 10800, fee: 1080, processing: 343, later: "1.10", cost: 11000),
            Example("jpy", brought: 6500, fee: 650, processing: 219, later: "0.006", cost: 6000),
            Example("kwd", brought: 3250, fee: 325, processing: 124, later: "3.3", cost: 3300),
        ])
    func saleAndRefund(example: Example) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.convertedSale(example.currency)
            try await souk.readBalances()
            let share = example.brought - example.fee
            var balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == share)
            #expect(balances["stripe:\(sale.account)"] == share)
            #expect(balances["revenue:application_fees"] == example.fee)
            #expect(balances["stripe:platform"] == example.fee - example.processing)
            try await souk.expectNothing(in: example.currency)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            let part = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", ["amount": 2500]).expecting(409)
            #expect(part["error", "code"].string == "illegal_transition")
            #expect(part["error", "message"].string?.contains("into usd") == true)
            _ = try await souk.control(
                "PUT", "/exchange", ["rates": [example.currency: .string(example.later)]]
            ).expecting(200)
            let refund = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
            #expect(refund["amount"].int == 10_000)
            try await souk.readBalances()
            balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 0)
            #expect(balances["stripe:\(sale.account)"] == 0)
            #expect(balances["seller:\(sale.seller):receivable"] == 0)
            #expect(balances["revenue:application_fees"] == 0)
            #expect(balances["fx:gain_loss"] ?? 0 == example.cost - example.brought)
            #expect(balances["stripe:platform"] == -example.processing - (example.cost - example.brought))
            try await souk.expectNothing(in: example.currency)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            #expect(try await souk.madeAtStripe().isEmpty)
        }
    }

    @Test("events that are lost: the rows lead to the same books", arguments: [false, true])
    func lostEvents(refundIsMadeAtStripe: Bool) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.convertedSale("eur")
            try await souk.loseEvents()
            _ = try await souk.control("PUT", "/exchange", ["rates": ["eur": "1.05"]]).expecting(200)
            if refundIsMadeAtStripe {
                _ = try await souk.stripe(
                    "POST", "/v1/refunds",
                    [("charge", sale.charge), ("reverse_transfer", "true"), ("refund_application_fee", "true")]
                ).expecting(200)
            } else {
                _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
            }
            // A balance in which nothing moved for a week is read once a day.
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 90_000]).expecting(200)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 0)
            #expect(balances["fx:gain_loss"] == -300)
            #expect(balances["stripe:platform"] == -343 + 300)
            try await souk.expectNothing(in: "eur")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "the seller's payout and statement are in the currency that arrived, and the statement says what was converted")
    func payoutAndStatement() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.convertedSale("eur")
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(14 * 86_400)]).expecting(200)
            try await souk.settle()
            let payouts = try await souk.call("GET", "/v1/payouts?seller=\(sale.seller)").expecting(200)
            let payout = try #require(payouts["data"].array?.first)
            #expect(payout["amount"].int == 9720 && payout["currency"].string == "usd")
            let items = try await souk.call("GET", "/v1/payouts/\(payout["id"].string ?? "")/items").expecting(200)
            #expect(items["sum_difference"].int == 0)
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 0)
            try await souk.expectNothing(in: "eur")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()

            let months = try await souk.call("GET", "/v1/sellers/\(sale.seller)/statements").expecting(200)
            let month = try #require(months["data"].array?.compactMap { $0["month"].string }.min())
            let statement = try await souk.call("GET", "/v1/sellers/\(sale.seller)/statements/\(month)").expecting(200)
            func line(_ name: String, _ currency: String) -> Int? {
                statement["currencies"].array?.first { $0["currency"].string == currency }?[name].int
            }
            #expect(line("gross", "eur") == 10_000 && line("platform_fee", "eur") == -1000)
            #expect(line("fx", "eur") == -9000 && line("closing_balance", "eur") == 0)
            #expect(line("gross", "usd") == 0 && line("fx", "usd") == 9720)
        }
    }

    @Test("an order of several sellers: Stripe refuses its transfers, nothing moves, and the books name the charge")
    func separate() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.control("PUT", "/behaviour", ["converts_currencies": true]).expecting(200)
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers, more: ["currency": "eur"])
            _ = try await souk.pay(order).expecting(200)
            try await souk.readBalances()
            let transfers = try await souk.call("GET", "/v1/transfers").expecting(200)
            #expect(transfers["data"].array?.count == 2)
            #expect(transfers["data"].array?.allSatisfy { $0["stripe_transfer"] == .null } == true, "\(transfers)")
            let proof = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
            #expect(proof["sound"].bool == false)
            #expect(proof.text.contains("fx:conversion"))
        }
    }

    @Test(
        "whatever is sold, converted, paid out and refunded in whatever order: both sides stay equal", arguments: 1...4)
    func world(seed: Int) async throws {
        try await RunningSouk.with { souk in
            var random = SeededGenerator(seed: UInt64(seed))
            _ = try await souk.control("PUT", "/behaviour", ["converts_currencies": true]).expecting(200)
            let sellers = [try await souk.onboardedSeller("shop-1"), try await souk.onboardedSeller("shop-2")]
            let currencies = ["usd", "eur", "jpy", "kwd"]
            for currency in currencies {
                _ = try await souk.call(
                    "POST", "/v1/fee_policies",
                    ["scope": "default", "currency": .string(currency), "percent_bps": .int(seed * 700)]
                ).expecting(201)
            }
            var orders: [(id: String, currency: String)] = []
            for step in 1...14 {
                switch Int.random(in: 0..<8, using: &random) {
                case 0...2:
                    let currency = currencies.randomElement(using: &random) ?? "usd"
                    let amount = Int.random(in: 10...3000, using: &random) * 100
                    let order = try await souk.placeOrder(
                        "order-\(step)", of: sellers.randomElement(using: &random) ?? "", amount, in: currency)
                    _ = try await souk.pay(order).expecting(200)
                    orders.append((try order.string("id"), currency))
                case 3:
                    let digits = Int.random(in: 100...999, using: &random)
                    let rates: JSON = [
                        "eur": .string("1.\(digits)"), "jpy": .string("0.00\(digits)"), "kwd": .string("3.\(digits)"),
                    ]
                    _ = try await souk.control("PUT", "/exchange", ["rates": rates]).expecting(200)
                case 4:
                    guard let order = orders.randomElement(using: &random) else { continue }
                    let part = try await souk.call("POST", "/v1/orders/\(order.id)/refunds", ["amount": 10])
                    #expect(part.status == 409 || order.currency == "usd" && part.status == 201, "\(part)")
                case 5:
                    guard let order = orders.randomElement(using: &random) else { continue }
                    if Bool.random(using: &random) {
                        _ = try await souk.call("POST", "/v1/orders/\(order.id)/refunds", [:])
                    } else {
                        let charge = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)["charge"]
                            .string
                        _ = try await souk.stripe(
                            "POST", "/v1/refunds",
                            [
                                ("charge", charge ?? ""), ("reverse_transfer", "true"),
                                ("refund_application_fee", "true"),
                            ])
                    }
                case 6:
                    guard let order = orders.randomElement(using: &random),
                        let charge = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)["charge"]
                            .string
                    else { continue }
                    let dispute = try await souk.control("POST", "/charges/\(charge)/dispute", ["reason": "general"])
                    guard dispute.status == 200, Bool.random(using: &random) else { break }
                    try await souk.settle()
                    let outcome = Bool.random(using: &random) ? "won" : "lost"
                    _ = try await souk.control(
                        "POST", "/disputes/\(try dispute.string("id"))/resolve", ["outcome": .string(outcome)]
                    ).expecting(200)
                default:
                    let hours = Int.random(in: 1...100, using: &random)
                    _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(hours * 3600)]).expecting(200)
                }
                try await souk.settle()
                if step % 7 == 0 {
                    try await souk.readBalances()
                    for currency in currencies.dropFirst() { try await souk.expectNothing(in: currency) }
                    try await souk.expectSoundBooks()
                    try await souk.expectZeroDifference()
                }
            }
        }
    }

    @Test("what Souk does not divide in two currencies is not asked for: a reversal alone, a claim of a dispute")
    func refused() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.convertedSale("eur", bearer: "seller")
            try await souk.readBalances()
            let transfers = try await souk.call("GET", "/v1/transfers?seller=\(sale.seller)").expecting(200)
            if let transfer = transfers["data"].array?.first?["id"].string {
                let reversal = try await souk.call("POST", "/v1/transfers/\(transfer)/reversals", [:]).expecting(409)
                #expect(reversal["error", "code"].string == "illegal_transition")
            }
            _ = try await souk.control("POST", "/charges/\(sale.charge)/dispute", ["reason": "fraudulent"])
                .expecting(200)
            try await souk.readBalances()
            let balances = try await souk.balances()
            // The seller keeps the money: nothing is taken back in the wrong currency.
            #expect(balances["seller:\(sale.seller):funds"] == 9720)
            #expect(balances["stripe:\(sale.account)"] == 9720)
            #expect(balances["seller:\(sale.seller):receivable"] ?? 0 == 0)
            #expect(balances["disputes:open"] == 10800)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test(
        "a dispute of a converted charge is the platform's, at the rates of its days",
        arguments: ["winning_evidence", "losing_evidence"])
    func dispute(evidence: String) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.convertedSale("eur")
            _ = try await souk.control("PUT", "/exchange", ["rates": ["eur": "1.10"]]).expecting(200)
            let dispute = try await souk.control(
                "POST", "/charges/\(sale.charge)/dispute", ["reason": "fraudulent"]
            ).expecting(200).string("id")
            try await souk.readBalances()
            #expect(try await souk.balances()["disputes:open"] == 11000)
            try await souk.expectNothing(in: "eur")
            try await souk.expectSoundBooks()
            _ = try await souk.control("PUT", "/exchange", ["rates": ["eur": "1.05"]]).expecting(200)
            _ = try await souk.stripe(
                "POST", "/v1/disputes/\(dispute)", [("evidence[uncategorized_text]", evidence)]
            ).expecting(200)
            try await souk.readBalances()
            let balances = try await souk.balances()
            let isWon = evidence == "winning_evidence"
            #expect(balances["disputes:open"] == 0)
            #expect(balances["loss:disputes"] ?? 0 == (isWon ? 0 : 11000))
            #expect(balances["fx:gain_loss"] ?? 0 == (isWon ? 500 : 0))
            #expect(balances["stripe:platform"] == 737 - 11000 - 1500 + (isWon ? 10500 : -1500))
            #expect(balances["seller:\(sale.seller):funds"] == 9720)
            try await souk.expectNothing(in: "eur")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    struct Example: Sendable, CustomTestStringConvertible {
        let currency: String
        let brought: Int
        let fee: Int
        let processing: Int
        let later: String
        let cost: Int

        init(_ currency: String, brought: Int, fee: Int, processing: Int, later: String, cost: Int) {
            self.currency = currency
            self.brought = brought
            self.fee = fee
            self.processing = processing
            self.later = later
            self.cost = cost
        }

        var testDescription: String { currency }
    }
}

extension RunningSouk {
    /// A paid order of 10000 minor units with a fee of a tenth, where the platform and the seller have US dollars alone.
    fileprivate func convertedSale(_ currency: String, bearer: String = "platform") async throws -> PaidSale {
        _ = try await control("PUT", "/behaviour", ["converts_currencies": true]).expecting(200)
        let seller = try await onboardedSeller("shop-1")
        _ = try await call(
            "POST", "/v1/fee_policies", ["scope": "default", "currency": .string(currency), "percent_bps": 1000]
        ).expecting(201)
        let order = try await placeOrder("order-1", of: seller, 10_000, in: currency, bearer: bearer)
        _ = try await pay(order).expecting(200)
        try await settle()
        let paid = try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
        let intent = try paid.string("payment_intent")
        return PaidSale(
            seller: seller,
            account: try await call("GET", "/v1/sellers/\(seller)").expecting(200).string("stripe_account"),
            order: try order.string("id"), intent: intent,
            charge: try await stripe("GET", "/v1/payment_intents/\(intent)").expecting(200).string("latest_charge"))
    }

    fileprivate func placeOrder(
        _ externalID: String, of seller: String, _ amount: Int, in currency: String, bearer: String = "platform"
    ) async throws -> Answer {
        try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(externalID), "currency": .string(currency), "dispute_bearer": .string(bearer),
                "buyer": ["external_id": "buyer-1", "email": "buyer@example.com"],
                "lines": [
                    ["seller": .string(seller), "description": "Oak table", "unit_amount": .int(amount), "quantity": 1]
                ],
            ]
        ).expecting(201)
    }

    /// No account holds anything in a currency.
    fileprivate func expectNothing(in currency: String) async throws {
        let accounts = try await call("GET", "/v1/ledger/accounts").expecting(200)
        let holding = (accounts["data"].array ?? []).filter {
            $0["currency"].string == currency && $0["balance"].int != 0
        }
        #expect(holding.isEmpty, "\(holding)")
    }
}
