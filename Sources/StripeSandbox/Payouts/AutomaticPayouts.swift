/// Payouts that Stripe makes by itself, by each account's schedule.
enum AutomaticPayouts {
    /// Money becomes available at midnight UTC; the payouts of the day are made an hour later (our choice).
    static let hourOfDay: Int64 = 3600

    /// Plans the account's next run, when it has something to pay and a schedule that is not manual.
    static func plan(_ account: String, _ turn: Turn) {
        let object = turn.current(account)
        let schedule = object["settings"]["payouts"]["schedule"]
        let id = "automaticPayout:\(account)"
        guard object["payouts_enabled"] == true, schedule["interval"] != "manual", hasMoney(account, turn) else {
            turn.cancelJob(id)
            return
        }
        turn.schedule(.automaticPayout, account, at: next(schedule, after: turn.now) * 1000, in: account, id: id)
    }

    private static func hasMoney(_ account: String, _ turn: Turn) -> Bool {
        (turn.world.balances[account] ?? [:]).values.contains { $0.available > 0 }
    }

    /// The next run in seconds, strictly later.
    static func next(_ schedule: JSONValue, after now: Int64) -> Int64 {
        var day = (now - hourOfDay) / BalanceRows.day + 1
        while !matches(schedule, day) { day += 1 }
        return day * BalanceRows.day + hourOfDay
    }

    private static func matches(_ schedule: JSONValue, _ day: Int64) -> Bool {
        switch schedule["interval"] {
        case "weekly":
            let names = schedule["weekly_payout_days"].array?.compactMap(\.string) ?? ["monday"]
            let weekday = Calendar.weekday(ofDay: day)
            return names.contains { PayoutSettings.days.firstIndex(of: $0).map(Int64.init) == weekday }
        case "monthly":
            let days = schedule["monthly_payout_days"].array?.compactMap(\.int) ?? [1]
            let (number, isLast) = Calendar.dayOfMonth(ofDay: day)
            return days.contains { $0 == number || (isLast && $0 > number) }
        default: return true
        }
    }

    /// Takes what the account's balance is below zero from its bank accounts, as `debit_negative_balances` lets Stripe: a payout
    /// of a negative amount, in each currency that has a bank account. When Stripe does that it does not say.
    static func debit(_ turn: Turn) throws(StripeFailure) -> [JSONValue] {
        let object = turn.current(turn.account)
        guard object["settings"]["payouts"]["debit_negative_balances"] == true else {
            throw .state(nil, "Debits of negative balances are not enabled for this account.")
        }
        var payouts: [JSONValue] = []
        for (currency, totals) in (turn.world.balances[turn.account] ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard totals.available < 0, let bank = Payouts.destination(of: turn.account, currency, turn),
                bank["object"] == "bank_account", bank["status"] != "errored"
            else { continue }
            let order = Payouts.Order(
                amount: totals.available, currency: currency, bank: bank, isAutomatic: true,
                description: "STRIPE PAYOUT")
            payouts.append(Payouts.make(order, in: turn.account, turn))
        }
        guard !payouts.isEmpty else {
            throw .state(nil, "No balance of this account is below zero in a currency of its bank accounts.")
        }
        return payouts
    }

    /// Pays out everything available above the minimum, one payout for each currency that has a bank account.
    static func run(_ account: String, _ turn: Turn) {
        let object = turn.current(account)
        guard object["payouts_enabled"] == true, object["settings"]["payouts"]["schedule"]["interval"] != "manual"
        else {
            return
        }
        for (currency, totals) in (turn.world.balances[account] ?? [:]).sorted(by: { $0.key < $1.key }) {
            let minimum = object["_minimum_balance"][currency].int ?? 0
            let amount = totals.available - minimum
            guard amount > 0,
                let bank = Payouts.destination(of: account, currency, turn), bank["status"] != "errored"
            else { continue }
            Payouts.make(
                Payouts.Order(
                    amount: amount, currency: currency, bank: bank, isAutomatic: true, description: "STRIPE PAYOUT"),
                in: account, turn)
        }
    }
}
