import Foundation
import Postgres
import TestSupport
import Testing

/// What sellers owe: seen with its age, paid out of later shares as far as a policy says, or given up.
@Suite(.database, .serialized) struct ReceivableTests {
    @Test("a debt that nothing will bring back is given up once, and not taken later")
    func writtenOff() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.indebtedSeller()
            let listed = try await souk.call("GET", "/v1/receivables").expecting(200)
            #expect(listed["data"].array?.map { $0["seller"].string } == [sale.seller])
            #expect(listed["data"].array?.first?["amount"].int == 10_000)
            #expect(listed["data"].array?.first?["age_days"].int == 0)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 259_300]).expecting(200)
            try await souk.settle()
            let aged = try await souk.call("GET", "/v1/receivables?seller=\(sale.seller)&currency=usd").expecting(200)
            #expect(aged["data"].array?.first?["age_days"].int == 3, "\(aged)")

            let key = "write-off-1"
            let body: JSON = ["currency": "usd", "reason": "the shop has closed"]
            let made = try await souk.call("POST", "/v1/sellers/\(sale.seller)/write_off", body, key: key)
                .expecting(201)
            #expect(made["amount"].int == 10_000)
            let again = try await souk.call("POST", "/v1/sellers/\(sale.seller)/write_off", body, key: key)
                .expecting(201)
            #expect(again["id"] == made["id"])
            let balances = try await souk.balances()
            #expect(balances["loss:write_off"] == 10_000)
            #expect(balances["seller:\(sale.seller):receivable"] == 0)
            #expect(try await souk.call("GET", "/v1/receivables").expecting(200)["data"].array?.isEmpty == true)
            let second = try await souk.call("POST", "/v1/sellers/\(sale.seller)/write_off", body)
            #expect(second["error", "code"].string == "illegal_transition", "\(second)")

