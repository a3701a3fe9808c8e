import Domain

/// `/v1/payouts`: from a Stripe balance to a bank (docs/sandbox.md, "Payouts").
enum Payouts {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/payouts", create)
        try routes.add("GET /v1/payouts") { turn throws(StripeFailure) in
            let arrival = try turn.createdRange("arrival_date")
            return try turn.page(of: "payout", url: "/v1/payouts") { payout in
                turn.matches(payout, "destination", "status") && arrival.contains(payout["arrival_date"].int ?? 0)
            }
        }
        try routes.add("GET /v1/payouts/:payout") { turn throws(StripeFailure) in try turn.fromPath("payout", "payout")
        }
        try routes.add("POST /v1/payouts/:payout") { turn throws(StripeFailure) in
            let old = try turn.fromPath("payout", "payout")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.updateAndEmit(old["id"].string ?? "", "payout.updated") { $0["metadata"] = metadata }
        }
        try routes.add("POST /v1/payouts/:payout/cancel", cancel)
        try routes.add("POST /v1/payouts/:payout/reverse", reverse)
    }

    struct Order {
        var amount: Int64
        var currency: String
        var bank: JSONValue
        var isAutomatic = false
        var method = "standard"
        var description: String?
        var descriptor: JSONValue = .null
        var metadata: JSONValue = [:]
        var original: JSONValue = .null
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let code = try Accounts.currencyCode(try turn.required("currency"), "currency").string ?? ""
        let amount = try turn.requiredInt("amount")
        guard amount >= 1 else {
            throw .parameter("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
        }
        if let step = Currency(code)?.rule.payoutStep, amount % step != 0 {
            throw .parameter(nil, "amount", "Payouts in \(code) must be a multiple of \(step).")
        }
        guard turn.current(turn.account)["payouts_enabled"] == true else {
            throw .state("payouts_not_allowed", "Cannot create payouts: payouts are not enabled for this account.")
        }
        var bank = destination(of: turn.account, code, turn)
        if let id = turn.string("destination") {
            bank = turn.find("bank_account", id) ?? turn.find("card", id)
            guard bank != nil else { throw .missingReference("external account", id, param: "destination") }
        }
        guard let bank, bank["currency"].string == code else {
            throw .state(nil, "Sorry, you don't have any external accounts in that currency (\(code)).")
        }
        guard BalanceRows.available(turn.account, code, turn) >= amount else {
            throw .state(
                "balance_insufficient",
                "You have insufficient funds in your Stripe account for this transfer. Your card balance is too low.",
                param: "amount")
        }
        let method = turn.string("method") ?? "standard"
        if method == "instant", !(bank["available_payout_methods"].array ?? []).contains("instant") {
            throw .state(
                "instant_payouts_unsupported", "This external account is not eligible for instant payouts.",
                param: "method")
        }
        return make(
            Order(
                amount: amount, currency: code, bank: bank, method: method,
                description: turn.string("description"), descriptor: turn.params["statement_descriptor"] ?? .null,
                metadata: try turn.mergedMetadata(.null)), in: turn.account, turn)
    }

    /// The default external account of a currency.
    static func destination(of account: String, _ currency: String, _ turn: Turn) -> JSONValue? {
        ExternalAccounts.all(of: account, turn).first {
            $0["currency"].string == currency && $0["default_for_currency"] == true
        }
    }

    /// The balance falls at once; the bank has the money two days later, an instant payout within minutes.
    @discardableResult
    static func make(_ order: Order, in account: String, _ turn: Turn) -> JSONValue {
        let id = turn.newID("po")
        let isInstant = order.method == "instant"
        let arrival = isInstant ? turn.now + 1800 : (turn.now / BalanceRows.day + 2) * BalanceRows.day
        // An instant payout costs 1 %, at least 50: Stripe shows it on its price list only.
        let fee = isInstant && turn.behaviour.instantPayoutsCost ? max(50, (order.amount + 50) / 100) : 0
        let paid = order.isAutomatic ? rowsToPay(account, order.currency, turn) : []
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "payout", category: "payout", amount: -order.amount,
                fees: fee > 0 ? [BalanceRows.stripeFee(fee, order.currency)] : [], currency: order.currency, source: id,
                description: order.description ?? "STRIPE PAYOUT"), in: account, turn)
        let payout = turn.insert(
            "payout",
            [
                "id": .string(id), "object": "payout", "amount": .int(order.amount), "application_fee": .null,
                "application_fee_amount": .null, "arrival_date": .int(arrival), "automatic": .bool(order.isAutomatic),
                "balance_transaction": row["id"], "created": .int(turn.now), "currency": .string(order.currency),
                "description": .optional(order.description), "destination": order.bank["id"],
                "failure_balance_transaction": .null, "failure_code": .null, "failure_message": .null,
                "livemode": false, "metadata": order.metadata, "method": .string(order.method),
                "original_payout": order.original, "payout_method": .null,
                "reconciliation_status": order.isAutomatic ? "in_progress" : "not_applicable", "reversed_by": .null,
                "source_type": "card", "statement_descriptor": order.descriptor, "status": "pending",
                "trace_id": .null, "type": order.bank["object"],
            ], in: account)
        for paidRow in paid + (order.isAutomatic ? [row["id"].string ?? ""] : []) {
            turn.update(paidRow) { $0["_payout"] = .string(id) }
        }
        turn.emit("payout.created", payout, in: account)
        turn.schedule(.payoutSent, id, at: turn.milliseconds + (isInstant ? 1000 : 3_600_000), in: account)
        turn.schedule(.payoutArrived, id, at: arrival * 1000, in: account)
        return payout
    }

    /// Rows of a currency that are available and in no payout yet.
    private static func rowsToPay(_ account: String, _ currency: String, _ turn: Turn) -> [String] {
        turn.world.all(account: account, type: "balance_transaction").filter { entry in
            entry.value["currency"].string == currency && entry.value["status"] == "available"
                && entry.value["_payout"].isNull
        }.compactMap { $0.value["id"].string }
    }

    /// The payout whose rows may be listed: an automatic one, once they are known.
    static func listable(_ id: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        guard let payout = turn.find("payout", id) else { throw .missingReference("payout", id, param: "payout") }
        guard payout["automatic"] == true else {
            throw .state(
                nil, "Balance transaction history can only be filtered on automatic transfers, not manual.",
                param: "payout")
        }
        guard payout["reconciliation_status"] == "completed" else {
            throw .state(
                "payout_reconciliation_not_ready",
                "The balance transactions of payout \(id) are not ready yet. Wait for payout.reconciliation_completed.",
                param: "payout")
        }
        return payout
    }

    // MARK: Life

    static func sent(_ id: String, _ turn: Turn) {
        guard turn.current(id)["status"] == "pending" else { return }
        turn.updateAndEmit(id, "payout.updated") { payout in
            payout["status"] = "in_transit"
            payout["trace_id"] = ["status": "pending", "value": .null]
        }
        guard turn.current(id)["automatic"] == true else { return }
        let ready = turn.update(id) { $0["reconciliation_status"] = "completed" }
        turn.emit("payout.reconciliation_completed", ready)
    }

    static func arrived(_ id: String, _ turn: Turn) throws(StripeFailure) {
        sent(id, turn)
        let payout = turn.current(id)
        guard payout["status"] == "in_transit" else { return }
        if let code = turn.current(payout["destination"].string)["_failure"].string {
            try fail(id, code: code, turn)
            return
        }
        let paid = turn.update(id) { payout in
            payout["status"] = "paid"
            payout["trace_id"] = ["status": "supported", "value": .string(turn.random(12).uppercased())]
        }
        turn.emit("payout.paid", paid)
    }

    static let failureCodes: Set = [
        "account_closed", "account_frozen", "bank_account_restricted", "bank_ownership_changed", "could_not_process",
        "debit_not_authorized", "declined", "insufficient_funds", "invalid_account_number",
        "incorrect_account_holder_name", "incorrect_account_holder_address", "incorrect_account_holder_tax_id",
        "invalid_currency", "no_account", "unsupported_card",
    ]

    /// The bank sent the money back, before or after `paid`: it is in the balance again, and the bank account is out
    /// of use until it is changed.
    static func fail(_ id: String, code: String, _ turn: Turn) throws(StripeFailure) {
        let payout = turn.current(id)
        guard ["pending", "in_transit", "paid"].contains(payout["status"].string) else {
            throw .state(nil, "The payout '\(id)' cannot fail any more: it is \(payout["status"].string ?? "").")
        }
        turn.cancelJob("payoutSent:\(id)")
        turn.cancelJob("payoutArrived:\(id)")
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "payout_failure", category: "payout_reversal", amount: payout["amount"].int ?? 0,
                currency: payout["currency"].string ?? "", source: id, description: "PAYOUT FAILURE"),
            in: turn.account, turn)
        let failed = turn.update(id) { payout in
            payout["status"] = "failed"
            payout["failure_code"] = .string(code)
            payout["failure_message"] = .string("The bank returned this payout: \(code.replacing("_", with: " ")).")
            payout["failure_balance_transaction"] = row["id"]
        }
        turn.emit("payout.failed", failed)
        let bank = turn.current(payout["destination"].string)
        guard !bank.isNull, bank["object"] == "bank_account", bank["status"] != "errored" else { return }
        turn.updateAndEmit(bank["id"].string ?? "", "account.external_account.updated") { $0["status"] = "errored" }
        ExternalAccounts.show(turn.account, turn)
    }

    static let cancel: Route.Answer = { turn throws(StripeFailure) in
        let payout = try turn.fromPath("payout", "payout")
        guard payout["status"] == "pending", payout["automatic"] != true else {
            throw .state(
                nil,
                "Payouts can only be canceled while they are pending and were made by hand; this one is \(payout["status"].string ?? "")."
            )
        }
        let id = payout["id"].string ?? ""
        turn.cancelJob("payoutSent:\(id)")
        turn.cancelJob("payoutArrived:\(id)")
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "payout_cancel", category: "payout_reversal", amount: payout["amount"].int ?? 0,
                currency: payout["currency"].string ?? "", source: id, description: "PAYOUT CANCEL"),
            in: turn.account, turn)
        let canceled = turn.update(id) { payout in
            payout["status"] = "canceled"
            payout["failure_balance_transaction"] = row["id"]
        }
        turn.emit("payout.canceled", canceled)
        return canceled
    }

    static let reverse: Route.Answer = { turn throws(StripeFailure) in
        let payout = try turn.fromPath("payout", "payout")
        let id = payout["id"].string ?? ""
        guard payout["status"] == "paid", payout["reversed_by"].isNull, payout["original_payout"].isNull else {
            throw .state(nil, "Only a paid payout that was not reversed yet can be reversed.")
        }
        guard ["US", "CA"].contains(turn.current(payout["destination"].string)["country"].string) else {
            throw .state(nil, "Only payouts to bank accounts in the US and Canada can be reversed.")
        }
        let back = make(
            Order(
                amount: -(payout["amount"].int ?? 0), currency: payout["currency"].string ?? "",
                bank: turn.current(payout["destination"].string), description: "STRIPE PAYOUT REVERSAL",
                metadata: try turn.mergedMetadata(.null), original: .string(id)), in: turn.account, turn)
        turn.updateAndEmit(id, "payout.updated") { $0["reversed_by"] = back["id"] }
        return back
    }
}
