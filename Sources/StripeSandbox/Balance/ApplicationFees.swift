/// `/v1/application_fees` and their refunds: the platform's cut and what it gives back.
enum ApplicationFees {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/application_fees", platformOnly: true) { turn throws(StripeFailure) in
            var slots: [World.Slot]?
            if let charge = turn.string("charge") {
                slots =
                    (turn.world.slots(account: turn.account, type: "application_fee", field: "charge", value: charge)
                    + turn.world.slots(
                        account: turn.account, type: "application_fee", field: "originating_transaction", value: charge))
                    .sorted { $0.position < $1.position }
            }
            return try turn.page(of: "application_fee", url: "/v1/application_fees", slots: slots)
        }
        try routes.add("GET /v1/application_fees/:fee", platformOnly: true) { turn throws(StripeFailure) in
            try turn.fromPath("fee", "application_fee", kind: "application fee")
        }
        let refunds = "/v1/application_fees/:fee/refunds"
        try routes.add("POST \(refunds)", platformOnly: true, giveBack)
        try routes.add("GET \(refunds)", platformOnly: true) { turn throws(StripeFailure) in
            let id = try turn.fromPath("fee", "application_fee", kind: "application fee")["id"].string ?? ""
            return try turn.page(
                of: "fee_refund", url: "/v1/application_fees/\(id)/refunds",
                slots: turn.world.slots(account: turn.account, type: "fee_refund", field: "fee", value: id))
        }
        try routes.add("GET \(refunds)/:refund", platformOnly: true) { turn throws(StripeFailure) in
            try turn.fromPath("refund", "fee_refund", kind: "application fee refund")
        }
        try routes.add("POST \(refunds)/:refund", platformOnly: true) { turn throws(StripeFailure) in
            let old = try turn.fromPath("refund", "fee_refund", kind: "application fee refund")
            let metadata = try turn.mergedMetadata(old["metadata"])
            let new = turn.update(old["id"].string ?? "") { $0["metadata"] = metadata }
            showRefunds(of: old["fee"].string ?? "", turn)
            turn.emit("application_fee.refund.updated", new)
            return new
        }
    }

    /// Books a fee. `origin` is the platform's own charge, for a destination charge.
    static func make(
        amount: Int64, currency: String, account: String, charge: String, origin: String?, availableOn: Int64,
        fees: [JSONValue] = [], _ turn: Turn
    ) -> JSONValue {
        let id = turn.newID("fee")
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "application_fee", category: "platform_earning", amount: amount, fees: fees, currency: currency,
                source: id, description: "Application fee", availableOn: availableOn), in: turn.world.platform, turn)
        let fee = turn.insert(
            "application_fee",
            [
                "id": .string(id), "object": "application_fee", "account": .string(account), "amount": .int(amount),
                "amount_refunded": 0, "application": .string(turn.world.application),
                "balance_transaction": row["id"], "charge": .string(charge), "created": .int(turn.now),
                "currency": .string(currency), "fee_source": ["charge": .string(charge), "type": "charge"],
                "livemode": false, "originating_transaction": .optional(origin), "refunded": false,
                "refunds": Turn.embedded([], url: "/v1/application_fees/\(id)/refunds", withCount: true),
            ], in: turn.world.platform)
        turn.emit("application_fee.created", fee, in: turn.world.platform)
        return fee
    }

    /// What of a fee comes back when `part` of the `whole` has come back: the cumulative share, rounded, less what came
    /// back before, so that the last part takes the rest.
    static func proportionalRest(of id: String, part: Int64, whole: Int64, _ turn: Turn) -> Int64 {
        let fee = turn.current(id)
        let due = Proportion.share(
            of: fee["amount"].int ?? 0, part: part, whole: whole, turn.behaviour.shareRounding)
        return max(0, due - (fee["amount_refunded"].int ?? 0))
    }

    static let giveBack: Route.Answer = { turn throws(StripeFailure) in
        let fee = try turn.fromPath("fee", "application_fee", kind: "application fee")
        let rest = (fee["amount"].int ?? 0) - (fee["amount_refunded"].int ?? 0)
        let amount = turn.int("amount") ?? rest
        guard rest > 0 else {
            throw .state("charge_already_refunded", "This application fee has already been refunded.")
        }
        guard amount >= 1, amount <= rest else {
            throw .state(
                nil, "Refund amount (\(amount)) is greater than the unrefunded amount of the fee (\(rest)).",
                param: "amount")
        }
        return refund(
            fee["id"].string ?? "", amount: amount, metadata: try turn.mergedMetadata(.null), booksConnected: true, turn
        )
    }

    /// Returns fee to the connected account. With `booksConnected` false the connected side is already on the row of the
    /// refund that causes it.
    @discardableResult
    static func refund(
        _ id: String, amount: Int64, metadata: JSONValue, booksConnected: Bool, _ turn: Turn
    ) -> JSONValue {
        let fee = turn.current(id)
        let currency = fee["currency"].string ?? ""
        let account = fee["account"].string ?? ""
        let refundID = turn.newID("fr")
        let charge = turn.current(fee["charge"].string)
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "application_fee_refund", category: "platform_earning_refund", amount: -amount,
                currency: currency, source: refundID,
                availableOn: BalanceRows.availability(like: fee["balance_transaction"].string, turn)),
            in: turn.world.platform, turn)
        let availableOn = BalanceRows.availability(like: charge["balance_transaction"].string, turn)
        if booksConnected { bookReturn(of: amount, currency, refundID, in: account, availableOn, turn) }
        let refund = turn.insert(
            "fee_refund",
            [
                "id": .string(refundID), "object": "fee_refund", "amount": .int(amount),
                "balance_transaction": row["id"], "created": .int(turn.now), "currency": .string(currency),
                "fee": .string(id), "metadata": metadata,
            ], in: turn.world.platform)
        turn.update(id) { fee in
            let refunded = (fee["amount_refunded"].int ?? 0) + amount
            fee["amount_refunded"] = .int(refunded)
            fee["refunded"] = .bool(refunded == fee["amount"].int)
        }
        showRefunds(of: id, turn)
        turn.emit("application_fee.refunded", turn.current(id), in: turn.world.platform)
        turn.emit("application_fee.refund.updated", refund, in: turn.world.platform)
        return refund
    }

    /// The connected side of a fee that comes back by itself, in the form that the behaviour names.
    static func bookReturn(
        of amount: Int64, _ currency: String, _ source: String, in account: String, _ availableOn: Int64?, _ turn: Turn
    ) {
        switch turn.behaviour.feeRefundRow {
        case .negativeFee:
            BalanceRows.book(
                BalanceRows.Movement(
                    type: "adjustment", category: "fee", amount: 0,
                    fees: [BalanceRows.applicationFee(-amount, currency, turn)], currency: currency, source: source,
                    description: "Application fee refund", availableOn: availableOn), in: account, turn)
        case .separateRow:
            BalanceRows.book(
                BalanceRows.Movement(
                    type: "application_fee_refund", category: "platform_earning_refund", amount: amount,
                    currency: currency, source: source, description: "Application fee refund",
                    availableOn: availableOn), in: account, turn)
        }
    }

    private static func showRefunds(of id: String, _ turn: Turn) {
        let all = turn.world.all(account: turn.world.platform, type: "fee_refund", field: "fee", value: id)
        turn.update(id) { fee in
            fee["refunds"] = Turn.embedded(
                all.reversed().map(\.value), url: "/v1/application_fees/\(id)/refunds", withCount: true)
        }
    }
}

/// Shares of whole amounts, in integers.
enum Proportion {
    /// `amount × part ÷ whole`, rounded as the behaviour says; the amount itself when the part is the whole.
    static func share(of amount: Int64, part: Int64, whole: Int64, _ rounding: SandboxBehaviour.ShareRounding) -> Int64
    {
        guard whole > 0, part < whole else { return amount }
        let (high, low) = amount.multipliedFullWidth(by: part)
        guard high == 0, low <= UInt64(Int64.max) - UInt64(whole) else { return amount }
        return (Int64(low) + (rounding == .halfUp ? whole / 2 : 0)) / whole
    }
}
