import App
import Domain
import Foundation
import Postgres
import TestSupport

extension World {
    /// Does something that can be done now, perhaps with a fault around it.
    func step() async throws {
        var choices = Step.allCases.flatMap { Array(repeating: $0, count: $0.weight) }
        while let step = pick(choices) {
            if try await take(step, fault: chance(25) ? pick(Fault.allCases) : nil) { return }
            choices.removeAll { $0 == step }
        }
        throw Failure("nothing can happen any more")
    }

    /// - Returns: false if there is nothing that this could happen to.
    @discardableResult
    func take(_ step: Step, fault: Fault? = nil) async throws -> Bool {
        // A reconciliation in which Stripe fails has nothing to say.
        let fault = step == .reconcile || step == .repairDifference ? nil : fault
        note("step: \(step.rawValue)\(fault.map { ", and \($0.rawValue)" } ?? "")")
        if let fault { try await begin(fault) }
        let isDone = try await perform(step)
        if let fault { try await end(fault) }
        guard isDone else { return false }
        try await settle()
        tally.count(step.rawValue, in: "steps")
        return true
    }

    // MARK: Faults

    private func begin(_ fault: Fault) async throws {
        let (post, get) = ("POST /v1/*", "GET /v1/*")
        func rule(_ match: String, _ rate: String, _ more: [String: JSON]) -> JSON {
            .object(["match": .string(match), "rate": .number(rate)].merging(more) { $1 })
        }
        func rules(_ more: [String: JSON]) -> JSON { [rule(post, "0.35", more), rule(get, "0.05", more)] }
        var plan: [String: JSON] = ["seed": .int(number(1...1_000_000))]
        switch fault {
        case .dropAnswer: plan["rules"] = rules(["kind": "drop_answer"])
        case .rateLimit: plan["rules"] = rules(["kind": "status", "status": 429])
        case .conflict: plan["rules"] = [rule(post, "0.35", ["kind": "status", "status": 409])]
        case .serverError: plan["rules"] = rules(["kind": "status", "status": 500])
        case .errorAfterEffect:
            plan["rules"] = [rule(post, "0.35", ["kind": "status", "status": 500, "after_effect": true])]
        case .doubledEvents: plan["webhooks"] = ["duplicate": .number("0.5")]
        case .reorderedEvents: plan["webhooks"] = ["reorder": .number("0.3")]
        case .lostEvents: plan["webhooks"] = ["lose": .number("0.5")]
        case .killedWorkers: return
        }
        _ = try await souk.control("PUT", "/faults", .object(plan)).expecting(200)
    }

    private func end(_ fault: Fault) async throws {
        if fault == .killedWorkers {
            for _ in 0..<2 {
                _ = try await souk.control("POST", "/settle").expecting(200)
                try await killWorkers(after: .microseconds(number(0...8000)))
            }
            return
        }
        try await settle()
        let struck = try await souk.control("GET", "/faults").expecting(200)["struck"].array ?? []
        _ = try await souk.control("DELETE", "/faults").expecting(200)
        let strikes = struck.compactMap(\.int).reduce(0, +)
        switch fault {
        case .doubledEvents, .reorderedEvents: tally.count(fault.rawValue, in: "faults met")
        case .lostEvents:
            // The sweep leaves events alone that may still be on their way.
            try await advance(milliseconds: 61_000)
            tally.count(fault.rawValue, in: "faults met", by: try await workers.sweep())
        default: tally.count(fault.rawValue, in: "faults met", by: strikes)
        }
    }

    // MARK: Steps

