/// One attempt to pay an intent with a card.
struct Confirmation {
    var offSession = false
    var returnURL: String?
    /// `error_on_requires_action`.
    var refusesAction = false
    /// Confirmed with the secret key, not in the buyer's browser.
    var onServer = false
    /// The buyer's bank has said yes.
    var isAuthenticated = false

    /// - Returns: the intent: succeeded, to be captured, or waiting for the buyer's bank.
    /// - Throws: 402 with the intent inside; the failed charge stays.
    func run(_ id: String, method chosen: JSONValue?, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let intent = turn.current(id)
        if onServer, turn.behaviour.asksForReturnURL, returnURL == nil,
            intent["automatic_payment_methods"]["enabled"] == true,
            intent["automatic_payment_methods"]["allow_redirects"] != "never", !offSession
        {
            throw .parameter(
                nil, "return_url",
                "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents."
            )
        }
        if !turn.isPlatform, turn.current(turn.account)["capabilities"]["card_payments"] != "active" {
            throw .state(
                "capability_not_active",
                "The account '\(turn.account)' cannot make charges: its card_payments capability is not active.")
        }
        if let destination = intent["transfer_data"]["destination"].string {
            try PaymentIntents.requireCapability(
                "transfers", of: destination, param: "transfer_data[destination]", turn)
        }
        let known = chosen ?? intent["payment_method"].string.map(turn.current)
        if let known, known["type"] == BankDebits.type { return try BankDebits.begin(id, known, turn) }
        guard let method = known, let card = TestCard.numbered(method["_number"].string ?? "") else {
            throw PaymentIntents.unexpectedState(
                intent,
                "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken."
            )
        }
        turn.update(id) { intent in
            intent["payment_method"] = method["id"]
            intent["next_action"] = .null
        }
        switch card.behaviour {
        case .authenticate(let always, let after):
            if !isAuthenticated, needsAuthentication(always: always, card, method) {
                if offSession {
                    return try decline(
                        id, method, card,
                        CardRefusal(code: "authentication_required", declineCode: "authentication_required"), turn)
                }
                if refusesAction {
                    throw StripeFailure(
                        402, type: "card_error", code: "authentication_required",
                        "This payment required an authentication action to complete, but `error_on_requires_action` was set."
                    )
                }
                return askBuyer(id, turn)
            }
            if case .decline(let declineCode) = after {
                return try decline(id, method, card, CardRefusal(code: "card_declined", declineCode: declineCode), turn)
            }
        case .decline(let code, let declineCode):
            return try decline(id, method, card, CardRefusal(code: code, declineCode: declineCode), turn)
        case .declineCharges:
            return try decline(
                id, method, card, CardRefusal(code: "card_declined", declineCode: "generic_decline"), turn)
        case .blocked:
            return try decline(id, method, card, CardRefusal(code: "card_declined", declineCode: "fraudulent"), turn)
        default: break
        }
        if !isAuthenticated, !offSession,
            intent["payment_method_options"]["card"]["request_three_d_secure"] != "automatic"
        {
            return askBuyer(id, turn)
        }
        return try Charges.succeed(id, method, card, turn)
    }

    private func needsAuthentication(always: Bool, _ card: TestCard, _ method: JSONValue) -> Bool {
        if always || !offSession { return true }
        if card.names.contains("authenticationRequiredSetupForOffSession") { return false }
        return method["customer"].isNull
    }

    private func askBuyer(_ id: String, _ turn: Turn) -> JSONValue {
        let waiting = turn.update(id) { intent in
            intent["status"] = "requires_action"
            intent["last_payment_error"] = .null
            intent["_return_url"] = .optional(returnURL)
            intent["next_action"] =
                returnURL == nil
                ? [
                    "type": "use_stripe_sdk",
                    "use_stripe_sdk": [
                        "type": "three_d_secure_redirect", "stripe_js": .string("\(turn.address)/authenticate/\(id)"),
                    ],
                ]
                : [
                    "redirect_to_url": [
                        "return_url": .optional(returnURL), "url": .string("\(turn.address)/authenticate/\(id)"),
                    ], "type": "redirect_to_url",
                ]
        }
        turn.emit("payment_intent.requires_action", waiting)
        return waiting
    }

    /// The failed attempt: a failed charge, the intent open again, and the refusal that carries both.
    private func decline(
        _ id: String, _ method: JSONValue, _ card: TestCard, _ refusal: CardRefusal, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let charge = Charges.fail(id, method, card, refusal, turn)
        throw Self.failed(id, method, charge: charge["id"], refusal.failure(), turn)
    }

    /// Puts the refusal into the intent, tells it, and answers with it; what happened stays.
    static func failed(
        _ id: String, _ method: JSONValue, charge: JSONValue, _ failure: StripeFailure, _ turn: Turn
    ) -> StripeFailure {
        var failure = failure
        if !charge.isNull { failure.body["charge"] = charge }
        failure.body["payment_method"] = method
        failure.body["payment_method_type"] = "card"
        let error = failure.body
        let intent = turn.update(id) { intent in
            intent["status"] = "requires_payment_method"
            intent["payment_method"] = .null
            intent["next_action"] = .null
            intent["last_payment_error"] = .object(error)
            if !charge.isNull { intent["latest_charge"] = charge }
        }
        turn.emit("payment_intent.payment_failed", intent)
        failure.body["payment_intent"] = intent
        failure.keepsEffects = true
        return failure
    }

    /// What the buyer's bank says on its page.
    static func authenticate(_ id: String, succeeds: Bool, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let intent = turn.current(id)
        guard intent["status"] == "requires_action" else {
            throw PaymentIntents.unexpectedState(
                intent,
                "This PaymentIntent waits for no authentication: its status is \(intent["status"].string ?? "").")
        }
        let method = turn.current(intent["payment_method"].string)
        guard succeeds else {
            throw failed(
                id, method, charge: .null,
                StripeFailure(
                    402, type: "invalid_request_error", code: "payment_intent_authentication_failure",
                    "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."
                ),
                turn)
        }
        let answered = try Confirmation(isAuthenticated: true).run(id, method: method, turn)
        if let session = answered["_session"].string { CheckoutSessions.complete(session, answered, turn) }
        return answered
    }
}
