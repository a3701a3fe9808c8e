import App

/// What happened, as tables.
struct DemoReport {
    let result: DemoRun.Result

    init(_ result: DemoRun.Result) { self.result = result }

    var text: String {
        [outcomes, sellers, books, proof, reconciliation, verdict].joined(separator: "\n\n")
    }

    /// Of the sellers who take orders, in the plan's order.
    private var currencies: [String] {
        DemoPlan.sellers.filter(\.finishesOnboarding).map(\.currency)
    }

    private var outcomes: String {
        var table = TextTable(
            "Orders",
            [.text("what happened"), .number("orders"), .text("status")]
                + currencies.flatMap { [.number("charged \($0)"), .number("fee \($0)")] })
        for (story, _) in Story.all {
            let orders = result.orders.filter { $0.plan.story.title == story.title }
            let statuses = Set(orders.map(\.answer.status)).sorted().joined(separator: ", ")
            table.add([story.title, String(orders.count), statuses] + sums(of: orders))
        }
        table.addRule()
        table.add(["all", String(result.orders.count), ""] + sums(of: result.orders))
        return table.text
    }

    /// Charged and fee for each currency, of what was paid.
    private func sums(of orders: [DemoRun.Order]) -> [String] {
        currencies.flatMap { currency in
            let paid = orders.filter { $0.answer.currency == currency && $0.answer.amountCaptured > 0 }
            guard !paid.isEmpty else { return ["·", "·"] }
            return [
                AmountText.of(paid.reduce(0) { $0 + $1.answer.amountCaptured }, in: currency),
                AmountText.of(paid.reduce(0) { $0 + $1.answer.applicationFeeAmount }, in: currency),
            ]
        }
    }

    private var sellers: String {
        var table = TextTable(
            "Sellers, after \(result.days) days",
            [
                .text("seller"), .text("country"), .text("status"), .number("paid orders"), .text(""),
                .number("charged"), .number("fee"), .number("share"), .number("paid out"), .number("left at Stripe"),
            ])
        for seller in result.sellers {
            let currency = seller.plan.currency
            let amounts = [
                result.charged(for: seller), result.fees(of: seller), result.share(of: seller),
                result.paidOut(to: seller), result.leftAtStripe(of: seller),
            ]
            table.add(
                [
                    seller.plan.name, seller.plan.country, seller.answer.status,
                    String(result.paidOrders(of: seller).count), currency,
                ] + amounts.map { AmountText.of($0, in: currency) })
        }
        return table.text + "\n\n  An order for the seller who is half way was refused: \(result.refusal)"
    }

    /// Accounts of this run by name; those of earlier runs' sellers folded into one line for each currency.
    private var books: String {
        var table = TextTable(
            "Trial balance",
            [
                .text("account"), .text("whose"), .text(""), .number("debits"), .number("credits"), .number("balance"),
                .text("side"),
            ])
        let lines = result.trialBalance?.accounts ?? []
        for (place, currency) in Set(lines.map(\.currency)).sorted().enumerated() {
            if place > 0 { table.add([]) }
            let inCurrency = lines.filter { $0.currency == currency }
            let others = inCurrency.filter { owner(of: $0.code) == nil }
            for line in inCurrency where owner(of: line.code) != nil {
                table.add(
                    [shortened(line.code), owner(of: line.code) ?? "", currency]
                        + [line.debits, line.credits, line.balance].map { AmountText.of($0, in: currency) }
                        + [line.normalSide])
            }
            if !others.isEmpty {
                table.add(
                    ["\(others.count) accounts", "other sellers", currency]
                        + [others.reduce(0) { $0 + $1.debits }, others.reduce(0) { $0 + $1.credits }]
                        .map { AmountText.of($0, in: currency) } + ["", ""])
            }
            table.addRule()
            let sums = [inCurrency.reduce(0) { $0 + $1.debits }, inCurrency.reduce(0) { $0 + $1.credits }]
            table.add(
                ["sum", "", currency] + sums.map { AmountText.of($0, in: currency) }
                    + [AmountText.of(sums[0] - sums[1], in: currency), ""])
        }
        return table.text
    }

    /// Who an account belongs to; nil for a seller of another run.
    private func owner(of code: String) -> String? {
        for seller in result.sellers
        where code.contains(seller.answer.id) || code.contains(seller.account) {
            return seller.plan.name
        }
        let isOfSeller = code.hasPrefix("seller:") || code.contains(":acct_")
        return isOfSeller ? nil : "platform"
    }

    /// The code with the end of an id instead of the whole.
    private func shortened(_ code: String) -> String {
        code.split(separator: ":", omittingEmptySubsequences: false).map { part in
            let isID = part.hasPrefix("sel_") || part.hasPrefix("acct_")
            return isID && part.count > 14 ? "\(part.prefix { $0 != "_" })_…\(part.suffix(6))" : String(part)
        }.joined(separator: ":")
    }

    private var proof: String {
        let faults = result.proof?.faults ?? []
        guard result.proof?.sound == true else {
            return "Proof of the ledger: NOT sound\n"
                + faults.map { "\n  \($0.kind) \($0.subject): \($0.detail)" }.joined()
        }
        return "Proof of the ledger: sound. Every entry balances, and every row of Stripe's books is posted once."
    }

    private var reconciliation: String {
        guard let run = result.reconciliation else { return "Reconciliation: none" }
        var text = "Reconciliation \(run.id): \(run.status)"
        if let compares = run.compares { text += " (\(compares.joined(separator: ", ")))" }
        let differences = run.difference.sorted { $0.key < $1.key }
            .map { "\(AmountText.of($0.value, in: $0.key)) \($0.key)" }.joined(separator: ", ")
        text +=
            "\n\n  matched \(run.matched), findings \(run.findingsCount), difference "
            + (differences.isEmpty ? "none" : differences)
        for finding in result.findings { text += "\n  \(finding.kind) \(finding.objectID): \(finding.detail)" }
        return text
    }

    private var verdict: String {
        let checks = result.checks
        guard !checks.failures.isEmpty else { return "All is as it should be: \(checks.count) checks, none failed." }
        return "NOT as it should be: \(checks.failures.count) of \(checks.count) checks failed.\n"
            + checks.failures.map { "\n  - \($0)" }.joined()
    }
}