    /// - Returns: false if there is nothing that this could happen to.
    private func perform(_ step: Step) async throws -> Bool {
        switch step {
        case .createSeller: return try await createSeller()
        case .onboardComplete: return try await onboard("complete")
        case .onboardPending: return try await onboard("pending")
        case .onboardPartial: return try await onboard("partial")
        case .onboardRejected: return chance(30) ? try await onboard("rejected") : false
        case .defaultPolicy: return try await makePolicy(["scope": "default"])
        case .sellerPolicy:
            guard let seller = pick(try await sellers()) else { return false }
            return try await makePolicy(["scope": "seller", "seller": .string(seller.id)])
        case .categoryPolicy: return try await makePolicy(["scope": "category", "category": .string(category())])
        case .orderByCheckout: return try await placeOrder(payment: "checkout")
        case .orderByIntent: return try await placeOrder(payment: "payment_intent")
        case .orderWithManualCapture:
            return try await placeOrder(payment: chance(50) ? "checkout" : "payment_intent", capture: "manual")
        case .orderWithManyLines: return try await placeOrder(payment: "checkout", lineCount: number(101...130))
        case .orderOfSeveralSellers: return try await placeSeparateOrder()
        case .releaseWhole: return try await release { _, _ in [:] }
        case .releaseSeller:
            return try await release { world, lines in
                world.pick(lines).map { ["seller": .string($0.seller)] }
            }
        case .releaseLines:
            return try await release { world, lines in
                let chosen = lines.shuffled(using: &world.random).prefix(world.number(1...max(1, lines.count)))
                return chosen.isEmpty ? nil : ["lines": .array(chosen.map { .string($0.id) })]
            }
        case .holdSeller, .liftHold:
            guard let seller = pick(try await sellers().filter { $0.status == "active" }) else { return false }
            let held = step == .holdSeller
            return try await call(
                "POST", "/v1/sellers/\(seller.id)/hold",
                held ? ["held": true, "reason": "a look at the papers"] : ["held": false]
            ).status == 200
        case .payAccepted:
            return try await pay([
                "pm_card_visa", "pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_bypassPending",
                "pm_card_pendingRefund", "pm_card_refundFail", "pm_card_createIssuerFraudRecord",
            ])
        case .payDeclined:
            return try await pay([
                "pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds",
                "pm_card_chargeDeclinedExpiredCard",
                "pm_card_chargeDeclinedProcessingError", "pm_card_radarBlock",
            ])
        case .payWithAuthentication:
            return try await pay(["pm_card_threeDSecure2Required", "pm_card_authenticationRequired"])
        case .passAuthentication: return try await authenticate("succeed")
        case .failAuthentication: return try await authenticate("fail")
        case .newTry:
            return try await act("payment", on: ["payment_failed", "expired", "requires_action", "awaiting_payment"])
        case .expirePage:
            guard let order = try await order(in: ["awaiting_payment", "payment_failed"], where: \.hasPage),
                let session = order.session
            else { return false }
            return try await control("/checkout/sessions/\(session)/expire").status == 200
        case .authorizationRunsOut:
            guard try await order(in: ["authorized"]) != nil else { return false }
            try await advance(milliseconds: 7 * 86_400_000 + 60_000)
            return true
        case .capture: return try await act("capture", on: ["authorized"])
        case .captureLess: return try await captureLess()
        case .cancel:
            return try await act(
                "cancel", on: ["awaiting_payment", "requires_action", "payment_failed", "expired", "authorized"])
        case .payAfterCancel: return try await payAfterCancel()
        case .refund: return try await refundRest()
        case .refundAmount: return try await refundAmount()
        case .refundLines: return try await refundLines()
        case .refundTwice: return try await refundTwice()
        case .refundFailsAtBank: return try await failRefund()
        case .settleRefund: return try await settleRefund()
        case .cancelRefund: return try await cancelRefund()
        case .reverseOnRequest: return try await reverseOnRequest()
        case .disputeCharge: return try await disputeCharge()
        case .endDispute: return try await endDispute()
        case .appealDispute: return try await appealDispute()
        case .warnOfFraud: return try await warnOfFraud()
        case .releaseFraudHold: return try await releaseFraudHold()
        case .refundWhole: return try await refund(whole: true)
        case .refundPart: return try await refund(whole: false)
        case .refundInThree:
            guard let charge = try await refundableCharge(), let id = charge["id"].string, rest(charge) > 0 else {
                return false
            }
            guard try await stripe("/v1/refunds", [("charge", id), ("amount", String(number(1...rest(charge))))])
            else { return false }
            _ = try await reverse(charge)
            _ = try await refundFee(of: charge)
            return true
        case .reverseAlone:
            guard let charge = try await refundableCharge() else { return false }
            return try await reverse(charge)
        case .refundFeeAlone:
            guard let charge = try await refundableCharge() else { return false }
            return try await refundFee(of: charge)
        case .advanceHours:
            try await advance(milliseconds: Int64(number(1...30)) * 3_600_000)
            return true
        case .advanceDays:
            try await advance(milliseconds: Int64(number(2...9)) * 86_400_000)
            return true
        case .payoutOnRequest: return try await payOut()
        case .payoutSchedule: return try await changeSchedule()
        case .payoutFailsBeforePaid: return try await failPayout(in: ["pending", "in_transit"], afterPaid: false)
        case .payoutFailsAfterPaid: return try await failPayout(in: ["pending", "in_transit", "paid"], afterPaid: true)
        case .changeBank: return try await changeBank()
        case .changeAccount: return try await changeAccount()
        case .debitBank: return try await debitBank()
        case .nettingPolicy:
            var policy: [String: JSON] = ["percent_bps": .int(pick([0, 10_000, number(1...9999)]) ?? 0)]
            if chance(50), let seller = pick(try await sellers()) { policy["seller"] = .string(seller.id) }
            return try await call("POST", "/v1/admin/netting_policies", .object(policy)).status == 201
        case .setReserve:
            guard let seller = pick(try await sellers()) else { return false }
            // All of a share, and the smallest part of it, come up often.
            let reserve: JSON = [
                "basis_points": .int(pick([1, 10_000, number(1...10_000), number(500...3000)]) ?? 1),
                // A world lives some weeks: short ones come to their date in it.
                "days": .int(pick([1, 2, number(1...12)]) ?? 1),
            ]
            return try await call("POST", "/v1/sellers/\(seller.id)/reserve", reserve).status == 200
        case .removeReserve:
            guard let seller = pick(try await sellers()) else { return false }
            return try await call("POST", "/v1/sellers/\(seller.id)/reserve", ["basis_points": 0]).status == 200
        case .writeOff:
            let debts = try await call("GET", "/v1/receivables")["data"].array ?? []
            guard let debt = pick(debts), let seller = debt["seller"].string else { return false }
            return try await call(
                "POST", "/v1/sellers/\(seller)/write_off", ["currency": debt["currency"], "reason": "given up"]
            ).status == 201
        case .adjustSeller: return try await adjustSeller()
        case .fundPlatform:
            return try await stripe(
                "/v1/topups",
                [("amount", String(number(1000...50_000))), ("currency", pick(["usd", "eur"]) ?? "usd")])
        case .limitMoneyOut: return try await limitMoneyOut()
        case .decideMoneyOut: return try await decideMoneyOut()
        case .holdMoneyOut, .letMoneyOut:
            let isHeld = try await !query("SELECT 1 FROM money_out_switch WHERE held_at IS NOT NULL").isEmpty
            guard isHeld == (step == .letMoneyOut) else { return false }
            let word = step == .holdMoneyOut ? "hold" : "release"
            return try await call("POST", "/v1/admin/money_out/\(word)", ["reason": "a look at it all"]).status == 200
        case .reconcile: return try await reconcile()
        case .repairDifference: return try await repairDifference()
        case .badRequest: return try await makeBadRequest()
        }
    }

