/// The sandbox's own accounting: one row for each movement in each account, and the balances that follow from them.
enum BalanceRows {
    static let day: Int64 = 86_400

    struct Movement {
        var type: String
        var category: String
        var amount: Int64
        /// Each in a currency of its own, as it is told.
        var fees: [JSONValue] = []
        /// That of the object; the row is in the one in which the account gets it.
        var currency: String
        var source: String?
        var description: String? = nil
        /// Seconds; nil or the past makes the row available at once.
        var availableOn: Int64?
    }

    /// Stripe's fee for a card: 2.9 % rounded half up, and 30 (docs/sandbox.md, "Stripe's fee").
    static func processingFee(_ amount: Int64) -> Int64 { (amount * 29 + 500) / 1000 + 30 }

    static func stripeFee(_ amount: Int64, _ currency: String) -> JSONValue {
        [
            "amount": .int(amount), "application": .null, "currency": .string(currency),
            "description": "Stripe processing fees", "type": "stripe_fee",
        ]
    }

    static func applicationFee(_ amount: Int64, _ currency: String, _ turn: Turn) -> JSONValue {
        [
            "amount": .int(amount), "application": .string(turn.world.application), "currency": .string(currency),
            "description": "Souk sandbox application fee", "type": "application_fee",
        ]
    }

    /// Midnight UTC, the account's delay in days after today.
    static func settlement(of account: String, _ turn: Turn) -> Int64 {
        let schedule = turn.current(account)["settings"]["payouts"]["schedule"]
        let days =
            turn.current(account)["_delay_days_override"].int ?? schedule["delay_days"].int
            ?? turn.behaviour.settlementDays
        return (turn.now / day + days) * day
    }

    /// Books a row and plans the moment at which its money becomes available.
    @discardableResult
    static func book(_ movement: Movement, in account: String, _ turn: Turn) -> JSONValue {
        let settled = Exchange.settled(movement.amount, movement.currency, in: account, turn)
        let fees = movement.fees.map { fee in
            var fee = fee
            let (amount, currency) = (fee["amount"].int ?? 0, fee["currency"].string ?? settled.currency)
            let rate = Exchange.rate(from: currency, to: settled.currency, turn)
            fee["amount"] = .int(rate?.convert(amount) ?? amount)
            fee["currency"] = .string(settled.currency)
            return fee
        }
        let fee = fees.reduce(0) { $0 + ($1["amount"].int ?? 0) }
        let availableOn = max(movement.availableOn ?? turn.now, turn.now)
        let isAvailable = availableOn <= turn.now
        let row = turn.insert(
            "balance_transaction",
            [
                "id": .string(turn.newID("txn")), "object": "balance_transaction", "amount": .int(settled.amount),
                "available_on": .int(availableOn), "balance_type": "payments", "created": .int(turn.now),
                "currency": .string(settled.currency), "description": .optional(movement.description),
                "exchange_rate": Exchange.rate(from: movement.currency, to: settled.currency, turn)?.json ?? .null,
                "fee": .int(fee), "fee_details": .array(fees), "net": .int(settled.amount - fee),
                "reporting_category": .string(movement.category),
                "source": .optional(movement.source), "status": isAvailable ? "available" : "pending",
                "type": .string(movement.type),
            ], in: account)
        if isAvailable {
            AutomaticPayouts.plan(account, turn)
        } else {
            turn.schedule(
                .fundsAvailable, account, at: availableOn * 1000, in: account, id: "funds:\(account):\(availableOn)")
        }
        Collections.plan(account, settled.currency, turn)
        if movement.amount > 0, turn.current(account)["_waiting_refunds"] == true {
            turn.schedule(.refundFunded, account, at: turn.milliseconds, in: account)
        }
        return row
    }

    /// Pending rows whose day has come.
    static func release(_ account: String, _ turn: Turn) {
        let due = (turn.world.pendingRows[account] ?? [:]).filter { $0.key <= turn.now }.values.flatMap { $0 }
        guard !due.isEmpty else { return }
        for id in due.sorted(by: { (turn.world[id: $0]?.position ?? 0) < (turn.world[id: $1]?.position ?? 0) }) {
            turn.update(id) { $0["status"] = "available" }
        }
        turn.emit("balance.available", Balance.object(of: account, turn), in: account)
        AutomaticPayouts.plan(account, turn)
    }

    static func available(_ account: String, _ currency: String, _ turn: Turn) -> Int64 {
        turn.world.balances[account]?[currency]?.available ?? 0
    }

    static func total(_ account: String, _ currency: String, _ turn: Turn) -> Int64 {
        let totals = turn.world.balances[account]?[currency] ?? World.Totals()
        return totals.available + totals.pending
    }

    /// When money that undoes an earlier row moves: with that row while it is pending, else at once.
    static func availability(like rowID: String?, _ turn: Turn) -> Int64? {
        let row = turn.current(rowID)
        return row["status"] == "pending" ? row["available_on"].int : nil
    }
}
