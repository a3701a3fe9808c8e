import Domain

/// `/v1/balance`, `/v1/balance_transactions` and `/v1/balance_settings`.
enum Balance {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/balance") { turn throws(StripeFailure) in object(of: turn.account, turn) }
        try routes.add("GET /v1/balance_transactions", list)
        try routes.add("GET /v1/balance_transactions/:id") { turn throws(StripeFailure) in
            try turn.fromPath("id", "balance_transaction", kind: "balance transaction")
        }
        try routes.add("GET /v1/balance_settings") { turn throws(StripeFailure) in settings(turn.account, turn) }
        try routes.add("POST /v1/balance_settings", changeSettings)
    }

    static func object(of account: String, _ turn: Turn) -> JSONValue {
        var currencies = Set((turn.world.balances[account] ?? [:]).keys)
        currencies.insert(turn.current(account)["default_currency"].string ?? "usd")
        var available: [JSONValue] = []
        var pending: [JSONValue] = []
        var instant: [JSONValue] = []
        var reserved: [JSONValue] = []
        for currency in currencies.sorted() {
            let totals = turn.world.balances[account]?[currency] ?? World.Totals()
            func entry(_ amount: Int64) -> JSONValue {
                [
                    "amount": .int(amount), "currency": .string(currency),
                    "source_types": ["card": .int(amount)],
                ]
            }
            // What is held back for sellers below zero is not available; the rows show it nowhere.
            let held = connectReserved(account, currency, turn)
            available.append(entry(totals.available - held))
            pending.append(entry(totals.pending))
            instant.append(entry(max(0, totals.available + totals.pending)))
            reserved.append(["amount": .int(held), "currency": .string(currency)])
        }
        var balance: JSONObject = ["object": "balance", "available": .array(available)]
        if account == turn.world.platform { balance["connect_reserved"] = .array(reserved) }
        balance["instant_available"] = .array(instant)
        balance["livemode"] = false
        balance["pending"] = .array(pending)
        return .object(balance)
    }

    /// What Stripe would hold back from the platform for sellers below zero; shown, not booked.
    private static func connectReserved(_ account: String, _ currency: String, _ turn: Turn) -> Int64 {
        guard account == turn.world.platform else { return 0 }
        return turn.world.balances.reduce(0) { sum, item in
            guard item.key != account, let totals = item.value[currency] else { return sum }
            return sum + max(0, -(totals.available + totals.pending))
        }
    }

    static let list: Route.Answer = { turn throws(StripeFailure) in
        var slots: [World.Slot]?
        if let payout = turn.string("payout") {
            let object = try Payouts.listable(payout, turn)
            slots = turn.world.slots(
                account: turn.account, type: "balance_transaction", field: "_payout", value: payout)
            if !turn.behaviour.payoutListsItself {
                slots = slots?.filter { $0.id != object["balance_transaction"].string }
            }
        } else if let source = turn.string("source") {
            slots = turn.world.slots(account: turn.account, type: "balance_transaction", field: "source", value: source)
        }
        return try turn.page(of: "balance_transaction", url: "/v1/balance_transactions", slots: slots) { row in
            turn.matches(row, "currency", "source", "type")
        }
    }

    // MARK: Settings

    static func settings(_ account: String, _ turn: Turn) -> JSONValue {
        let object = turn.current(account)
        let payouts = object["settings"]["payouts"]
        var schedule: JSONObject = ["interval": payouts["schedule"]["interval"]]
        if let days = payouts["schedule"]["weekly_payout_days"].array { schedule["weekly_payout_days"] = .array(days) }
        if let days = payouts["schedule"]["monthly_payout_days"].array {
            schedule["monthly_payout_days"] = .array(days)
        }
        return [
            "object": "balance_settings",
            "payments": [
                "debit_negative_balances": payouts["debit_negative_balances"],
                "payouts": [
                    "automatic_transfer_rules_by_currency": [:],
                    // Never null: the official Python client cannot read a null map.
                    "minimum_balance_by_currency": object["_minimum_balance"].isNull ? [:] : object["_minimum_balance"],
                    "schedule": .object(schedule), "statement_descriptor": payouts["statement_descriptor"],
                    "status": object["payouts_enabled"] == true ? "enabled" : "disabled",
                ],
                "settlement_timing": [
                    "delay_days": object["_delay_days_override"].isNull
                        ? payouts["schedule"]["delay_days"] : object["_delay_days_override"],
                    "delay_days_override": object["_delay_days_override"], "start_of_day": .null,
                ],
            ],
        ]
    }

    static let changeSettings: Route.Answer = { turn throws(StripeFailure) in
        let old = settings(turn.account, turn)
        let payments = turn.params["payments"] ?? [:]
        var account = turn.current(turn.account)
        if let debit = payments["debit_negative_balances"].bool {
            account["settings"]["payouts"]["debit_negative_balances"] = .bool(debit)
        }
        if let minima = payments["payouts"].object?["minimum_balance_by_currency"] {
            var kept = account["_minimum_balance"].object ?? [:]
            for (code, value) in minima.object?.pairs ?? JSONObject().pairs {
                let currency = try Accounts.currencyCode(code, "payments[payouts][minimum_balance_by_currency]")
                kept[currency.string ?? ""] = value.isNull ? nil : value
            }
            account["_minimum_balance"] = minima.isNull || kept.isEmpty ? .null : .object(kept)
        }
        if payments["payouts"]["schedule"].object != nil {
            account["settings"]["payouts"]["schedule"] = try PayoutSettings.schedule(
                payments["payouts"]["schedule"], old: account["settings"]["payouts"]["schedule"],
                param: "payments[payouts][schedule]")
        }
        if let descriptor = payments["payouts"].object?["statement_descriptor"] {
            account["settings"]["payouts"]["statement_descriptor"] = descriptor
        }
        if let days = payments["settlement_timing"].object?["delay_days_override"] {
            account["_delay_days_override"] = days
        }
        let result = account
        turn.update(turn.account) { $0 = result }
        AutomaticPayouts.plan(turn.account, turn)
        let new = settings(turn.account, turn)
        turn.emit("balance_settings.updated", new, previous: Turn.differences(from: old, to: new))
        return new
    }
}