    // MARK: Sellers and policies

    struct SellerView {
        let id: String
        let account: String?
        let country: String
        let status: String
    }

    func sellers() async throws -> [SellerView] {
        try await query("SELECT id, stripe_account, country, status FROM sellers ORDER BY created_at, external_id").map
        {
            SellerView(
                id: try $0.get("id"), account: try $0.get("stripe_account"), country: try $0.get("country"),
                status: try $0.get("status"))
        }
    }

    private func createSeller() async throws -> Bool {
        guard try await sellers().count < 5 else { return false }
        let name = newName("shop")
        let answer = try await call(
            "POST", "/v1/sellers",
            [
                "external_id": .string(name), "email": .string("\(name)@example.com"),
                "country": .string(pick(["US", "US", "DE", "JP", "GB"]) ?? "US"),
                "business_type": .string(chance(50) ? "individual" : "company"),
            ])
        return answer.status == 201
    }

    private func onboard(_ outcome: String) async throws -> Bool {
        let open = try await sellers().filter {
            $0.status != "rejected" && (outcome != "complete" || $0.status != "active")
        }
        guard let account = pick(open)?.account else { return false }
        return try await control("/accounts/\(account)/onboard", ["outcome": .string(outcome)]).status == 200
    }

    static let currencies = ["usd", "usd", "eur", "jpy", "kwd"]

    private func category() -> String { pick(["home", "garden", "toys"]) ?? "home" }

    private func step(of currency: String) -> Int { Int(Currency(currency)?.rule.chargeStep ?? 1) }

    private func makePolicy(_ scope: [String: JSON]) async throws -> Bool {
        let currency = pick(Self.currencies) ?? "usd"
        let unit = step(of: currency)
        var policy = scope
        policy["currency"] = .string(currency)
        // The bounds themselves come up often.
        policy["percent_bps"] = .int(pick([0, 1, 3333, 10_000, number(0...4000), number(0...4000)]) ?? 0)
        if chance(50) { policy["fixed"] = .int(number(0...500) * unit) }
        if chance(30) { policy["minimum"] = .int(number(0...300) * unit) }
        if chance(30) { policy["maximum"] = .int(number(300...2000) * unit) }
        return try await call("POST", "/v1/fee_policies", .object(policy)).status == 201
    }

    // MARK: Orders

    struct OrderView {
        let id: String
        let status: String
        let currency: String
        let session: String?
        let intent: String?
        let charge: String?
        let isPayable: Bool

        var hasPage: Bool { isPayable && session != nil }
    }

    func orders() async throws -> [OrderView] {
        try await query(
            """
            SELECT id, status, currency, checkout_session, payment_intent, charge_id, payable = 'open' AS is_payable
            FROM orders ORDER BY created_at, external_id
            """
        ).map {
            OrderView(
                id: try $0.get("id"), status: try $0.get("status"), currency: try $0.get("currency"),
                session: try $0.get("checkout_session"), intent: try $0.get("payment_intent"),
                charge: try $0.get("charge_id"), isPayable: try $0.get("is_payable"))
        }
    }

    private func order(
        in statuses: Set<String>, where condition: (OrderView) -> Bool = { _ in true }
    ) async throws -> OrderView? {
        pick(try await orders().filter { statuses.contains($0.status) && condition($0) })
    }

    private func line(_ type: String, _ amount: Int, seller: String?, more: [String: JSON] = [:]) -> JSON {
        var line: [String: JSON] = ["type": .string(type), "unit_amount": .int(amount)]
        if let seller { line["seller"] = .string(seller) }
        return .object(line.merging(more) { $1 })
    }

    /// An order of one seller with any mixture of lines.
    private func lines(_ seller: String, unit: Int, count: Int?) -> JSON {
        var lines: [JSON] = []
        for _ in 0..<(count ?? number(1...3)) {
            lines.append(
                line(
                    "item", number(100...(count == nil ? 20_000 : 400)) * unit, seller: seller,
                    more: ["quantity": .int(number(1...3)), "category": .string(category())]))
        }
        if chance(40) { lines.append(line("shipping", number(0...900) * unit, seller: chance(70) ? seller : nil)) }
        if chance(40) { lines.append(line("tax", number(0...3000) * unit, seller: nil)) }
        if chance(20) {
            lines.append(line("tip", number(1...500) * unit, seller: seller, more: ["fee_applies": .bool(chance(30))]))
        }
        if chance(25) {
            lines.append(
                line(
                    "discount", -number(0...90) * unit, seller: seller,
                    more: ["funded_by": .string(chance(50) ? "seller" : "platform")]))
        }
        if chance(15) { lines.append(line("item", number(1...3000) * unit, seller: nil)) }
        // A third party's share makes it separate charges.
        if chance(2) { lines.append(line("share", 100 * unit, seller: seller)) }
        return .array(lines.shuffled(using: &random))
    }

