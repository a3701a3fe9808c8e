import Domain
import Postgres
import Store
import TestSupport
import Testing

/// Refunds that callers ask Souk for, against a Stripe that does only what the test says.
@Suite(.database, .serialized) struct RefundTests {
    @Test("the first, whole refund is one call with both flags")
    func whole() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let refund = try await world.refund(sale, #"{"reason":"requested_by_customer","metadata":{"ticket":"7"}}"#)
            #expect(refund.status == 201, "\(refund.text)")
            #expect(refund.json["status"].string == "succeeded")
            #expect(refund.json["amount"].int == 10_000)
            #expect(refund.json["seller_amount"].int == 9000)
            #expect(refund.json["platform_fee"].int == 1000)
            #expect(refund.json["metadata"]["ticket"].string == "7")
            let asked = try #require(world.stripe.asked("POST /v1/refunds").first).form
            #expect(asked["amount"] == "10000")
            #expect(asked["reason"] == "requested_by_customer")
            #expect(asked["reverse_transfer"] == "true")
            #expect(asked["refund_application_fee"] == "true")
            try await world.settle()
            try await world.tell("charge.refunded", about: sale.intent)
            try await world.tell("refund.created", about: sale.intent)
            #expect(try await world.status(sale.id) == "refunded")
            #expect(try await world.balance("seller:\(sale.seller):funds") == 0)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            #expect(world.stripe.asked("POST /v1/refunds").count == 1)
            #expect(try await world.entries("refund:") == 1)
            let list = try await world.get("/v1/orders/\(sale.id)/refunds")
            #expect(list.json["data"].array?.count == 1)
            let id = try #require(refund.json["id"].string)
            #expect(try await world.get("/v1/refunds/\(id)").json["origin"].string == "souk")
            #expect(try await world.announced(id) == ["refund.created", "refund.updated"])
            #expect(try await world.announced(sale.id).last == "order.refunded")
            // Nothing is left for another.
            #expect(try await world.refund(sale).code == "illegal_transition")
        }
    }

    @Test("a part is three calls with amounts of their own, each after the one before")
    func part() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let refund = try await world.refund(sale, #"{"amount":2500}"#)
            #expect(refund.status == 201, "\(refund.text)")
            // The fee and the seller's part wait until the refund is there.
            let states = refund.json["operations"].array?.compactMap { $0["state"].string }
            #expect(states == ["succeeded", "held", "held"])
            #expect(world.stripe.returns == ["POST /v1/refunds 2500"])
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 2250)
            try await world.settle()
            #expect(
                world.stripe.returns == [
                    "POST /v1/refunds 2500", "POST /v1/application_fees/fee_\(sale.charge)/refunds 250",
                    "POST /v1/transfers/tr_\(sale.charge)/reversals 2500",
                ])
            #expect(try await world.balance("seller:\(sale.seller):funds") == 6750)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.balance("revenue:application_fees") == 750)
            for type in ["refund.created", "charge.refunded", "refund.updated"] {
                try await world.tell(type, about: sale.intent)
            }
            #expect(try await world.entries("refund:") == 1)
            #expect(try await world.entries("reversal_made:") == 1)
            #expect(try await world.entries("fee_refund_made:") == 1)
            // The rest, which is not the whole: three calls again.
            #expect(try await world.refund(sale).json["amount"].int == 7500)
            try await world.settle()
            #expect(world.stripe.returns.suffix(3).map { $0.split(separator: " ").last } == ["7500", "750", "7500"])
            #expect(try await world.status(sale.id) == "refunded")
            #expect(try await world.balance("seller:\(sale.seller):funds") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            let found = try await world.store.query("SELECT 1 FROM reconciliation_findings")
            #expect(found.isEmpty, "what Souk asked for is no finding")
        }
    }

    @Test("by line: that line's amount, with its own parts; what is no line of the order is refused")
    func byLine() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder(extraLine: #","tax":true"#)
            let lines = try #require(try await world.get("/v1/orders/\(sale.id)").json["lines"].array)
            let tax = try #require(lines.first { $0["type"].string == "tax" }?["id"].string)
            let item = try #require(lines.first { $0["type"].string == "item" }?["id"].string)
            let preview = try await world.post(
                "/v1/orders/\(sale.id)/refunds/preview", #"{"lines":[{"line":"\#(item)","amount":1000}]}"#)
            #expect(preview.status == 200, "\(preview.text)")
            #expect(preview.json["amount"].int == 1000)
            #expect(preview.json["tax"].int == 0)
            #expect(preview.json["platform_fee"].int == 100)
            #expect(preview.json["sellers"].array?.first?["from_transferred"].int == 900)
            #expect(
                preview.json["calls"].array?.map { "\($0["kind"].string ?? "") \($0["amount"].int ?? 0)" } == [
                    "refund_charge 1000", "refund_application_fee 100", "reverse_transfer 1000",
                ])
            #expect(world.stripe.returns.isEmpty)
            let refund = try await world.refund(sale, #"{"lines":[{"line":"\#(tax)"}]}"#)
            #expect(refund.status == 201, "\(refund.text)")
            #expect(refund.json["tax"].int == 800)
            #expect(refund.json["seller_amount"].int == 0)
            try await world.settle()
            // The seller had no part of the tax: it left with the application fee, and comes back with it.
            #expect(
                world.stripe.returns.map { $0.split(separator: " ").last } == ["800", "800", "800"])
            #expect(try await world.balance("tax:collected") == 0)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(
                try await world.refund(sale, #"{"lines":[{"line":"\#(tax)","amount":1}]}"#).code == "parameter_invalid")
            let foreign = try await world.paidOrder()
            let other = try #require(try await world.get("/v1/orders/\(foreign.id)").json["lines"].array?.first)
            let refused = try await world.refund(sale, #"{"lines":[{"line":"\#(other["id"].string ?? "")"}]}"#)
            #expect(refused.code == "parameter_invalid")
            #expect(refused.json["error"]["param"].string == "lines[0].line")
            let twice = #"{"lines":[{"line":"\#(item)"},{"line":"\#(item)"}]}"#
            #expect(try await world.refund(sale, twice).code == "parameter_invalid")
        }
    }

    @Test("what cannot be refunded is refused and writes nothing")
    func refusals() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let (_, unpaid) = try await world.placeOrder()
            let (_, canceled) = try await world.placeOrder()
            _ = try await world.post("/v1/orders/\(canceled)/cancel")
            for (order, body, code) in [
                (sale.id, #"{"amount":10001}"#, "amount_too_large"), (sale.id, #"{"amount":0}"#, "parameter_invalid"),
                (sale.id, #"{"amount":-5}"#, "parameter_invalid"), (sale.id, #"{"lines":[]}"#, "parameter_invalid"),
                (sale.id, #"{"amount":1,"lines":[]}"#, "parameter_invalid"),
                (sale.id, #"{"currency":"eur"}"#, "parameter_invalid"),
                (sale.id, #"{"reason":"regret"}"#, "parameter_invalid"),
                (sale.id, #"{"surprise":1}"#, "parameter_unknown"), (unpaid, "{}", "illegal_transition"),
                (canceled, "{}", "illegal_transition"),
                ("ord_" + String(repeating: "0", count: 26), "{}", "order_not_found"),
            ] {
                for path in ["/v1/orders/\(order)/refunds", "/v1/orders/\(order)/refunds/preview"] {
                    let answer = try await world.post(path, body)
                    #expect(answer.code == code, "\(path) \(body): \(answer.text)")
                }
            }
            #expect(try await world.store.query("SELECT 1 FROM refunds").isEmpty)
            #expect(world.stripe.returns.isEmpty)
            #expect(
                try await world.get("/v1/refunds/ref_\(String(repeating: "0", count: 26))").code == "refund_not_found")
        }
    }

    @Test("the same external_id with the same facts is the same refund; with others it is taken")
    func externalID() async throws {
        try await OrdersWorld.run { world in
            let (first, second) = (try await world.paidOrder(), try await world.paidOrder())
            let body = #"{"amount":1000,"external_id":"return-1"}"#
            let made = try await world.refund(first, body)
            let again = try await world.refund(first, body)
            #expect(made.status == 201)
            #expect(again.status == 200)
            #expect(again.json["id"] == made.json["id"])
            #expect(
                try await world.refund(first, #"{"amount":1001,"external_id":"return-1"}"#).code == "external_id_taken")
            #expect(try await world.refund(second, body).code == "external_id_taken")
            #expect(world.stripe.asked("POST /v1/refunds").count == 1)
        }
    }

    @Test(
        "refused by Stripe for good: failed with Stripe's reason, and what it took is free again",
        arguments: [("charge_disputed", 409, "charge_disputed"), ("charge_not_refundable", 422, "stripe_refused")])
    func refusedByStripe(code: String, status: Int, ours: String) async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            world.stripe.change { $0.refusals["POST /v1/refunds"] = code }
            let refused = try await world.refund(sale, #"{"amount":6000,"external_id":"r"}"#)
            #expect(refused.status == status, "\(refused.text)")
            #expect(refused.code == ours)
            try await world.settle()
            #expect(world.stripe.returns == ["POST /v1/refunds 6000"], "nothing follows a refused refund")
            let kept = try #require(try await world.get("/v1/orders/\(sale.id)/refunds").json["data"].array?.first)
            #expect(kept["status"].string == "failed")
            #expect(kept["failure_reason"].string == code)
            #expect(kept["settlement"] == .null)
            #expect(kept["operations"].array?.allSatisfy { $0["state"].string == "failed" } == true)
            #expect(try await world.status(sale.id) == "paid")
            #expect(try await world.entries("refund:") == 0)
            #expect(try await world.refund(sale, #"{"amount":6000,"external_id":"r"}"#).code == ours)
            #expect(try await world.announced(try #require(kept["id"].string)) == ["refund.created", "refund.failed"])
            #expect(try await world.refund(sale).json["amount"].int == 10_000)
        }
    }

    @Test("the seller's balance too low: the buyer is refunded, the seller owes, and the reversal goes by itself later")
    func sellerIsShort() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let reversals = "POST /v1/transfers/tr_\(sale.charge)/reversals"
            world.stripe.change {
                $0.refusals["POST /v1/refunds"] = "balance_insufficient"
                $0.refusals[reversals] = "balance_insufficient"
            }
            let refund = try await world.refund(sale)
            #expect(refund.status == 201, "\(refund.text)")
            #expect(refund.json["status"].string == "succeeded")
            try await world.settle()
            let asked = world.stripe.asked("POST /v1/refunds")
            #expect(asked.map { $0.form["reverse_transfer"] } == ["true", nil])
            #expect(asked[0].idempotencyKey != asked[1].idempotencyKey)
            #expect(try await world.status(sale.id) == "refunded")
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 10_000)
            let id = try #require(refund.json["id"].string)
            let held = try await world.get("/v1/refunds/\(id)").json["operations"].array?.last
            #expect(held?["state"].string == "held")
            #expect(held?["reason"].string?.contains("too low") == true)
            world.clock.advance(by: .seconds(3601))
            try await world.settle()
            #expect(world.stripe.asked(reversals).map { $0.form["amount"] } == ["10000", "10000"])
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.balance("seller:\(sale.seller):funds") == 0)
        }
    }

    @Test("two at one moment never exceed the payment")
    func twoAtOnce() async throws {
        try await OrdersWorld.run { world in
            for _ in 1...5 {
                let sale = try await world.paidOrder()
                async let one = world.refund(sale, #"{"amount":6000}"#)
                async let other = world.refund(sale, #"{"amount":6000}"#)
                let answers = [try await one, try await other]
                #expect(answers.map(\.status).sorted() == [201, 400], "\(answers)")
                #expect(answers.contains { $0.code == "amount_too_large" })
                try await world.settle()
                #expect(try await world.get("/v1/orders/\(sale.id)").json["amount_refunded"].int == 6000)
            }
        }
    }

    @Test("Stripe's event comes before its answer is read: one row, booked once")
    func eventFirst() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            world.stripe.change { $0.isAway = true }
            let waiting = try await world.refund(sale, #"{"amount":4000}"#)
            #expect(waiting.status == 201, "\(waiting.text)")
            #expect(waiting.json["status"].string == "requested")
            #expect(waiting.json["operations"].array?.first?["state"].string == "sent")
            #expect(try await world.get("/v1/orders/\(sale.id)").json["amount_refunded"].int == 0)
            // It counts against what remains although Stripe has not answered.
            #expect(try await world.refund(sale, #"{"amount":7000}"#).code == "amount_too_large")
            let operation = try #require(waiting.json["operations"].array?.first?["id"].string)
            world.stripe.change {
                $0.isAway = false
                $0.intents[sale.intent]?.charge?.refunds.append(.init(id: "re_x", amount: 4000, operation: operation))
            }
            try await world.tell("refund.created", about: sale.intent)
            let id = try #require(waiting.json["id"].string)
            let told = try await world.get("/v1/refunds/\(id)")
            #expect(told.json["status"].string == "succeeded")
            #expect(told.json["stripe_refund"].string == "re_x")
            #expect(try await world.store.query("SELECT 1 FROM refunds").count == 1)
            #expect(try await world.entries("refund:") == 1)
            #expect(try await world.get("/v1/orders/\(sale.id)").json["amount_refunded"].int == 4000)
        }
    }

    @Test(
        "sent back by the bank: nobody pays twice for it, whether it is given up, paid otherwise or refunded at Stripe")
    func failedAtTheBank() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let id = try await world.failedRefund(of: sale)
            #expect(try await world.get("/v1/refunds/\(id)").json["settlement"].string == "due")
            #expect(try await world.balance("buyer:refunds_due") == 2500)
            #expect(try await world.status(sale.id) == "paid")
            // What failed cannot be refunded again before it is settled.
            #expect(try await world.refund(sale, #"{"amount":7501}"#).code == "amount_too_large")
            let settled = try await world.post(
                "/v1/refunds/\(id)/settle", #"{"outcome":"given_up","reason":"the buyer kept the table"}"#)
            #expect(settled.status == 200, "\(settled.text)")
            #expect(settled.json["settlement"].string == "given_up")
            #expect(try await world.balance("buyer:refunds_due") == 0)
            #expect(try await world.balance("revenue:application_fees") == 1000)
            // Taken from the seller already, and owed to them now.
            #expect(try await world.balance("seller:\(sale.seller):receivable") == -2250)
            let outcomes: [(String, String?)] = [("given_up", nil), ("paid_otherwise", "illegal_transition")]
            for (outcome, code) in outcomes {
                let again = try await world.post(
                    "/v1/refunds/\(id)/settle", #"{"outcome":"\#(outcome)","reason":"x"}"#)
                #expect(again.code == code, "\(again.text)")
            }
            // Refunded anew: the seller has paid for it already.
            let before = world.stripe.returns.count
            #expect(try await world.refund(sale, #"{"amount":2500}"#).status == 201)
            try await world.settle()
            #expect(world.stripe.returns.dropFirst(before) == ["POST /v1/refunds 2500"])
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.balance("seller:\(sale.seller):funds") == 6750)
            #expect(try await world.balance("revenue:application_fees") == 750)
            let audit = try await world.store.query("SELECT 1 FROM audit_log WHERE action = 'refund.settle'")
            #expect(audit.count == 1)

            let other = try await world.paidOrder()
            let paid = try await world.failedRefund(of: other)
            _ = try await world.post(
                "/v1/refunds/\(paid)/settle", #"{"outcome":"paid_otherwise","reason":"wired on Tuesday"}"#)
            #expect(try await world.balance("buyer:refunds_due") == 0)
            #expect(try await world.balance("bank:platform") == -2500)
            #expect(try await world.refund(other).json["amount"].int == 7500)

            // Support staff refund it again at Stripe: that pays the debt, and debits nobody anew.
            let third = try await world.paidOrder()
            let replaced = try await world.failedRefund(of: third)
            world.stripe.change {
                $0.intents[third.intent]?.charge?.refunds.append(.init(id: "re_again", amount: 2500, created: 4000))
            }
            try await world.tell("charge.refunded", about: third.intent)
            #expect(try await world.get("/v1/refunds/\(replaced)").json["settlement"].string == "given_up")
            #expect(try await world.balance("buyer:refunds_due") == 0)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 0)
            #expect(try await world.get("/v1/orders/\(third.id)").json["amount_refunded"].int == 2500)
        }
    }

    @Test("paid otherwise, and then the bank takes the payment back: what the buyer has twice is the platform's loss")
    func paidOtherwiseAndTakenBack() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            let id = try await world.failedRefund(of: sale)
            _ = try await world.post(
                "/v1/refunds/\(id)/settle", #"{"outcome":"paid_otherwise","reason":"wired on Tuesday"}"#)
            world.stripe.change { $0.intents[sale.intent]?.charge?.status = "failed" }
            try await world.tell("charge.failed", about: sale.intent)
            try await world.tell("charge.failed", about: sale.intent)
            #expect(try await world.status(sale.id) == "failed_after_payment")
            #expect(try await world.balance("clearing:charge") == 0, "all of it has gone back")
            #expect(try await world.balance("loss:refunds") == 2500)
            #expect(try await world.balance("bank:platform") == -2500)
            #expect(try await world.balance("buyer:refunds_due") == 0)
            #expect(try await world.balance("revenue:application_fees") == 0)
            #expect(try await world.balance("seller:\(sale.seller):receivable") == 6750)
            #expect(try await world.balance("seller:\(sale.seller):funds") == 6750)
        }
    }

    @Test("a canceled refund is turned round once, and what it took can be refunded again")
    func canceled() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            world.stripe.change { stripe in
                stripe.interventions["POST /v1/application_fees/fee_\(sale.charge)/refunds"] = { stripe in
                    stripe.intents[sale.intent]?.charge?.refunds[0].status = "canceled"
                }
            }
            let id = try #require(try await world.refund(sale, #"{"amount":3000}"#).json["id"].string)
            try await world.runWorker()
            try await world.tell("refund.updated", about: sale.intent)
            try await world.tell("refund.updated", about: sale.intent)
            try await world.settle()
            #expect(try await world.get("/v1/refunds/\(id)").json["status"].string == "canceled")
            #expect(try await world.entries("refund_canceled:") == 1)
            #expect(try await world.status(sale.id) == "paid")
            #expect(try await world.balance("revenue:application_fees") == 1000)
            #expect(try await world.refund(sale).json["amount"].int == 10_000)
        }
    }

    @Test("made at Stripe while Souk's own claims the same money: booked when that one has ended")
    func besideTheDashboard() async throws {
        try await OrdersWorld.run { world in
            let sale = try await world.paidOrder()
            world.stripe.change { $0.isAway = true }
            #expect(try await world.refund(sale, #"{"amount":9000}"#).status == 201)
            world.stripe.change {
                $0.isAway = false
                $0.intents[sale.intent]?.charge?.refunds.append(.init(id: "re_d", amount: 5000))
            }
            await #expect(throws: (any Error).self) { try await world.tell("charge.refunded", about: sale.intent) }
            world.stripe.change { $0.refusals["POST /v1/refunds"] = "amount_too_large" }
            world.clock.advance(by: .seconds(60))
            try await world.settle()
            try await world.tell("charge.refunded", about: sale.intent)
            #expect(try await world.get("/v1/orders/\(sale.id)").json["amount_refunded"].int == 5000)
            #expect(try await world.refund(sale).json["amount"].int == 5000)
        }
    }
}

