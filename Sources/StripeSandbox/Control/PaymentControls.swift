/// What buyers, banks and card networks do, as control calls on one object.
enum PaymentControls {
    typealias Action = @Sendable (Turn, String) throws(StripeFailure) -> JSONValue

    static let actions: [String: Action] = [
        "checkout/sessions/pay": pay,
        "checkout/sessions/expire": { turn, id throws(StripeFailure) in
            try CheckoutSessions.expire(id, turn)
            return turn.current(id)
        },
        "payment_intents/pay": payIntent, "payment_intents/authenticate": authenticate,
        "charges/dispute": dispute, "charges/warn_of_fraud": warnOfFraud, "disputes/resolve": resolve,
        "payouts/fail": failPayout,
        "refunds/fail": failRefund, "refunds/cancel": cancelRefund, "objects/alter": alter, "objects/remove": remove,
        "topups/reverse": { turn, id throws(StripeFailure) in
            guard turn.find("topup", id) != nil else { throw .missing("topup", id) }
            try Topups.reverse(id, turn)
            return turn.current(id)
        },
    ]

    /// Makes an object say something else than it did, as a defect at Stripe would: nothing is booked and no event tells.
    private static let alter: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["set"])
        guard let fields = turn.params["set"]?.object, !fields.isEmpty else {
            throw .parameter("parameter_missing", "set", "Give the fields to set, by name.")
        }
        return turn.update(id) { object in
            for (name, value) in fields.pairs { object[name] = value }
        }
    }

    /// Makes an object disappear. Its fields are answered, so that a test can put it back.
    private static let remove: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, [])
        let object = turn.current(id)
        turn.remove(id)
        return object
    }

    /// The buyer's method: a test method, an object, or a card number.
    static func method(_ text: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let digits = text.filter { $0 != " " }
        if !digits.isEmpty, digits.allSatisfy(\.isNumber) {
            let card = try PaymentMethods.numbered(digits, month: nil, year: nil, param: "card", turn)
            return PaymentMethods.insert(card, billing: .null, metadata: [:], turn)
        }
        return try PaymentMethods.resolve(text, param: "payment_method", turn)
    }

    private static let pay: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["payment_method", "email", "name"])
        guard turn.find("checkout.session", id) != nil else { throw .missing("checkout.session", id) }
        return try CheckoutSessions.pay(
            id, with: try method(turn.string("payment_method") ?? "pm_card_visa", turn), email: turn.string("email"),
            name: turn.string("name"), turn)
    }

    private static let payIntent: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["payment_method", "return_url"])
        guard let intent = turn.find("payment_intent", id) else { throw .missing("payment_intent", id) }
        guard ["requires_payment_method", "requires_confirmation"].contains(intent["status"].string) else {
            throw PaymentIntents.unexpectedState(
                intent, "This PaymentIntent cannot be paid now: its status is \(intent["status"].string ?? "").")
        }
        return try Confirmation(returnURL: turn.string("return_url") ?? "\(turn.address)/done").run(
            id, method: try method(turn.string("payment_method") ?? "pm_card_visa", turn), turn)
    }

    private static let authenticate: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["outcome"])
        guard turn.find("payment_intent", id) != nil else { throw .missing("payment_intent", id) }
        let outcome = turn.string("outcome") ?? "succeed"
        guard ["succeed", "fail"].contains(outcome) else {
            throw .parameter(nil, "outcome", "Must be one of succeed, fail")
        }
        do throws(StripeFailure) {
            return try Confirmation.authenticate(id, succeeds: outcome == "succeed", turn)
        } catch {
            // A failed authentication is what was asked for, not a failure of the call.
            guard error.keepsEffects, outcome == "fail" else { throw error }
            return turn.current(id)
        }
    }

    private static let dispute: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["reason", "amount", "inquiry"])
        guard turn.find("charge", id) != nil else { throw .missing("charge", id) }
        return try Disputes.open(
            id, reason: turn.string("reason") ?? "fraudulent", amount: turn.int("amount"),
            isInquiry: turn.bool("inquiry") ?? false, turn)
    }

    private static let warnOfFraud: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["fraud_type"])
        guard turn.find("charge", id) != nil else { throw .missing("charge", id) }
        return try EarlyFraudWarnings.warn(of: id, fraudType: turn.string("fraud_type") ?? "misc", turn)
    }

    private static let resolve: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["outcome"])
        guard let dispute = turn.find("dispute", id) else { throw .missing("dispute", id) }
        let outcome = turn.string("outcome") ?? "lost"
        guard Disputes.isOpen(dispute) || (outcome == "won" && dispute["status"] == "lost") else {
            throw .state(nil, "The dispute '\(id)' is closed: it is \(dispute["status"].string ?? "").")
        }
        switch outcome {
        case "won": return Disputes.resolve(id, won: true, turn)
        case "lost", "closed": return Disputes.resolve(id, won: false, turn)
        case "escalate" where dispute["status"].string?.hasPrefix("warning") == true:
            return Disputes.escalate(id, turn)
        default: throw .parameter(nil, "outcome", "Must be one of won, lost, closed, or escalate for an inquiry")
        }
    }

    private static let failPayout: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["failure_code", "after_paid"])
        guard turn.find("payout", id) != nil else { throw .missing("payout", id) }
        let code = turn.string("failure_code") ?? "account_closed"
        guard Payouts.failureCodes.contains(code) else {
            throw .parameter(
                nil, "failure_code", "Must be one of \(Payouts.failureCodes.sorted().joined(separator: ", "))")
        }
        if turn.bool("after_paid") == true, turn.current(id)["status"] != "paid" {
            // The money is at the bank first, whatever its account number would bring.
            Payouts.sent(id, turn)
            turn.emit("payout.paid", turn.update(id) { $0["status"] = "paid" })
        }
        try Payouts.fail(id, code: code, turn)
        return turn.current(id)
    }

    private static let failRefund: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, ["failure_reason"])
        guard turn.find("refund", id) != nil else { throw .missing("refund", id) }
        try Refunds.fail(id, reason: turn.string("failure_reason") ?? "expired_or_canceled_card", turn)
        return turn.current(id)
    }

    private static let cancelRefund: Action = { turn, id throws(StripeFailure) in
        try Control.refuseUnknown(turn.params, [])
        guard turn.find("refund", id) != nil else { throw .missing("refund", id) }
        try Refunds.cancel(id, turn)
        return turn.current(id)
    }
}
