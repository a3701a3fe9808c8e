/// The week of the marketplace, from its sellers' registration to the reconciliation.
struct DemoRun: Sendable {
    let market: Marketplace
    let say: @Sendable (String) -> Void
    /// Part of every external id, so that runs do not meet.
    let run = String(UInt32.random(in: 0x1000_0000...UInt32.max), radix: 16)

    struct Seller: Sendable {
        let plan: DemoPlan.SellerPlan
        let account: String
        let answer: SellerAnswer
    }

    struct Order: Sendable {
        let plan: DemoPlan.OrderPlan
        var answer: OrderAnswer
    }

    struct Result: Sendable {
        var sellers: [Seller] = []
        var refusal = ""
        var orders: [Order] = []
        var payouts: [String: [PayoutAnswer]] = [:]
        var balances: [String: BalanceAnswer] = [:]
        var trialBalance: TrialBalanceAnswer?
        var proof: ProofAnswer?
        var reconciliation: ReconciliationAnswer?
        var findings: [FindingAnswer] = []
        var days = 0
        var checks = DemoChecks()
    }

    /// No payout takes longer: two days until money is available, one until it is sent, two at the bank.
    private static let longestWaitInDays = 10
    private static let parallelCalls = 8

    func callAsFunction() async throws -> Result {
        var result = Result()
        try await market.requireBoth()
        say("Run \(run) at \(market.souk.url), with Stripe's sandbox at \(market.sandbox.url)")
        try await registerSellers(&result)
        try await setFees(result)
        try await refuseUnfinishedSeller(&result)
        try await placeOrders(&result)
        try await playStories(&result)
        try await waitForPayouts(&result)
        try await readBooks(&result)
        try await reconcile(&result)
        result.check()
        return result
    }

    // MARK: Steps

    private func registerSellers(_ result: inout Result) async throws {
        for plan in DemoPlan.sellers {
            let seller: SellerAnswer = try await market.souk.post(
                "/v1/sellers",
                SellerRequest(
                    externalID: "demo-\(run)-\(plan.key)", email: "\(plan.key)@example.com", country: plan.country,
                    metadata: ["demo": run]), idempotencyKey: "demo-\(run)-seller-\(plan.key)")
            guard let account = seller.stripeAccount else {
                throw DemoError.cannotStart(
                    "Souk could not make the account of \(plan.name) at Stripe: \(seller.status).")
            }
            let _: OnboardingLinkAnswer = try await market.souk.post(
                "/v1/sellers/\(seller.id)/onboarding_links", Nothing(),
                idempotencyKey: "demo-\(run)-link-\(plan.key)")
            try await market.onboard(account, completely: plan.finishesOnboarding)
            result.sellers.append(Seller(plan: plan, account: account, answer: seller))
        }
        try await market.untilQuiet()
        result.sellers = try await concurrently(result.sellers) { seller in
            Seller(
                plan: seller.plan, account: seller.account,
                answer: try await market.souk.get("/v1/sellers/\(seller.answer.id)"))
        }
        for seller in result.sellers {
            let owes = seller.answer.attention?.first.map { ": \($0.message)" } ?? ""
            say("  \(seller.plan.name) (\(seller.plan.country)) is \(seller.answer.status)\(owes)")
        }
    }

    private func setFees(_ result: Result) async throws {
        for (index, plan) in DemoPlan.fees.enumerated() {
            var request = FeePolicyRequest(
                scope: plan.scope.word, currency: plan.currency, percentBPS: plan.percentBPS, fixed: plan.fixed,
                minimum: plan.minimum)
            switch plan.scope {
            case .everyone: break
            case .category(let category): request.category = category
            case .seller(let key): request.seller = try result.seller(key).answer.id
            }
            let _: Nothing = try await market.souk.post(
                "/v1/fee_policies", request, idempotencyKey: "demo-\(run)-fee-\(index)")
            say("  fee \(plan.description)")
        }
    }