    /// An order whose sellers get their shares by transfers: several sellers, or one who is paid later.
    private func placeSeparateOrder() async throws -> Bool {
        let ready = try await sellers().filter { $0.status == "active" }.shuffled(using: &random)
        guard !ready.isEmpty else { return false }
        let currency = pick(Self.currencies) ?? "usd"
        let unit = step(of: currency)
        var lines: [JSON] = []
        for seller in ready.prefix(number(1...ready.count)) {
            for _ in 0..<number(1...3) {
                // The smallest share there is comes up often.
                let amount = chance(20) ? 1 : number(100...20_000)
                lines.append(
                    line("item", amount * unit, seller: seller.id, more: ["category": .string(category())]))
            }
            if chance(30) { lines.append(line("shipping", number(0...900) * unit, seller: seller.id)) }
            if chance(30) { lines.append(line("discount", -number(1...90) * unit, seller: seller.id)) }
            if chance(20) { lines.append(line("share", number(1...500) * unit, seller: seller.id)) }
            if chance(20) { lines.append(line("tip", number(1...500) * unit, seller: seller.id)) }
        }
        if chance(40) { lines.append(line("tax", number(0...3000) * unit, seller: nil)) }
        if chance(20) { lines.append(line("discount", -number(1...90) * unit, seller: nil)) }
        if chance(15) { lines.append(line("item", number(1...3000) * unit, seller: nil)) }
        let release: JSON =
            switch number(0...2) {
            case 0: ["on": "payment"]
            case 1: ["on": "fulfilment"]
            default: ["on": "delay", "days": .int(number(1...10))]
            }
        return try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(newName("order")), "currency": .string(currency), "charge_shape": "separate",
                "dispute_bearer": .string(chance(50) ? "seller" : "platform"),
                "payment": .string(chance(50) ? "checkout" : "payment_intent"), "release": release,
                "capture": .string(chance(10) ? "manual" : "automatic"),
                "lines": .array(lines.shuffled(using: &random)),
            ]
        ).status == 201
    }

    /// Lets go of shares of a paid order; what has gone already is refused.
    private func release(_ choose: (World, [(id: String, seller: String)]) -> JSON?) async throws -> Bool {
        let orders = try await query(
            """
            SELECT id FROM orders WHERE charge_shape = 'separate' AND status IN ('paid', 'partially_refunded')
                AND EXISTS (
                    SELECT 1 FROM order_lines l WHERE l.order_id = orders.id AND l.seller_minor <> 0
                        AND l.seller_id IS NOT NULL AND (l.released_at IS NULL OR l.released_at > now()))
            ORDER BY created_at, external_id
            """)
        guard let order: String = try pick(orders)?.get("id") else { return false }
        let lines = try await query(
            """
            SELECT id, seller_id FROM order_lines
            WHERE order_id = \(order) AND seller_minor <> 0 AND seller_id IS NOT NULL ORDER BY position
            """
        ).map { (id: try $0.get("id", as: String.self), seller: try $0.get("seller_id", as: String.self)) }
        guard let body = choose(self, lines) else { return false }
        return try await call("POST", "/v1/orders/\(order)/release", body).status == 201
    }

    private func placeOrder(payment: String, capture: String = "automatic", lineCount: Int? = nil) async throws -> Bool
    {
        let all = try await sellers()
        let ready = all.filter { $0.status == "active" }
        // Now and then for a seller who cannot be charged for: refused.
        guard let seller = pick(chance(95) ? ready : all) else { return false }
        let currency = pick(Self.currencies) ?? "usd"
        let name = newName("order")
        return try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(name), "currency": .string(currency), "payment": .string(payment),
                "dispute_bearer": .string(chance(50) ? "seller" : "platform"), "capture": .string(capture),
                "buyer": ["external_id": "buyer-1", "email": "buyer@example.com"],
                "lines": lines(seller.id, unit: step(of: currency), count: lineCount),
            ]
        ).status == 201
    }

    private func act(_ action: String, on statuses: Set<String>) async throws -> Bool {
        guard let order = try await order(in: statuses) else { return false }
        note("\(action) of an order that is \(order.status)")
        return try await call("POST", "/v1/orders/\(order.id)/\(action)", [:]).status == 200
    }

    /// Any part of it; one whose discounts the fee does not bear any more is refused.
    private func captureLess() async throws -> Bool {
        guard let order = try await order(in: ["authorized"]) else { return false }
        let unit = step(of: order.currency)
        let seen = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)
        let part = number(1...max(1, (seen["amount"].int ?? 0) / unit)) * unit
        return try await call("POST", "/v1/orders/\(order.id)/capture", ["amount": .int(part)]).status == 200
    }

    private func pay(_ methods: [String]) async throws -> Bool {
        let waiting: Set<String> = ["awaiting_payment", "payment_failed", "requires_action"]
        guard let order = try await order(in: waiting, where: \.isPayable) else { return false }
        let method: JSON = ["payment_method": .string(pick(methods) ?? "pm_card_visa")]
        if let session = order.session {
            return try await control("/checkout/sessions/\(session)/pay", method).status < 500
        }
        guard let intent = order.intent else { return false }
        return try await control("/payment_intents/\(intent)/pay", method).status < 500
    }

    private func authenticate(_ outcome: String) async throws -> Bool {
        guard let order = try await order(in: ["requires_action"]), let intent = order.intent else { return false }
        return try await control("/payment_intents/\(intent)/authenticate", ["outcome": .string(outcome)]).status == 200
    }

    /// The answer with the payment's address is lost, the order is canceled meanwhile, and the buyer pays all the same.
    private func payAfterCancel() async throws -> Bool {
        guard let seller = pick(try await sellers().filter({ $0.status == "active" })) else { return false }
        let plan: JSON = [
            "rules": [["match": "POST /v1/payment_intents", "kind": "drop_answer", "rate": 1, "times": 1]]
        ]
        _ = try await souk.control("PUT", "/faults", plan).expecting(200)
        let currency = pick(Self.currencies) ?? "usd"
        let placed = try await call(
            "POST", "/v1/orders",
            [
                "external_id": .string(newName("order")), "currency": .string(currency), "payment": "payment_intent",
                "lines": lines(seller.id, unit: step(of: currency), count: nil),
            ])
        _ = try await souk.control("DELETE", "/faults").expecting(200)
        guard placed.status == 201 else { return false }
        let id = try placed.string("id")
        try await call("POST", "/v1/orders/\(id)/cancel", [:])
        let made = try await souk.control("GET", "/objects?souk_order=\(id)").expecting(200)["data"].array ?? []
        guard let intent = made.first(where: { $0["object"].string == "payment_intent" })?["id"].string else {
            throw Failure("the payment intent of \(id) is not at Stripe")
        }
        return try await control("/payment_intents/\(intent)/pay", ["payment_method": "pm_card_visa"]).status == 200
    }

    // MARK: Refunds

    private func paidOrder() async throws -> OrderView? { try await order(in: ["paid", "partially_refunded"]) }

    /// Asks first what it would do, and keeps that beside the refund.
    private func refund(_ order: OrderView, _ body: JSON) async throws -> Bool {
        let preview = try await call("POST", "/v1/orders/\(order.id)/refunds/preview", body)
        let made = try await call("POST", "/v1/orders/\(order.id)/refunds", body)
        // Between the two Stripe may have let Souk know of something.
        guard made.status == 201 else { return false }
        guard preview.status == 200 else { throw Failure("a refund was made whose preview was refused: \(preview)") }
        previews[try made.string("id")] = preview.json
        return true
    }

    private func refundRest() async throws -> Bool {
        guard let order = try await paidOrder() else { return false }
        return try await refund(order, [:])
    }

    /// Now and then more than there is.
    private func refundAmount() async throws -> Bool {
        guard let order = try await paidOrder() else { return false }
        let seen = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)
        let unit = step(of: order.currency)
        let rest = ((seen["amount_captured"].int ?? 0) - (seen["amount_refunded"].int ?? 0)) / unit
        guard rest > 0 else { return false }
        return try await refund(order, ["amount": .int((chance(95) ? number(1...rest) : rest + 1) * unit)])
    }

    private func refundLines() async throws -> Bool {
        guard let order = try await paidOrder() else { return false }
        let seen = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)
        let unit = step(of: order.currency)
        var lines: [JSON] = []
        for line in seen["lines"].array ?? [] {
            let rest = ((line["amount"].int ?? 0) - (line["amount_refunded"].int ?? 0)) / unit
            guard rest > 0, let id = line["id"].string, chance(60) || lines.isEmpty else { continue }
            var asked: [String: JSON] = ["line": .string(id)]
            if chance(60) { asked["amount"] = .int(number(1...rest) * unit) }
            lines.append(.object(asked))
        }
        guard !lines.isEmpty else { return false }
        return try await refund(order, ["lines": .array(lines)])
    }

    /// Each alone would fit, and often not both.
    private func refundTwice() async throws -> Bool {
        guard let order = try await paidOrder() else { return false }
        let seen = try await souk.call("GET", "/v1/orders/\(order.id)").expecting(200)
        let unit = step(of: order.currency)
        let rest = ((seen["amount_captured"].int ?? 0) - (seen["amount_refunded"].int ?? 0)) / unit
        guard rest > 0 else { return false }
        let bodies: [JSON] = [
            ["amount": .int(number(1...rest) * unit)], ["amount": .int(number(1...rest) * unit)],
        ]
        let (souk, path) = (souk, "/v1/orders/\(order.id)/refunds")
        async let one = souk.call("POST", path, bodies[0])
        async let other = souk.call("POST", path, bodies[1])
        let answers = [try await one, try await other]
        note("two at once: \(bodies.map(\.text)) -> \(answers.map(\.status))")
        for answer in answers where ![201, 400, 409, 422].contains(answer.status) {
            throw Failure("a refund at the same moment as another: \(answer)")
        }
        return answers.contains { $0.status == 201 }
    }

    private func failRefund() async throws -> Bool {
        let rows = try await query(
            "SELECT stripe_id FROM refunds WHERE status IN ('succeeded', 'pending') ORDER BY created_at, stripe_id")
        guard let refund: String = try pick(rows)?.get("stripe_id") else { return false }
        return try await control("/refunds/\(refund)/fail").status == 200
    }

    private func settleRefund() async throws -> Bool {
        let rows = try await query(
            """
            SELECT id FROM refunds WHERE status = 'failed' AND stripe_id IS NOT NULL AND settlement IS NULL
            ORDER BY created_at, stripe_id
            """)
        guard let refund: String = try pick(rows)?.get("id") else { return false }
        let outcome = chance(50) ? "paid_otherwise" : "given_up"
        return try await call(
            "POST", "/v1/refunds/\(refund)/settle", ["outcome": .string(outcome), "reason": "agreed with the buyer"]
        ).status == 200
    }

    private func cancelRefund() async throws -> Bool {
        let rows = try await query(
            "SELECT stripe_id FROM refunds WHERE status = 'pending' ORDER BY created_at, stripe_id")
        guard let refund: String = try pick(rows)?.get("stripe_id") else { return false }
        return try await control("/refunds/\(refund)/cancel").status == 200
    }

    /// Part of it, all that is left, or now and then more.
    private func reverseOnRequest() async throws -> Bool {
        let rows = try await query(
            """
            SELECT t.id, t.currency, t.amount_minor - t.amount_reversed_minor AS left_minor
            FROM transfers t JOIN orders o ON o.id = t.order_id AND o.charge_shape = 'separate'
            WHERE t.state = 'paid' ORDER BY t.made_at, t.stripe_id
            """)
        guard let row = pick(rows) else { return false }
        let (id, left): (String, Int64) = (try row.get("id"), try row.get("left_minor"))
        let amount = chance(20) ? Int(left) + 1 : number(1...max(1, Int(left)))
        let body: JSON = chance(20) ? [:] : ["amount": .int(amount), "external_id": .string(newName("reversal"))]
        return try await call("POST", "/v1/transfers/\(id)/reversals", body).status == 201
    }

    // MARK: Disputes

    /// Wholly or a part, as a chargeback or an inquiry; also a charge that was refunded in part before.
    private func disputeCharge() async throws -> Bool {
        guard let order = try await paidOrder(), let charge = order.charge else { return false }
        let whole = try await stripeObject("/v1/charges/\(charge)")["amount_captured"].int ?? 0
        var terms: [String: JSON] = ["reason": "product_not_received"]
        if chance(50) { terms["amount"] = .int(number(1...max(1, whole))) }
        if chance(25) { terms["inquiry"] = true }
        return try await control("/charges/\(charge)/dispute", .object(terms)).status == 200
    }

    private func endDispute() async throws -> Bool {
        let open = try await disputes(in: ["needs_response", "under_review", "warning_needs_response"])
        guard let (dispute, status) = pick(open) else { return false }
        let outcomes = status.hasPrefix("warning") ? ["closed", "escalate"] : ["won", "lost"]
        return try await control("/disputes/\(dispute)/resolve", ["outcome": .string(pick(outcomes) ?? "lost")]).status
            == 200
    }

    private func appealDispute() async throws -> Bool {
        guard let (dispute, _) = pick(try await disputes(in: ["lost"])) else { return false }
        return try await control("/disputes/\(dispute)/resolve", ["outcome": "won"]).status == 200
    }

    private func disputes(in statuses: [String]) async throws -> [(id: String, status: String)] {
        try await query(
            "SELECT stripe_id, status FROM disputes WHERE status = ANY (\(statuses)) ORDER BY created_at, stripe_id"
        ).map { (try $0.get("stripe_id"), try $0.get("status")) }
    }

    // MARK: Warnings of fraud

    /// Of any sale, also of one that was refunded or disputed before.
    private func warnOfFraud() async throws -> Bool {
        let charges = try await query("SELECT id FROM charges WHERE status = 'succeeded' ORDER BY created_at, id")
        guard let charge: String = try pick(charges)?.get("id") else { return false }
        let type = pick(["made_with_stolen_card", "unauthorized_use_of_card", "misc"]) ?? "misc"
        return try await control("/charges/\(charge)/warn_of_fraud", ["fraud_type": .string(type)]).status == 200
    }

    private func releaseFraudHold() async throws -> Bool {
        let held = try await query(
            """
            SELECT w.id FROM fraud_warnings w
            WHERE w.action = 'hold' AND w.actionable AND w.released_at IS NULL ORDER BY w.created_at, w.stripe_id
            """)
        guard let warning: String = try pick(held)?.get("id") else { return false }
        return try await call("POST", "/v1/fraud_warnings/\(warning)/release", ["reason": "the buyer called"]).status
            == 200
    }

    // MARK: The Dashboard

    /// A paid order's charge as Stripe has it now.
    private func refundableCharge() async throws -> JSON? {
        guard let order = try await order(in: ["paid", "partially_refunded"]), let charge = order.charge else {
            return nil
        }
        return try await stripeObject("/v1/charges/\(charge)")
    }

    private func rest(_ charge: JSON) -> Int {
        (charge["amount_captured"].int ?? 0) - (charge["amount_refunded"].int ?? 0)
    }

    private func refund(whole: Bool) async throws -> Bool {
        guard let charge = try await refundableCharge() else { return false }
        return try await refund(charge, whole: whole)
    }

    func refund(_ charge: JSON, whole: Bool) async throws -> Bool {
        guard let id = charge["id"].string, rest(charge) > 0 else { return false }
        var form = [("charge", id)]
        if !whole { form.append(("amount", String(number(1...rest(charge))))) }
        if charge["transfer"] != .null, chance(80) {
            form.append(("reverse_transfer", "true"))
            if chance(80), charge["application_fee"] != .null { form.append(("refund_application_fee", "true")) }
        }
        return try await stripe("/v1/refunds", form)
    }

    /// Its own, or one of those of separate charges.
    private func transfer(outOf charge: JSON) async throws -> String? {
        if let id = charge["transfer"].string { return id }
        let rows = try await query(
            """
            SELECT stripe_id FROM transfers WHERE charge_id = \(charge["id"].string ?? "") AND state = 'paid'
            ORDER BY stripe_id
            """)
        return try pick(rows)?.get("stripe_id")
    }

    private func reverse(_ charge: JSON) async throws -> Bool {
        guard let id = try await transfer(outOf: charge) else { return false }
        let transfer = try await stripeObject("/v1/transfers/\(id)")
        let rest = (transfer["amount"].int ?? 0) - (transfer["amount_reversed"].int ?? 0)
        guard rest > 0 else { return false }
        return try await stripe("/v1/transfers/\(id)/reversals", [("amount", String(number(1...rest)))])
    }

    private func refundFee(of charge: JSON) async throws -> Bool {
        guard let id = charge["application_fee"].string else { return false }
        let fee = try await stripeObject("/v1/application_fees/\(id)")
        let rest = (fee["amount"].int ?? 0) - (fee["amount_refunded"].int ?? 0)
        guard rest > 0 else { return false }
        return try await stripe("/v1/application_fees/\(id)/refunds", [("amount", String(number(1...rest)))])
    }

    /// Asks for part of what a seller has at Stripe, or for a little more than that. Where Stripe would pay it out by itself
    /// before it can be asked for, the schedule is turned off first, and some days pass.
    private func payOut() async throws -> Bool {
        let rows = try await query(
            """
            SELECT DISTINCT s.id, s.stripe_account, s.country FROM sellers s
            JOIN ledger_accounts a ON a.code = 'seller:' || s.id || ':funds' AND a.balance_minor < 0
            WHERE s.stripe_account IS NOT NULL ORDER BY s.id
            """)
        guard let row = pick(rows) else { return false }
        let seller: String = try row.get("id")
        var amounts = try await available(of: seller)
        if amounts.isEmpty {
            try await call("POST", "/v1/sellers/\(seller)", ["payout_schedule": ["interval": "manual"]])
            try await settle()
            try await advance(milliseconds: Int64(number(2...8)) * 86_400_000)
            try await settle()
            amounts = try await available(of: seller)
        }
        guard let there = pick(amounts), let currency = there["currency"].string, let most = there["amount"].int else {
            return false
        }
        let destinations = try await query(
            """
            SELECT 1 FROM sellers s, jsonb_array_elements(s.account -> 'payout_destinations') d
            WHERE s.id = \(seller) AND d ->> 'currency' = \(currency)
            """)
        if destinations.isEmpty, chance(90) {
            try await addBank(to: try row.get("stripe_account"), country: try row.get("country"), currency: currency)
            try await settle()
        }
        let step = step(of: currency)
        let amount = chance(10) ? most + step : max(step, number(1...most) / step * step)
        let asked = try await call(
            "POST", "/v1/sellers/\(seller)/payouts",
            [
                "amount": .int(amount), "currency": .string(currency), "external_id": .string(newName("payout")),
                "method": .string(chance(20) ? "instant" : "standard"),
            ])
        return asked.status < 300
    }

    private func available(of seller: String) async throws -> [JSON] {
        let balance = try await call("GET", "/v1/sellers/\(seller)/balance")
        return (balance["available"].array ?? []).filter { $0["amount"].int ?? 0 > 0 }
    }

    private func changeSchedule() async throws -> Bool {
        guard let seller = pick(try await sellers().filter { $0.account != nil && $0.status == "active" }) else {
            return false
        }
        let schedules: [JSON] = [
            ["interval": "manual"], ["interval": "daily"], ["interval": "weekly", "weekly_anchor": "friday"],
        ]
        let changed = try await call("POST", "/v1/sellers/\(seller.id)", ["payout_schedule": pick(schedules) ?? .null])
        return changed.status == 200
    }

    private func debitBank() async throws -> Bool {
        let accounts = try await query(
            """
            SELECT DISTINCT split_part(code, ':', 2) AS account FROM ledger_accounts
            WHERE code LIKE 'stripe:acct_%' AND balance_minor < 0 ORDER BY 1
            """)
        guard let account: String = try pick(accounts)?.get("account") else { return false }
        return try await control("/accounts/\(account)/debit", [:]).status == 200
    }

    /// What is owed to the seller then waits for the new account, and what was paid into the old one comes back out of it.
    private func changeAccount() async throws -> Bool {
        guard let seller = pick(try await sellers().filter { $0.account != nil && $0.status == "active" }) else {
            return false
        }
        let path = "/v1/sellers/\(seller.id)"
        guard try await call("POST", "\(path)/hold", ["held": true, "reason": "changes hands"]).status == 200 else {
            return false
        }
        let changed = try await call("POST", "\(path)/accounts", [:])
        _ = try await call("POST", "\(path)/hold", ["held": false])
        guard changed.status == 200 else { return false }
        if let account = changed["stripe_account"].string, chance(80) {
            _ = try await control("/accounts/\(account)/onboard", ["outcome": "complete"])
        }
        return true
    }

    /// A new bank account in the place of one that sent a payout back.
    private func changeBank() async throws -> Bool {
        let rows = try await query(
            """
            SELECT s.stripe_account, s.country, d ->> 'currency' AS currency
            FROM sellers s, jsonb_array_elements(s.account -> 'payout_destinations') d
            WHERE d ->> 'status' = 'errored' AND (d ->> 'default_for_currency')::boolean ORDER BY s.id
            """)
        guard let row = pick(rows) else { return false }
        return try await addBank(
            to: try row.get("stripe_account"), country: try row.get("country"), currency: try row.get("currency"))
    }

    /// The new one takes the payouts of its currency.
    @discardableResult
    private func addBank(to account: String, country: String, currency: String) async throws -> Bool {
        var form: [(String, String)] = [
            ("external_account[object]", "bank_account"), ("external_account[country]", country),
            ("external_account[currency]", currency), ("external_account[account_number]", "000123456789"),
            ("default_for_currency", "true"),
        ]
        if country == "US" { form.append(("external_account[routing_number]", "110000000")) }
        return try await stripe("/v1/accounts/\(account)/external_accounts", form)
    }

    private func failPayout(in statuses: [String], afterPaid: Bool) async throws -> Bool {
        let rows = try await query(
            "SELECT stripe_id FROM payouts WHERE stripe_id IS NOT NULL AND status = ANY (\(statuses)) ORDER BY created_at, stripe_id"
        )
        guard let payout: String = try pick(rows)?.get("stripe_id") else { return false }
        let code = pick(["account_closed", "could_not_process", "no_account"]) ?? "account_closed"
        return try await control(
            "/payouts/\(payout)/fail", ["failure_code": .string(code), "after_paid": .bool(afterPaid)]
        ).status
            == 200
    }

    // MARK: Money out

    /// Now and then for a seller who cannot be paid yet: held, or refused.
    private func adjustSeller() async throws -> Bool {
        let all = try await sellers().filter { $0.account != nil }
        let ready = all.filter { $0.status == "active" }
        guard let seller = pick(chance(90) ? ready : all) else { return false }
        let currency = pick(Self.currencies) ?? "usd"
        var wish: [String: JSON] = [
            "amount": .int(number(1...3000) * step(of: currency)), "currency": .string(currency),
            "reason": .string(pick(["goodwill", "bonus", "correction"]) ?? "goodwill"),
        ]
        if chance(50) { wish["external_id"] = .string(newName("adjustment")) }
        return try await call("POST", "/v1/sellers/\(seller.id)/adjustments", .object(wish)).status == 201
    }

    private func limitMoneyOut() async throws -> Bool {
        // Of what the marketplace sells for, so that something comes to be above it.
        let sold = try await query("SELECT DISTINCT currency FROM charges ORDER BY currency")
        guard let currency: String = try pick(sold)?.get("currency") else { return false }
        var limit: [String: JSON] = [
            "kind": .string(pick(["refund", "refund", "transfer", "payout", "adjustment"]) ?? "refund"),
            "currency": .string(currency),
        ]
        let unit = step(of: currency)
        if chance(60) { limit["per_operation"] = .int(number(0...3000) * unit) }
        if chance(60) || limit["per_operation"] == nil { limit["per_day"] = .int(number(0...6000) * unit) }
        return try await call("POST", "/v1/admin/limits", .object(limit)).status == 200
    }

    private func decideMoneyOut() async throws -> Bool {
        let waiting = try await query(
            """
            SELECT m.operation_id FROM money_out m JOIN stripe_operations o ON o.id = m.operation_id
            WHERE m.approval = 'needed' AND o.state = 'held' ORDER BY m.counted_at, m.operation_id
            """)
        guard let operation: String = try pick(waiting)?.get("operation_id") else { return false }
        let path = "/v1/admin/operations/\(operation)"
        let own = try await call("POST", "\(path)/approve", ["reason": "my own"])
        guard own["error", "code"].string == "second_person_required" else {
            throw Failure("the key that asked for \(operation) was let approve it: \(own)")
        }
        let word = chance(60) ? "approve" : "refuse"
        return try await call(
            "POST", "\(path)/\(word)", ["reason": "looked at it"], authorization: "Bearer \(RunningSouk.adminKey)"
        ).status == 200
    }

    // MARK: Souk itself

    private func reconcile() async throws -> Bool {
        let started = try await call("POST", "/v1/admin/reconciliations", ["scope": "all"])
        guard started.status == 201 else { return false }
        try await settle()
        let id = try started.string("id")
        let run = try await souk.call("GET", "/v1/admin/reconciliations/\(id)").expecting(200)
        guard run["status"].string == "completed", run["findings_count"].int == 0 else {
            let findings = try await souk.call("GET", "/v1/admin/reconciliations/\(id)/findings").text
            throw Failure("the reconciliation found: \(run.text) \(findings)")
        }
        return true
    }

    private func makeBadRequest() async throws -> Bool {
        guard let seller = pick(try await sellers())?.id, let order = pick(try await orders())?.id else { return false }
        let item = line("item", 1000, seller: seller)
        let missing = "ord_00000000000000000000000000"
        var requests: [(String, JSON)] = [
            ("/v1/orders", ["currency": "usd", "lines": []]),
            ("/v1/orders", ["currency": "xxx", "lines": [item]]),
            ("/v1/orders", ["currency": "usd", "lines": [item], "charge_shape": "direct"]),
            ("/v1/orders", ["currency": "usd", "lines": [item], "surprise": 1]),
            ("/v1/orders", ["currency": "usd", "lines": [line("item", 1000, seller: order)]]),
            ("/v1/orders/\(order)/capture", ["amount": 100_000_000]),
            ("/v1/orders/\(missing)/cancel", [:]), ("/v1/orders/\(missing)/refunds", [:]),
            ("/v1/orders/\(order)/refunds", ["amount": 0]),
            ("/v1/orders/\(order)/refunds", ["amount": 100_000_000_000]),
            ("/v1/orders/\(order)/refunds", ["lines": []]), ("/v1/orders/\(order)/refunds", ["currency": "xxx"]),
            ("/v1/sellers", ["external_id": "shop-1", "email": "other@example.com", "country": "US"]),
            ("/v1/sellers", ["external_id": "shop-0", "email": "x@example.com", "country": "QQ"]),
        ]
        for (currency, amount) in [("usd", -5), ("usd", 1), ("usd", 100_000_000), ("kwd", 1001)] {
            requests.append(
                ("/v1/orders", ["currency": .string(currency), "lines": [line("item", amount, seller: seller)]]))
        }
        let policy: [String: JSON] = ["scope": "default", "currency": "usd", "percent_bps": 100]
        for change: [String: JSON] in [["percent_bps": 10_001], ["fixed": -1], ["minimum": 5, "maximum": 4]] {
            requests.append(("/v1/fee_policies", .object(policy.merging(change) { $1 })))
        }
        requests.append(("/v1/fee_policies", ["scope": "default", "currency": "kwd", "percent_bps": 1, "fixed": 5]))
        guard let (path, body) = pick(requests) else { return false }
        let answer = try await call("POST", path, body)
        guard answer.status >= 400 else {
            throw Failure("a bad request was taken: POST \(path) \(body.text): \(answer)")
        }
        return true
    }
}
