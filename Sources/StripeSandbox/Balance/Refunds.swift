/// `/v1/refunds`: money back to the buyer (docs/sandbox.md, "Refunds").
enum Refunds {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/refunds", create)
        try routes.add("GET /v1/refunds") { turn throws(StripeFailure) in
            try turn.page(
                of: "refund", url: "/v1/refunds", slots: turn.slots(of: "refund", by: "charge", "payment_intent")
            ) { turn.matches($0, "charge", "payment_intent") }
        }
        try routes.add("GET /v1/refunds/:refund") { turn throws(StripeFailure) in try turn.fromPath("refund", "refund")
        }
        try routes.add("POST /v1/refunds/:refund") { turn throws(StripeFailure) in
            let old = try turn.fromPath("refund", "refund")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.updateAndEmit(old["id"].string ?? "", "refund.updated") { $0["metadata"] = metadata }
        }
        try routes.add("POST /v1/refunds/:refund/cancel") { turn throws(StripeFailure) in
            let refund = try turn.fromPath("refund", "refund")
            throw .state(
                nil,
                "This refund can't be canceled: only refunds with status requires_action can, and this one is \(refund["status"].string ?? "")."
            )
        }
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let chargeID = try chargeOf(turn)
        if turn.current(chargeID)["captured"] != true {
            guard let intent = turn.current(chargeID)["payment_intent"].string else {
                throw .state("charge_not_refundable", "This charge was never captured.")
            }
            return try release(intent, chargeID, turn)
        }
        ChargeSettlement.finish(chargeID, turn)
        let charge = turn.current(chargeID)
        let amount = try refundable(charge, turn)
        let reverses = turn.bool("reverse_transfer") ?? false
        let feeToo = turn.bool("refund_application_fee") ?? false
        if feeToo, turn.isPlatform, !reverses {
            throw .parameter(
                nil, "refund_application_fee",
                "You must also set reverse_transfer to refund the application fee of a destination charge.")
        }
        if reverses, charge["transfer"].isNull {
            throw .parameter(
                nil, "reverse_transfer",
                "Cannot reverse transfer on charge \(chargeID) because it does not have an associated transfer.")
        }
        if feeToo, charge["application_fee"].isNull {
            throw .parameter(
                nil, "refund_application_fee",
                "Cannot refund the application fee of charge \(chargeID) because it does not have one.")
        }
        return try make(
            Order(
                charge: chargeID, amount: amount, reversesTransfer: reverses, refundsFee: feeToo,
                reason: turn.string("reason"), metadata: try turn.mergedMetadata(.null)), turn)
    }

    struct Order {
        var charge: String
        var amount: Int64
        var reversesTransfer: Bool
        var refundsFee: Bool
        var reason: String?
        var metadata: JSONValue
    }

    private static func chargeOf(_ turn: Turn) throws(StripeFailure) -> String {
        if let intentID = turn.string("payment_intent") {
            guard !turn.has("charge") else {
                throw .parameter(
                    "parameters_exclusive", "charge", "You may only specify one of charge or payment_intent.")
            }
            guard let intent = turn.find("payment_intent", intentID) else {
                throw .missing("payment_intent", intentID, param: "payment_intent")
            }
            guard let charge = intent["latest_charge"].string, turn.current(charge)["status"] == "succeeded" else {
                throw .state(
                    "charge_not_refundable",
                    "This PaymentIntent (\(intentID)) does not have a successful charge to refund.")
            }
            return charge
        }
        guard let charge = turn.string("charge") else {
            throw .parameter(
                "parameter_missing", "charge",
                "One of the following params should be provided for this request: payment_intent or charge.")
        }
        guard let found = turn.find("charge", charge) else { throw .missing("charge", charge, param: "charge") }
        guard found["status"] == "succeeded" else {
            throw .state("charge_not_refundable", "Charge \(charge) did not succeed, so it cannot be refunded.")
        }
        return charge
    }

    private static func refundable(_ charge: JSONValue, _ turn: Turn) throws(StripeFailure) -> Int64 {
        let id = charge["id"].string ?? ""
        let rest = (charge["amount_captured"].int ?? 0) - (charge["amount_refunded"].int ?? 0)
        guard rest > 0 else { throw .state("charge_already_refunded", "Charge \(id) has already been refunded.") }
        if Disputes.blocksRefunds(id, turn) {
            throw .state("charge_disputed", "Charge \(id) has been charged back; cannot issue a refund.")
        }
        let amount = turn.int("amount") ?? rest
        guard amount >= 1 else {
            throw .parameter("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
        }
        guard amount <= rest else {
            throw .state(
                nil, "Refund amount (\(amount)) is greater than unrefunded amount on charge (\(rest)).", param: "amount"
            )
        }
        return amount
    }

    /// A refund of an authorisation releases it (docs/sandbox.md, "Refunds").
    private static func release(_ intent: String, _ chargeID: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let charge = turn.current(chargeID)
        guard charge["refunded"] != true else {
            throw .state("charge_already_refunded", "Charge \(chargeID) has already been refunded.")
        }
        if let amount = turn.int("amount"), amount != charge["amount"].int {
            throw .parameter(nil, "amount", "An authorization is released wholly: leave the amount out.")
        }
        _ = try PaymentIntents.canceled(turn.current(intent), reason: turn.string("reason"), turn)
        var refund = object(
            turn.newID("re"),
            Order(
                charge: chargeID, amount: charge["amount"].int ?? 0, reversesTransfer: false, refundsFee: false,
                reason: turn.string("reason"), metadata: try turn.mergedMetadata(.null)), turn)
        refund["destination_details"]["card"]["type"] = "reversal"
        let made = turn.insert("refund", refund)
        turn.emit("refund.created", made)
        return made
    }

    /// Books a refund wholly or not at all: the buyer's money, the seller's transfer, the platform's fee.
    static func make(_ order: Order, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let id = turn.newID("re")
        let charge = turn.current(order.charge)
        let wanted = Exchange.settled(order.amount, charge["currency"].string ?? "", in: turn.account, turn)
        let isShort =
            turn.behaviour.shortRefund == .pending
            && BalanceRows.total(turn.account, wanted.currency, turn) < wanted.amount
            && !order.reversesTransfer
        let card = TestCard.numbered(charge["_card"].string ?? "")
        var refund = object(id, order, turn)
        if isShort {
            refund["status"] = "pending"
            refund["pending_reason"] = "insufficient_funds"
            refund["_needs_fee"] = .bool(order.refundsFee)
        } else if card?.behaviour == .refundPends {
            refund["status"] = "pending"
            refund["pending_reason"] = "processing"
            turn.schedule(.refundSettles, id, after: 60_000)
        } else if card?.behaviour == .refundFails {
            turn.schedule(.refundFails, id, after: 60_000)
        }
        _ = turn.insert("refund", refund)
        let refundedBefore = charge["amount_refunded"].int ?? 0
        turn.update(order.charge) { charge in
            charge["amount_refunded"] = .int(refundedBefore + order.amount)
            charge["refunded"] = .bool(refundedBefore + order.amount == charge["amount_captured"].int)
        }
        if isShort {
            turn.update(turn.account) { $0["_waiting_refunds"] = true }
        } else {
            try book(id, order, refundedBefore: refundedBefore, turn)
        }
        let made = turn.current(id)
        turn.emit("refund.created", made)
        let new = turn.current(order.charge)
        turn.emit("charge.refunded", new, previous: Turn.differences(from: charge, to: new))
        EarlyFraudWarnings.follow(order.charge, turn)
        return made
    }

    private static func book(
        _ id: String, _ order: Order, refundedBefore: Int64, _ turn: Turn
    ) throws(StripeFailure) {
        let charge = turn.current(order.charge)
        let currency = charge["currency"].string ?? ""
        let whole = charge["amount_captured"].int ?? 0
        let part = refundedBefore + order.amount
        let availableOn = BalanceRows.availability(like: charge["balance_transaction"].string, turn)
        var fees: [JSONValue] = []
        var feeBack: Int64 = 0
        let isDirect = turn.account != turn.world.platform
        if order.refundsFee, isDirect, let fee = charge["application_fee"].string {
            feeBack = ApplicationFees.proportionalRest(of: fee, part: part, whole: whole, turn)
            if feeBack > 0, turn.behaviour.feeRefundRow == .negativeFee {
                fees = [BalanceRows.applicationFee(-feeBack, currency, turn)]
            }
        }
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "refund", category: "refund", amount: -order.amount, fees: fees, currency: currency, source: id,
                description: "REFUND FOR CHARGE (\(order.charge))", availableOn: availableOn), in: turn.account, turn)
        turn.update(id) { $0["balance_transaction"] = row["id"] }
        if isDirect, feeBack > 0, let fee = charge["application_fee"].string {
            ApplicationFees.refund(
                fee, amount: feeBack, metadata: [:], booksConnected: turn.behaviour.feeRefundRow == .separateRow, turn)
        }
        guard order.reversesTransfer, let transferID = charge["transfer"].string else { return }
        let transfer = turn.current(transferID)
        let due = Proportion.share(
            of: transfer["amount"].int ?? 0, part: part, whole: whole, turn.behaviour.shareRounding)
        let back = due - (transfer["amount_reversed"].int ?? 0)
        guard back > 0 else { return }
        let reversal = try Transfers.makeReversal(
            of: transferID, amount: back, refund: id, refundsFee: order.refundsFee, turn)
        turn.update(id) { $0["transfer_reversal"] = reversal["id"] }
    }

    static func object(_ id: String, _ order: Order, _ turn: Turn) -> JSONValue {
        let charge = turn.current(order.charge)
        return [
            "id": .string(id), "object": "refund", "amount": .int(order.amount), "balance_transaction": .null,
            "charge": .string(order.charge), "created": .int(turn.now), "currency": charge["currency"],
            "customer": charge["customer"], "customer_account": .null,
            "destination_details": [
                "card": [
                    "reference": .string(turn.random(12)), "reference_status": "available",
                    "reference_type": "acquirer_reference_number", "type": "refund",
                ], "type": "card",
            ],
            "metadata": order.metadata, "payment_intent": charge["payment_intent"],
            "payment_method": charge["payment_method"], "reason": .optional(order.reason), "receipt_number": .null,
            "source_transfer_reversal": .null, "status": "succeeded", "transfer_reversal": .null,
        ]
    }

    /// The connected side of a transfer reversal: `pyr_`, with the fee that comes back.
    static func ofPayment(
        _ payment: String, in account: String, amount: Int64, feeBack: Int64, reversal: String, availableOn: Int64?,
        _ turn: Turn
    ) -> JSONValue {
        let charge = turn.current(payment)
        let currency = charge["currency"].string ?? ""
        let id = turn.newID("pyr")
        let isOnRow = turn.behaviour.feeRefundRow == .negativeFee
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "payment_refund", category: "refund", amount: -amount,
                fees: feeBack > 0 && isOnRow ? [BalanceRows.applicationFee(-feeBack, currency, turn)] : [],
                currency: currency, source: id, description: "REFUND FOR PAYMENT (\(payment))", availableOn: availableOn
            ),
            in: account, turn)
        if feeBack > 0, !isOnRow {
            ApplicationFees.bookReturn(of: feeBack, currency, id, in: account, availableOn, turn)
        }
        turn.update(payment) { charge in
            let refunded = (charge["amount_refunded"].int ?? 0) + amount
            charge["amount_refunded"] = .int(refunded)
            charge["refunded"] = .bool(refunded == charge["amount"].int)
        }
        return turn.insert(
            "refund",
            [
                "id": .string(id), "object": "refund", "amount": .int(amount), "balance_transaction": row["id"],
                "charge": .string(payment), "created": .int(turn.now), "currency": .string(currency),
                "customer": .null, "customer_account": .null, "metadata": [:], "payment_intent": .null,
                "payment_method": .null, "reason": .null, "receipt_number": .null,
                "source_transfer_reversal": .string(reversal), "status": "succeeded", "transfer_reversal": .null,
            ], in: account)
    }

    // MARK: Later

    /// A refund that was being processed has reached the buyer.
    static func settle(_ id: String, _ turn: Turn) {
        guard turn.current(id)["status"] == "pending" else { return }
        turn.updateAndEmit(id, "refund.updated") { refund in
            refund["status"] = "succeeded"
            refund["pending_reason"] = .null
        }
    }

    /// The buyer's bank sent the money back: it returns to the balance, and the refund says why.
    static func fail(_ id: String, reason: String, _ turn: Turn) throws(StripeFailure) {
        let refund = turn.current(id)
        guard ["succeeded", "pending"].contains(refund["status"].string) else {
            throw .state(nil, "The refund '\(id)' cannot fail any more: it is \(refund["status"].string ?? "").")
        }
        turn.emit("refund.failed", giveUp(id, as: "failed", because: reason, turn))
    }

    /// It ended before the buyer had it.
    static func cancel(_ id: String, _ turn: Turn) throws(StripeFailure) {
        let refund = turn.current(id)
        guard refund["status"] == "pending" else {
            throw .state(
                nil, "Only a pending refund can be canceled; '\(id)' is \(refund["status"].string ?? "").")
        }
        giveUp(id, as: "canceled", because: nil, turn)
    }

    @discardableResult
    private static func giveUp(_ id: String, as status: String, because reason: String?, _ turn: Turn) -> JSONValue {
        let refund = turn.current(id)
        let charge = refund["charge"].string ?? ""
        var row = JSONValue.null
        if !refund["balance_transaction"].isNull {
            row = BalanceRows.book(
                BalanceRows.Movement(
                    type: "refund_failure", category: "refund_failure", amount: refund["amount"].int ?? 0,
                    currency: refund["currency"].string ?? "", source: id,
                    description: "REFUND FAILURE FOR CHARGE (\(charge))"), in: turn.account, turn)
        }
        turn.cancelJob("refundSettles:\(id)")
        turn.update(charge) { charge in
            charge["amount_refunded"] = .int((charge["amount_refunded"].int ?? 0) - (refund["amount"].int ?? 0))
            charge["refunded"] = false
        }
        let ended = turn.update(id) { refund in
            refund["status"] = .string(status)
            if let reason { refund["failure_reason"] = .string(reason) }
            refund["failure_balance_transaction"] = row["id"]
            refund["pending_reason"] = .null
        }
        turn.emit("refund.updated", ended, previous: ["status": refund["status"]])
        return ended
    }

    /// Refunds that waited for balance, oldest first, as far as it reaches.
    static func fund(_ turn: Turn) throws(StripeFailure) {
        var isWaiting = false
        for entry in turn.world.all(account: turn.account, type: "refund")
        where entry.value["pending_reason"] == "insufficient_funds" {
            let refund = entry.value
            let amount = refund["amount"].int ?? 0
            let wanted = Exchange.settled(amount, refund["currency"].string ?? "", in: turn.account, turn)
            guard BalanceRows.total(turn.account, wanted.currency, turn) >= wanted.amount else {
                isWaiting = true
                break
            }
            let id = refund["id"].string ?? ""
            let charge = refund["charge"].string ?? ""
            let refundedBefore = (turn.current(charge)["amount_refunded"].int ?? 0) - amount
            try book(
                id,
                Order(
                    charge: charge, amount: amount, reversesTransfer: false, refundsFee: refund["_needs_fee"] == true,
                    reason: nil, metadata: [:]), refundedBefore: refundedBefore, turn)
            settle(id, turn)
        }
        if !isWaiting { turn.update(turn.account) { $0["_waiting_refunds"] = false } }
    }
}