    /// An order for the seller who has not finished must be refused, and say so.
    private func refuseUnfinishedSeller(_ result: inout Result) async throws {
        for plan in DemoPlan.sellers where !plan.finishesOnboarding {
            guard let item = DemoPlan.goods[plan.key]?.first else { continue }
            let order = DemoPlan.OrderPlan(
                number: 0, seller: plan, lines: [.init(item: item, quantity: 1)], payment: .checkout,
                story: Story(title: "", steps: []))
            do {
                let placed = try await place(order, for: try result.seller(plan.key))
                result.checks.require(
                    false, "the order \(placed.id) for \(plan.name) was taken before its onboarding ended")
            } catch DemoError.refused(let refusal) {
                result.checks.requireEqual(
                    "the reason to refuse an order for \(plan.name)", refusal.code ?? "", "seller_not_ready")
                result.refusal = "\(refusal.status) \(refusal.code ?? ""): \(refusal.message)"
                say("  an order for \(plan.name) is refused: \(refusal.code ?? String(refusal.status))")
            }
        }
    }

    private func placeOrders(_ result: inout Result) async throws {
        let sellers = Dictionary(uniqueKeysWithValues: result.sellers.map { ($0.plan.key, $0) })
        result.orders = try await concurrently(DemoPlan.orders) { plan in
            guard let seller = sellers[plan.seller.key] else {
                throw DemoError.cannotStart("Nobody sells what order \(plan.number) wants.")
            }
            return Order(plan: plan, answer: try await place(plan, for: seller))
        }
        for order in result.orders {
            result.checks.requireEqual(
                "the fee of order \(order.plan.number) (\(order.answer.id))", order.answer.applicationFeeAmount,
                order.plan.fee)
        }
        say("  \(result.orders.count) orders are placed")
    }

    private func place(_ plan: DemoPlan.OrderPlan, for seller: Seller) async throws -> OrderAnswer {
        try await market.souk.post(
            "/v1/orders",
            OrderRequest(
                externalID: "demo-\(run)-\(plan.number)", currency: plan.seller.currency,
                buyer: .init(externalID: "buyer-\(plan.number)", email: "buyer-\(plan.number)@example.com"),
                lines: plan.lines.map {
                    .init(
                        seller: seller.answer.id, description: $0.item.name, unitAmount: $0.item.price,
                        quantity: $0.quantity, category: $0.item.category)
                },
                payment: plan.payment.rawValue, capture: plan.story.isCapturedLater ? "manual" : "automatic",
                metadata: ["demo": run]),
            idempotencyKey: "demo-\(run)-order-\(plan.number)")
    }

    /// All orders go one step at a time, and everything comes to rest between the steps.
    private func playStories(_ result: inout Result) async throws {
        let rounds = result.orders.map(\.plan.story.steps.count).max() ?? 0
        for round in 0..<rounds {
            let places = result.orders.indices.filter { round < result.orders[$0].plan.story.steps.count }
            let acting = places.map { result.orders[$0] }
            let reasons = try await concurrently(acting) { order in
                try await act(order.plan.story.steps[round].action, on: order.answer, step: round)
            }
            try await market.untilQuiet()
            let answers: [OrderAnswer] = try await concurrently(acting) { order in
                try await market.souk.get("/v1/orders/\(order.answer.id)")
            }
            for (place, answer) in zip(places, answers) {
                result.orders[place].answer = answer
                let plan = result.orders[place].plan
                let waits = answer.operation.map { " (\($0.state): \($0.reason ?? ""))" } ?? ""
                result.checks.require(
                    answer.status == plan.story.steps[round].leads,
                    "order \(plan.number) (\(answer.id)), '\(plan.story.title)', is \(answer.status)\(waits) after step "
                        + "\(round + 1), and should be \(plan.story.steps[round].leads)")
            }
            let declines = reasons.compactMap(\.self).count
            let statuses = Dictionary(grouping: result.orders, by: \.answer.status).mapValues(\.count)
            let summary = statuses.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            say("  step \(round + 1), orders \(acting.count), declines \(declines): \(summary)")
        }
    }