            // New sales do not bring back what was given up.
            _ = try await souk.pay(try await souk.placeOrder("order-9", seller: sale.seller, amount: 20_000))
                .expecting(200)
            try await souk.settle()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 7200]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            #expect(try await souk.operations(state: "held").isEmpty)
            let audit = try await souk.call("GET", "/v1/admin/audit_log?action=seller.write_off").expecting(200)
            #expect(audit["data"].array?.count == 1)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("Stripe fills a balance that stays below zero out of the platform's: the seller owes it, and can be forgiven")
    func collected() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 864_000]).expecting(200)
            try await souk.settle()
            _ = try await souk.call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == -9000)
            #expect(try await souk.balances()["seller:\(sale.seller):receivable"] == 0)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(179 * 86_400)]).expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == -9000)
            let platform = try #require(try await souk.balances()["stripe:platform"])
            _ = try await souk.control("POST", "/clock/advance", ["seconds": .int(2 * 86_400)]).expecting(200)
            try await souk.readBalances()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 0)
            #expect(balances["seller:\(sale.seller):receivable"] == 9000)
            #expect(balances["stripe:platform"] == platform - 9000)
            #expect(balances["clearing:transfer"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
            _ = try await souk.call(
                "POST", "/v1/sellers/\(sale.seller)/write_off", ["currency": "usd", "reason": "gone"]
            ).expecting(201)
            #expect(try await souk.balances()["loss:write_off"] == 9000)
            try await souk.expectSoundBooks()
        }
    }

    @Test(
        "of later shares the policy's part pays the debt, and never more than it",
        arguments: [(5000, 5800, 0), (500, 5985, 185), (0, 6300, 500)])
    func netted(basisPoints: Int, transferred: Int, left: Int) async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.moveEarly(500, of: sale, to: 0)
            _ = try await souk.netting(10_000)
            _ = try await souk.netting(basisPoints, of: sale.sellers[0])
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):receivable"] == left)
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 0)
            #expect(balances["seller:\(sale.sellers[0]):funds"] == transferred + 500)
            #expect(balances["seller:\(sale.sellers[1]):funds"] == 2700, "who owes nothing gets all")
            let paid = try await souk.call("GET", "/v1/transfers?seller=\(sale.sellers[0])&state=paid").expecting(200)
            let shown = paid["data"].array?.first { $0["amount"].int == transferred }
            #expect(shown?["amount_netted"].int == 500 - left, "\(paid)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a debt that another order's share has paid turns out to be none: the seller has the share again")
    func nettedInVain() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let seller = sale.sellers[0]
            try await souk.keepFunds(of: sale.sellers)
            let early = try await souk.moveEarly(500, of: sale, to: 0)
            _ = try await souk.netting(10_000)
            let next = try await souk.placeSeparateOrder(sale.sellers, externalID: "order-2")
            _ = try await souk.pay(next, with: "pm_card_bypassPending").expecting(200)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 500 + 5800)
            for order in [sale.order, try next.string("id")] {
                let group = try await souk.call("GET", "/v1/transfer_groups/\(order)").expecting(200)
                #expect(group["amount_owed"].int == 0, "\(group)")
            }
            try await souk.expectSoundBooks()

            // What was moved too early goes back after all, and with it the debt that the next sale has paid.
            try await souk.topUp(isAwaited: false)
            _ = try await souk.stripe("POST", "/v1/transfers/\(try early.string("id"))/reversals", []).expecting(200)
            try await souk.readBalances()
            let balances = try await souk.balances()
            #expect(balances["seller:\(seller):funds"] == 6300)
            #expect(balances["seller:\(seller):receivable"] == 0)
            #expect(balances["seller:\(seller):payable"] == 6300, "the first order's share, not released yet")
            let given = try await souk.call("GET", "/v1/transfers?order=\(sale.order)&state=paid").expecting(200)
            #expect(
                given["data"].array?.map { $0["amount"].int }.sorted { ($0 ?? 0) < ($1 ?? 0) } == [500, 500], "\(given)"
            )
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a debt of the share's own order turns out to be none: the seller has the whole share")
    func ownDebtInVain() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            let seller = sale.sellers[0]
            try await souk.keepFunds(of: sale.sellers)
            let early = try await souk.moveEarly(500, of: sale, to: 0)
            _ = try await souk.netting(10_000)
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 500 + 5800)
            try await souk.topUp(isAwaited: false)
            _ = try await souk.stripe("POST", "/v1/transfers/\(try early.string("id"))/reversals", []).expecting(200)
            try await souk.readBalances()
            #expect(try await souk.balances()["seller:\(seller):funds"] == 6300)
            #expect(try await souk.balances()["seller:\(seller):receivable"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a share that is all owed is not moved")
    func allOfIt() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            _ = try await souk.moveEarly(2700, of: sale, to: 1)
            _ = try await souk.netting(10_000)
            _ = try await souk.release(sale.order).expecting(201)
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[1]):receivable"] == 0)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 0)
            #expect(balances["seller:\(sale.sellers[1]):funds"] == 2700)
            let canceled = try await souk.call("GET", "/v1/transfers?state=canceled").expecting(200)
            #expect(canceled["data"].array?.map { $0["amount_netted"].int } == [2700], "\(canceled)")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a debt that a reversal is to take back is left to the reversal: nothing is taken twice")
    func leftToTheReversal() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.indebtedSeller()
            _ = try await souk.netting(10_000)
            let order = try await souk.call(
                "POST", "/v1/orders",
                [
                    "external_id": "order-7", "currency": "usd", "release": ["on": "payment"],
                    "charge_shape": "separate",
                    "lines": [["seller": .string(sale.seller), "unit_amount": 20_000]],
                ]
            ).expecting(201)
            _ = try await souk.pay(order, with: "pm_card_bypassPending").expecting(200)
            try await souk.settle()
            // The fee that went back, and the whole share.
            #expect(try await souk.balances()["seller:\(sale.seller):funds"] == 19_000)
            _ = try await souk.control("POST", "/clock/advance", ["seconds": 3700]).expecting(200)
            try await eventually("the reversal has gone", atMost: .seconds(30)) {
                try await souk.operations(state: "held").isEmpty
            }
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):receivable"] == 0)
            #expect(balances["seller:\(sale.seller):funds"] == 9000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("policies are listed, and what makes no sense is refused by name")
    func policies() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.netting(100)
            _ = try await souk.netting(200)
            let list = try await souk.call("GET", "/v1/admin/netting_policies").expecting(200)
            #expect(list["data"].array?.map { $0["percent_bps"].int } == [200, 100])
            for (body, parameter): (JSON, String) in [
                (["percent_bps": 10_001], "percent_bps"), (["percent_bps": -1], "percent_bps"), ([:], "percent_bps"),
                (["percent_bps": 1, "seller": "sel_00000000000000000000000000"], "seller"),
            ] {
                let refused = try await souk.call("POST", "/v1/admin/netting_policies", body)
                #expect(refused["error", "param"].string == parameter, "\(refused)")
            }
            let nobody = try await souk.call(
                "POST", "/v1/sellers/sel_00000000000000000000000000/write_off",
                ["currency": "usd", "reason": "gone"])
            #expect(nobody["error", "code"].string == "seller_not_found")
        }
    }
}

extension RunningSouk {
    /// Staff move money of a sale that no release asked for: the seller owes it.
    fileprivate func moveEarly(_ amount: Int, of sale: SeparateSale, to seller: Int) async throws -> Answer {
        let transfer = try await stripe(
            "POST", "/v1/transfers",
            [
                ("amount", "\(amount)"), ("currency", "usd"), ("destination", sale.accounts[seller]),
                ("source_transaction", sale.charge),
            ]
        ).expecting(200)
        try await settle()
        return transfer
    }

    fileprivate func netting(_ basisPoints: Int, of seller: String? = nil) async throws -> Answer {
        var body: [String: JSON] = ["percent_bps": .int(basisPoints)]
        if let seller { body["seller"] = .string(seller) }
        return try await call("POST", "/v1/admin/netting_policies", .object(body)).expecting(201)
    }

    /// A seller who was paid out before the sale was refunded: the reversal waits for the seller's balance.
    fileprivate func indebtedSeller() async throws -> PaidSale {
        _ = try await control("PUT", "/behaviour", ["reversal": "strict"]).expecting(200)
        let sale = try await paidSale()
        _ = try await control("POST", "/clock/advance", ["seconds": 864_000]).expecting(200)
        try await settle()
        _ = try await stripe(
            "POST", "/v1/accounts/\(sale.account)", [("settings[payouts][schedule][interval]", "manual")]
        ).expecting(200)
        try await settle()
        #expect(try await balances()["seller:\(sale.seller):funds"] == 0)
        _ = try await call("POST", "/v1/orders/\(sale.order)/refunds", [:]).expecting(201)
        try await settle()
        #expect(try await balances()["seller:\(sale.seller):receivable"] == 10_000)
        return sale
    }
}