/// A paid order of 100.00, or more with a line of tax, of which 10 % are the platform's.
struct PaidOrder: Sendable {
    let id: String
    let seller: String
    let intent: String
    let charge: String
}

extension OrdersWorld {
    func paidOrder(extraLine: String? = nil) async throws -> PaidOrder {
        var (order, id) = try await placeOrder()
        if extraLine != nil {
            let seller = try #require(order.json["seller"].string)
            order = try await post(
                "/v1/orders",
                """
                {"currency":"usd","lines":[{"seller":"\(seller)","description":"Oak table","unit_amount":10000},
                 {"type":"tax","unit_amount":800}]}
                """)
            id = try #require(order.json["id"].string, "\(order.text)")
        }
        let intent = try await pay(order)
        complete(intent)
        try await tell("payment_intent.succeeded", about: intent)
        let charge = stripe.change { $0.intents[intent]?.charge?.id ?? "" }
        return PaidOrder(
            id: id, seller: try #require(order.json["seller"].string), intent: intent, charge: charge)
    }

    func refund(_ order: PaidOrder, _ body: String = "{}") async throws -> Answer {
        try await post("/v1/orders/\(order.id)/refunds", body)
    }

    /// A refund of 25.00, taken from everyone, that the bank has sent back.
    func failedRefund(of order: PaidOrder) async throws -> String {
        let made = try await refund(order, #"{"amount":2500}"#)
        try await settle()
        stripe.change { $0.intents[order.intent]?.charge?.refunds[0].status = "failed" }
        try await tell("refund.failed", about: order.intent)
        return try #require(made.json["id"].string, "\(made.text)")
    }

    func runWorker() async throws { _ = try await worker.workOnDue() }

    /// Lets the workers do what is due, until nothing is.
    func settle() async throws {
        for _ in 1...20 where try await worker.workOnDue() > 0 {}
    }
}

extension ScriptedStripe {
    /// What Stripe was asked to give back, in order, with the amounts.
    var returns: [String] {
        asked.filter { $0.line.hasPrefix("POST") && ($0.line.hasSuffix("/refunds") || $0.line.hasSuffix("/reversals")) }
            .map { "\($0.line) \($0.form["amount"] ?? "whole")" }
    }
}
