/// What the platform pays for sellers who stay below zero: Stripe fills their balances out of the platform's.
enum Collections {
    /// So long Stripe waits for the account to earn it back.
    static let patience: Int64 = 180 * BalanceRows.day

    /// Plans the collection of a balance that has fallen below zero, and drops the plan when it is there again.
    static func plan(_ account: String, _ currency: String, _ turn: Turn) {
        guard account != turn.world.platform else { return }
        let id = "collectBalance:\(account):\(currency)"
        guard BalanceRows.total(account, currency, turn) < 0 else { return turn.cancelJob(id) }
        guard turn.world.jobs.jobs[id] == nil else { return }
        turn.schedule(.collectBalance, currency, at: (turn.now + patience) * 1000, in: account, id: id)
    }

    static func run(_ account: String, _ currency: String, _ turn: Turn) {
        let missing = -BalanceRows.total(account, currency, turn)
        guard missing > 0 else { return }
        let collection = turn.insert(
            "connect_collection_transfer",
            [
                "id": .string(turn.newID("connct")), "object": "connect_collection_transfer", "amount": .int(missing),
                "currency": .string(currency), "destination": .string(account), "livemode": false,
            ], in: turn.world.platform)
        let type = "connect_collection_transfer"
        func movement(_ amount: Int64) -> BalanceRows.Movement {
            BalanceRows.Movement(
                type: type, category: type, amount: amount, currency: currency, source: collection["id"].string)
        }
        BalanceRows.book(movement(-missing), in: turn.world.platform, turn)
        BalanceRows.book(movement(missing), in: account, turn)
    }
}
