import Domain
import Postgres
import Store
import TestSupport
import Testing

/// Refunds that support staff make in Stripe's Dashboard.
@Suite(.database, .serialized) struct AdoptedRefundTests {
    @Test("a part, then the rest: adopted, allocated and booked, once each")
    func partThenRest() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let seller = try #require(order.json["seller"].string)
            let intent = try await world.pay(order)
            world.complete(intent)
            try await world.tell("payment_intent.succeeded", about: intent)
            world.stripe.change {
                $0.intents[intent]?.charge?.refunds.append(
                    .init(id: "re_a", amount: 2500, reversal: 2500, feeRefund: 250))
            }
            for type in ["refund.created", "charge.refunded", "refund.updated"] {
                try await world.tell(type, about: intent)
            }
            let part = try await world.get("/v1/orders/\(id)")
            #expect(part.json["status"].string == "partially_refunded")
            #expect(part.json["amount_refunded"].int == 2500)
            #expect(part.json["lines"].array?.first?["amount_refunded"].int == 2500)
            #expect(try await world.balance("seller:\(seller):funds") == 6750)
            #expect(try await world.balance("seller:\(seller):receivable") == 0)

            world.stripe.change {
                $0.intents[intent]?.charge?.refunds.append(
                    .init(id: "re_b", amount: 7500, reversal: 7500, feeRefund: 750, created: 3000))
            }
            try await world.tell("charge.refunded", about: intent)
            #expect(try await world.status(id) == "refunded")
            #expect(try await world.balance("seller:\(seller):funds") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            #expect(try await world.entries("refund:") == 2)
            let origins = try await world.store.query("SELECT DISTINCT origin FROM refunds")
            #expect(try origins.map { try $0.get("origin", as: String.self) } == ["stripe"])
            #expect(
                try await world.announced(id) == ["order.created", "order.paid", "order.refunded", "order.refunded"])
        }
    }

    @Test("a refund without its flags leaves the seller owing; one that fails at the bank leaves the buyer due")
    func withoutFlagsThenFailed() async throws {
        try await OrdersWorld.run { world in
            let (order, id) = try await world.placeOrder()
            let seller = try #require(order.json["seller"].string)
            let intent = try await world.pay(order)
            world.complete(intent)
            try await world.tell("payment_intent.succeeded", about: intent)
            world.stripe.change { $0.intents[intent]?.charge?.refunds.append(.init(id: "re_a", amount: 10_000)) }
            try await world.tell("charge.refunded", about: intent)
            #expect(try await world.status(id) == "refunded")
            #expect(try await world.balance("seller:\(seller):receivable") == 9000)
            world.stripe.change { $0.intents[intent]?.charge?.refunds[0].status = "failed" }
            try await world.tell("refund.failed", about: intent)
            #expect(try await world.status(id) == "paid")
            #expect(try await world.balance("clearing:refund") == 0)
            #expect(try await world.balance("buyer:refunds_due") == 10_000)
        }
    }
}