    /// - Returns: the bank's reason for a decline, if that is what came of it.
    private func act(_ action: Story.Action, on order: OrderAnswer, step: Int) async throws -> String? {
        switch action {
        case .pay(let method):
            guard step > 0 else { return try await market.pay(order, with: method) }
            let resumed: OrderAnswer = try await market.souk.post(
                "/v1/orders/\(order.id)/payment", Nothing(), idempotencyKey: "demo-\(run)-again-\(order.id)-\(step)")
            return try await market.pay(resumed, with: method)
        case .authenticate(let passes):
            guard let intent = order.paymentIntent else {
                throw DemoError.neverQuiet("order \(order.id) waits for its buyer's bank, but shows no payment_intent.")
            }
            try await market.authenticate(intent, passes: passes)
        case .cancel:
            let _: OrderAnswer = try await market.souk.post(
                "/v1/orders/\(order.id)/cancel", Nothing(), idempotencyKey: "demo-\(run)-cancel-\(order.id)")
        case .capture:
            let _: OrderAnswer = try await market.souk.post(
                "/v1/orders/\(order.id)/capture", Nothing(), idempotencyKey: "demo-\(run)-capture-\(order.id)")
        case .leave: break
        }
        return nil
    }

    /// Moves the clock day by day until every seller's share has reached the bank.
    private func waitForPayouts(_ result: inout Result) async throws {
        let sellers = result.sellers.filter(\.plan.finishesOnboarding)
        var isAllPaid = false
        while !isAllPaid, result.days < Self.longestWaitInDays {
            try await market.moveClock(days: 1)
            result.days += 1
            try await market.untilQuiet()
            let payouts = try await concurrently(sellers) { try await market.payouts(of: $0.answer.id) }
            for (seller, found) in zip(sellers, payouts) { result.payouts[seller.plan.key] = found }
            isAllPaid = sellers.allSatisfy { result.paidOut(to: $0) == result.share(of: $0) }
            let all = payouts.flatMap(\.self)
            let arrived = all.count { $0.status == "paid" }
            say("  day \(result.days): payouts made \(all.count), arrived at the bank \(arrived)")
        }
        result.orders = try await concurrently(result.orders) { order in
            Order(plan: order.plan, answer: try await market.souk.get("/v1/orders/\(order.answer.id)"))
        }
    }

    private func readBooks(_ result: inout Result) async throws {
        for seller in result.sellers {
            result.balances[seller.plan.key] = try await market.souk.get("/v1/sellers/\(seller.answer.id)/balance")
        }
        let trial: TrialBalanceAnswer = try await market.souk.get("/v1/ledger/trial_balance")
        let owners = Set(["platform"] + result.sellers.map(\.account))
        for (balance, total) in try await market.balancesAtStripe() where owners.contains(balance.owner) {
            let ours = trial.accounts.first {
                $0.code == "stripe:\(balance.owner)" && $0.currency == balance.currency
            }
            result.checks.requireEqual(
                "the ledger's balance of stripe:\(balance.owner) in \(balance.currency)", ours?.balance ?? 0, total)
        }
        result.trialBalance = trial
        result.proof = try await market.souk.get("/v1/ledger/proof")
    }

    private func reconcile(_ result: inout Result) async throws {
        var reconciliation: ReconciliationAnswer = try await market.souk.post(
            "/v1/admin/reconciliations", ["scope": "all"], idempotencyKey: "demo-\(run)-reconciliation")
        say("  reconciliation \(reconciliation.id) of everything is \(reconciliation.status)")
        var turns = 0
        while reconciliation.status == "running", turns < 20 {
            turns += 1
            try await market.untilQuiet()
            reconciliation = try await market.souk.get("/v1/admin/reconciliations/\(reconciliation.id)")
        }
        result.findings = try await market.findings(of: reconciliation.id)
        result.reconciliation = reconciliation
    }

    /// Does `work` for each input, a few at a time; the outputs are in the inputs' order.
    private func concurrently<Input: Sendable, Output: Sendable>(
        _ inputs: [Input], _ work: @escaping @Sendable (Input) async throws -> Output
    ) async throws -> [Output] {
        try await withThrowingTaskGroup(of: (Int, Output).self) { group in
            var outputs = [Output?](repeating: nil, count: inputs.count)
            var next = 0
            while next < min(Self.parallelCalls, inputs.count) {
                group.addTask { [next] in (next, try await work(inputs[next])) }
                next += 1
            }
            while let (index, output) = try await group.next() {
                outputs[index] = output
                guard next < inputs.count else { continue }
                group.addTask { [next] in (next, try await work(inputs[next])) }
                next += 1
            }
            return outputs.compactMap(\.self)
        }
    }
}

extension DemoPlan.FeePlan.Scope {
    fileprivate var word: String {
        switch self {
        case .everyone: "default"
        case .seller: "seller"
        case .category: "category"
        }
    }
}
