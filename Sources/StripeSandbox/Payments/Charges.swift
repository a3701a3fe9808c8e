/// `/v1/charges`: what each attempt left behind.
enum Charges {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/charges") { turn throws(StripeFailure) in
            try turn.page(
                of: "charge", url: "/v1/charges",
                slots: turn.slots(of: "charge", by: "payment_intent", "transfer_group", "customer")
            ) { turn.matches($0, "customer", "payment_intent", "transfer_group") }
        }
        try routes.add("GET /v1/charges/:charge") { turn throws(StripeFailure) in
            try turn.fromPath("charge", "charge")
        }
        try routes.add("POST /v1/charges/:charge") { turn throws(StripeFailure) in
            let old = try turn.fromPath("charge", "charge")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.updateAndEmit(old["id"].string ?? "", "charge.updated") { charge in
                charge["metadata"] = metadata
                for key in ["description", "receipt_email", "transfer_group"] {
                    if let value = turn.params[key] { charge[key] = value }
                }
            }
        }
        try routes.add("POST /v1/charges/:charge/capture") { turn throws(StripeFailure) in
            let charge = try turn.fromPath("charge", "charge")
            guard let intent = charge["payment_intent"].string else {
                throw .state(nil, "This charge has no PaymentIntent to capture.")
            }
            _ = try Capture.capture(
                intent, amount: turn.int("amount"), fee: turn.params["application_fee_amount"], turn)
            return turn.current(charge["id"].string)
        }
        try routes.add("GET /v1/charges/:charge/refunds") { turn throws(StripeFailure) in
            let id = try turn.fromPath("charge", "charge")["id"].string ?? ""
            return try turn.page(
                of: "refund", url: "/v1/charges/\(id)/refunds",
                slots: turn.world.slots(account: turn.account, type: "refund", field: "charge", value: id))
        }
    }

    // MARK: Objects

    static func object(_ intent: JSONValue, _ method: JSONValue, _ card: TestCard, _ turn: Turn) -> JSONValue {
        let id = turn.newID("ch")
        return [
            "id": .string(id), "object": "charge", "amount": intent["amount"], "amount_captured": 0,
            "amount_refunded": 0, "application": intent["application"], "application_fee": .null,
            "application_fee_amount": intent["application_fee_amount"], "balance_transaction": .null,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "SOUK SANDBOX", "captured": false, "created": .int(turn.now),
            "currency": intent["currency"], "customer": intent["customer"], "description": intent["description"],
            "disputed": false,
            "failure_balance_transaction": .null, "failure_code": .null, "failure_message": .null,
            "fraud_details": [:], "livemode": false, "metadata": intent["metadata"],
            "on_behalf_of": intent["on_behalf_of"],
            "outcome": [
                "advice_code": .null, "network_advice_code": .null, "network_decline_code": .null,
                "network_status": "approved_by_network", "reason": .null, "risk_level": .string(card.riskLevel),
                "risk_score": card.riskLevel == "normal" ? 20 : 75, "seller_message": "Payment complete.",
                "type": card.riskLevel == "normal" ? "authorized" : "manual_review",
            ],
            "paid": true, "payment_intent": intent["id"], "payment_method": method["id"],
            "payment_method_details": ["card": cardDetails(method, card, turn), "type": "card"],
            "presentment_details": .null, "radar_options": [:], "receipt_email": intent["receipt_email"],
            "receipt_number": .null, "receipt_url": .string("\(turn.address)/receipts/\(id)"), "refunded": false,
            "review": .null, "shipping": intent["shipping"], "source": .null, "source_transfer": .null,
            "statement_descriptor": .null, "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
            "status": "succeeded", "transfer_data": transferData(intent), "transfer_group": intent["transfer_group"],
        ]
    }

    private static func transferData(_ intent: JSONValue) -> JSONValue {
        guard intent["transfer_data"].object != nil else { return .null }
        return ["amount": intent["transfer_data"]["amount"], "destination": intent["transfer_data"]["destination"]]
    }

    private static func cardDetails(_ method: JSONValue, _ card: TestCard, _ turn: Turn) -> JSONValue {
        let shown = method["card"]
        return [
            "amount_authorized": .null, "authorization_code": .null, "brand": .string(card.brand),
            "checks": shown["checks"], "country": "US", "exp_month": shown["exp_month"],
            "exp_year": shown["exp_year"], "extended_authorization": ["status": "disabled"],
            "fingerprint": shown["fingerprint"], "funding": .string(card.funding),
            "incremental_authorization": ["status": "unavailable"], "installments": .null,
            "last4": .string(card.last4), "mandate": .null, "multicapture": ["status": "unavailable"],
            "network": .string(card.brand), "network_token": ["used": false],
            "network_transaction_id": .string(turn.random(15)),
            "overcapture": ["maximum_amount_capturable": 0, "status": "unavailable"],
            "regulated_status": "unregulated", "three_d_secure": .null, "transaction_link_id": .null, "wallet": .null,
        ]
    }

    // MARK: Attempts

    static func fail(
        _ intentID: String, _ method: JSONValue, _ card: TestCard, _ refusal: CardRefusal, _ turn: Turn
    ) -> JSONValue {
        var charge = object(turn.current(intentID), method, card, turn)
        let isBlocked = card.behaviour == .blocked
        charge["status"] = "failed"
        charge["paid"] = false
        charge["failure_code"] = .string(refusal.code)
        charge["failure_message"] = .string(refusal.message)
        charge["receipt_url"] = .null
        charge["outcome"] = [
            "advice_code": .string(refusal.adviceCode), "network_advice_code": .null,
            "network_decline_code": isBlocked ? .null : "01",
            "network_status": isBlocked ? "not_sent_to_network" : "declined_by_network",
            "reason": isBlocked ? "highest_risk_level" : .string(refusal.declineCode ?? refusal.code),
            "risk_level": .string(isBlocked ? "highest" : card.riskLevel), "risk_score": isBlocked ? 99 : 20,
            "seller_message": isBlocked
                ? "Stripe blocked this payment as too risky."
                : "The bank did not return any further details with this decline.",
            "type": isBlocked ? "blocked" : "issuer_declined",
        ]
        let made = turn.insert("charge", charge)
        turn.emit("charge.failed", made)
        return made
    }

    static func succeed(
        _ intentID: String, _ method: JSONValue, _ card: TestCard, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let isManual = turn.current(intentID)["capture_method"] == "manual"
        var charge = object(turn.current(intentID), method, card, turn)
        let id = charge["id"].string ?? ""
        if charge["transfer_group"].isNull, charge["transfer_data"].object != nil {
            charge["transfer_group"] = .string("group_\(intentID)")
        }
        charge["_card"] = .string(card.number)
        if isManual {
            let before = turn.now + 7 * BalanceRows.day
            charge["payment_method_details"]["card"]["capture_before"] = .int(before)
            charge["payment_method_details"]["card"]["amount_authorized"] = charge["amount"]
            turn.schedule(.expireAuthorization, intentID, at: before * 1000)
        } else {
            charge["captured"] = true
            charge["amount_captured"] = charge["amount"]
        }
        let made = turn.insert("charge", charge)
        let group = made["transfer_group"]
        let intent = turn.update(intentID) { intent in
            intent["latest_charge"] = .string(id)
            intent["last_payment_error"] = .null
            intent["transfer_group"] = group
            if isManual {
                intent["status"] = "requires_capture"
                intent["amount_capturable"] = intent["amount"]
            } else {
                intent["status"] = "succeeded"
                intent["amount_received"] = intent["amount"]
            }
        }
        if !turn.current(intentID)["setup_future_usage"].isNull, let customer = intent["customer"].string,
            method["customer"].isNull
        {
            turn.emit(
                "payment_method.attached",
                turn.update(method["id"].string ?? "") { $0["customer"] = .string(customer) })
        }
        turn.emit("charge.succeeded", turn.current(id))
        if isManual {
            turn.emit("payment_intent.amount_capturable_updated", intent)
        } else {
            turn.emit("payment_intent.succeeded", intent)
            ChargeSettlement.begin(id, isAsynchronous: intent["capture_method"] != "automatic", turn)
        }
        return turn.current(intentID)
    }
}

extension Charges {
    /// What a charge that has its row has brought into the balance, before fees: what was not captured is off.
    static func brought(by id: String, _ turn: Turn) -> Exchange.Settled {
        let rows = turn.world.all(account: turn.account, type: "balance_transaction", field: "source", value: id)
        return Exchange.Settled(
            amount: rows.reduce(0) { $0 + ($1.value["amount"].int ?? 0) },
            currency: rows.first?.value["currency"].string ?? "")
    }
}
