extension DemoRun.Result {
    func seller(_ key: String) throws(DemoError) -> DemoRun.Seller {
        guard let seller = sellers.first(where: { $0.plan.key == key }) else {
            throw .cannotStart("The plan knows no seller '\(key)'.")
        }
        return seller
    }

    func paidOrders(of seller: DemoRun.Seller) -> [DemoRun.Order] {
        orders.filter { $0.plan.seller.key == seller.plan.key && $0.answer.status == "paid" }
    }

    func charged(for seller: DemoRun.Seller) -> Int64 {
        paidOrders(of: seller).reduce(0) { $0 + $1.answer.amountCaptured }
    }

    func fees(of seller: DemoRun.Seller) -> Int64 {
        paidOrders(of: seller).reduce(0) { $0 + $1.answer.applicationFeeAmount }
    }

    func share(of seller: DemoRun.Seller) -> Int64 { charged(for: seller) - fees(of: seller) }

    func paidOut(to seller: DemoRun.Seller) -> Int64 {
        (payouts[seller.plan.key] ?? []).filter { $0.status == "paid" }.reduce(0) { $0 + $1.amount }
    }

    func leftAtStripe(of seller: DemoRun.Seller) -> Int64 {
        balances[seller.plan.key]?.total(in: seller.plan.currency) ?? 0
    }

    /// Holds what came out against the plan.
    mutating func check() {
        for seller in sellers {
            let name = seller.plan.name
            checks.requireEqual(
                "the status of \(name)", seller.answer.status, seller.plan.finishesOnboarding ? "active" : "onboarding")
            checks.requireEqual(
                "charges_enabled of \(name)", seller.answer.chargesEnabled, seller.plan.finishesOnboarding)
            checks.requireEqual("what \(name) was paid out", paidOut(to: seller), share(of: seller))
            checks.requireEqual("what is left of \(name) at Stripe", leftAtStripe(of: seller), 0)
        }
        for order in orders {
            let name = "order \(order.plan.number) (\(order.answer.id)), '\(order.plan.story.title)',"
            let expected = order.plan.story.expectedEnd
            checks.require(
                order.answer.status == expected, "\(name) ended as \(order.answer.status), and should be \(expected)")
            checks.requireEqual(
                "what was captured of \(name)", order.answer.amountCaptured,
                order.plan.story.isPaid ? order.plan.amount : 0)
        }
        for (currency, difference) in (trialBalance?.difference ?? [:]).sorted(by: { $0.key < $1.key }) {
            checks.requireEqual("debits less credits in \(currency)", difference, 0)
        }
        for fault in proof?.faults ?? [] {
            checks.require(false, "the proof finds \(fault.kind) at \(fault.subject): \(fault.detail)")
        }
        checks.require(proof?.sound == true, "the proof does not hold")
        checkReconciliation()
    }

    private mutating func checkReconciliation() {
        let failure = reconciliation?.failure.map { " (\($0))" } ?? ""
        checks.require(
            reconciliation?.status == "completed",
            "the reconciliation is \(reconciliation?.status ?? "missing")\(failure), and should be completed")
        checks.requireEqual("the number of findings", reconciliation?.findingsCount ?? 0, 0)
        for finding in findings {
            checks.require(false, "the reconciliation finds \(finding.kind) at \(finding.objectID): \(finding.detail)")
        }
        for (currency, difference) in (reconciliation?.difference ?? [:]).sorted(by: { $0.key < $1.key }) {
            checks.requireEqual("the difference between the books and Stripe in \(currency)", difference, 0)
        }
        checks.require((reconciliation?.matched ?? 0) > 0, "the reconciliation compared nothing")
    }
}
