import Foundation
import TestSupport
import Testing

/// Orders of several sellers in one charge, through the API alone.
@Suite(.database, .serialized) struct SeparateChargeTests {
    @Test("a charge of two sellers is the platform's, and a refund before any release takes from what they are owed")
    func refundBeforeRelease() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSeparateSale(release: ["on": "fulfilment"])
            var balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 6300)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 2700)
            #expect(balances["revenue:application_fees"] == 1000)
            #expect(balances["stripe:platform"] == 9680)
            #expect(balances["clearing:charge"] == 0)
            try await souk.expectSoundBooks()

            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "5000")]).expecting(
                200)
            try await souk.settle()
            balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 3150)
            #expect(balances["seller:\(sale.sellers[1]):payable"] == 1350)
            #expect(balances["seller:\(sale.sellers[0]):receivable"] ?? 0 == 0)
            try await souk.expectSoundBooks()

            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge)]).expecting(200)
            try await souk.settle()
            balances = try await souk.balances()
            #expect(balances["seller:\(sale.sellers[0]):payable"] == 0)
            #expect(balances["stripe:platform"] == -320)
            #expect(try await souk.call("GET", "/v1/orders/\(sale.order)")["status"].string == "refunded")
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    @Test("a second payment for an order of two sellers goes back whole, and no seller has a part in it")
    func surplus() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers, payment: "payment_intent")
            let id = try order.string("id")
            let intent = try order.string("payment_intent")
            _ = try await souk.control("POST", "/payment_intents/\(intent)/pay").expecting(200)
            try await souk.settle()
            let other = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "10000"), ("currency", "usd"), ("confirm", "true"),
                    ("payment_method", "pm_card_visa"), ("return_url", "https://shop.example"),
                    ("metadata[souk_order]", id), ("transfer_group", id),
                ]
            ).expecting(200)
            #expect(other["status"].string == "succeeded")
            try await souk.settle()
            let balances = try await souk.balances()
            #expect(balances["buyer:refunds_due"] == 0)
            #expect(balances["clearing:refund"] == 0)
            let charges = try await souk.stripe("GET", "/v1/refunds").expecting(200)
            #expect(charges["data"].array?.map { $0["amount"].int } == [10_000])
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

@Suite(.database, .serialized) struct CanceledReturnTests {
    @Test("Stripe cancels the refund of a payment that nobody wanted: it is sent back once more")
    func sentAgain() async throws {
        try await RunningSouk.with { souk in
            let sellers = try await souk.twoSellers()
            let order = try await souk.placeSeparateOrder(sellers, payment: "payment_intent")
            let id = try order.string("id")
            _ = try await souk.control("POST", "/payment_intents/\(try order.string("payment_intent"))/pay")
                .expecting(200)
            try await souk.settle()
            _ = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "10000"), ("currency", "usd"), ("confirm", "true"),
                    ("payment_method", "pm_card_pendingRefund"), ("return_url", "https://shop.example"),
                    ("metadata[souk_order]", id), ("transfer_group", id),
                ]
            ).expecting(200)
            try await souk.settle()
            let first = try await souk.stripe("GET", "/v1/refunds").expecting(200)["data"].array ?? []
            #expect(first.map { $0["status"].string } == ["pending"])
            let canceled = try #require(first.first?["id"].string)
            _ = try await souk.control("POST", "/refunds/\(canceled)/cancel").expecting(200)
            try await souk.readBalances()
            let refunds = try await souk.stripe("GET", "/v1/refunds").expecting(200)["data"].array ?? []
            #expect(refunds.count == 2)
            #expect(refunds.first { $0["id"].string != canceled }?["status"].string == "succeeded", "\(refunds)")
            let balances = try await souk.balances()
            #expect(balances["buyer:refunds_due"] == 0)
            #expect(balances["clearing:refund"] == 0)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

extension CanceledReturnTests {
    @Test("of one seller's: neither the seller nor the buyer has anything of it twice")
    func ofADestinationCharge() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            let platform = try #require(try await souk.balances()["stripe:platform"])
            let other = try await souk.stripe(
                "POST", "/v1/payment_intents",
                [
                    ("amount", "10000"), ("currency", "usd"), ("confirm", "true"),
                    ("payment_method", "pm_card_pendingRefund"), ("return_url", "https://shop.example"),
                    ("metadata[souk_order]", sale.order), ("transfer_group", sale.order),
                    ("transfer_data[destination]", sale.account),
                    ("application_fee_amount", "1000"),
                ]
            ).expecting(200)
            try await souk.settle()
            let charge = try other.string("latest_charge")
            let first = try await souk.stripe("GET", "/v1/refunds?charge=\(charge)").expecting(200)["data"].array ?? []
            #expect(first.map { $0["status"].string } == ["pending"])
            _ = try await souk.control("POST", "/refunds/\(try #require(first.first?["id"].string))/cancel").expecting(
                200)
            try await souk.readBalances()
            let refunds = try await souk.stripe("GET", "/v1/refunds?charge=\(charge)").expecting(200)["data"].array
            #expect(refunds?.count == 2)
            let transfers = try await souk.call("GET", "/v1/transfers?order=\(sale.order)").expecting(200)["data"].array
            #expect(transfers?.contains { $0["purpose"].string == "return" } == false, "\(transfers ?? [])")
            let balances = try await souk.balances()
            #expect(balances["seller:\(sale.seller):funds"] == 9000, "what the sale gave, and no more")
            #expect(balances["seller:\(sale.seller):receivable"] == 0)
            // Stripe keeps its fee of the second payment.
            #expect(balances["stripe:platform"] == platform - 320)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }
}

struct SeparateSale: Sendable {
    let sellers: [String]
    let accounts: [String]
    let order: String
    let charge: String
}

extension RunningSouk {
    /// Two sellers and a default fee of 10 %.
    func twoSellers() async throws -> [String] {
        _ = try await call(
            "POST", "/v1/fee_policies", ["scope": "default", "currency": "usd", "percent_bps": 1000]
        ).expecting(201)
        return [try await onboardedSeller("shop-1"), try await onboardedSeller("shop-2")]
    }

    /// Of 100.00: 70.00 of the first seller and 30.00 of the second.
    func placeSeparateOrder(
        _ sellers: [String], payment: String = "checkout", release: JSON = ["on": "payment"],
        capture: String = "automatic", externalID: String = "order-1", more: [String: JSON] = [:]
    ) async throws -> Answer {
        let body: [String: JSON] = [
            "external_id": .string(externalID), "currency": "usd", "payment": .string(payment),
            "release": release, "capture": .string(capture),
            "lines": [
                ["seller": .string(sellers[0]), "unit_amount": 7000],
                ["seller": .string(sellers[1]), "unit_amount": 3000],
            ],
        ]
        return try await call("POST", "/v1/orders", .object(body.merging(more) { $1 })).expecting(201)
    }

    func paidSeparateSale(release: JSON = ["on": "payment"]) async throws -> SeparateSale {
        let sellers = try await twoSellers()
        let order = try await placeSeparateOrder(sellers, release: release)
        _ = try await pay(order).expecting(200)
        try await settle()
        let paid = try await call("GET", "/v1/orders/\(try order.string("id"))").expecting(200)
        #expect(paid["status"].string == "paid", "\(paid)")
        return SeparateSale(
            sellers: sellers, accounts: paid["sellers"].array?.compactMap { $0["stripe_account"].string } ?? [],
            order: try order.string("id"), charge: try paid.string("charge"))
    }
}
