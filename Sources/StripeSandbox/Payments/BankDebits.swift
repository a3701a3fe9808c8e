/// US bank accounts as a way to pay, by test method: the bank answers days later, and until then the payment is
/// `processing` (stripe.com, "ACH Direct Debit").
enum BankDebits {
    static let type: JSONValue = "us_bank_account"
    private static let daysToAnswer: Int64 = 4

    /// The bank's answer to each test method; nil pays.
    private static let refusals: [String: String?] = [
        "pm_usBankAccount_success": nil, "pm_usBankAccount_insufficientFunds": "insufficient_funds",
        "pm_usBankAccount_accountClosed": "account_closed", "pm_usBankAccount_noAccount": "no_account",
        "pm_usBankAccount_debitNotAuthorized": "debit_not_authorized",
    ]

    /// - Returns: nil for what is no such test method.
    static func method(named name: String, _ turn: Turn) -> JSONValue? {
        guard let refusal = refusals[name] else { return nil }
        return turn.insert(
            "payment_method",
            [
                "id": .string(turn.newID("pm")), "object": "payment_method", "allow_redisplay": "unspecified",
                "billing_details": Shapes.billingDetails(.null), "created": .int(turn.now), "customer": .null,
                "customer_account": .null, "livemode": false, "metadata": [:], "type": type,
                "us_bank_account": [
                    "account_holder_type": "individual", "account_type": "checking", "bank_name": "STRIPE TEST BANK",
                    "financial_connections_account": .null, "fingerprint": .string(turn.random(16)), "last4": "6789",
                    "networks": ["preferred": "ach", "supported": ["ach"]], "routing_number": "110000000",
                    "status_details": [:],
                ],
                "_refusal": .optional(refusal),
            ])
    }

    /// Asks the bank: the intent and its charge wait for the answer.
    static func begin(_ id: String, _ method: JSONValue, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let intent = turn.current(id)
        guard intent["currency"] == "usd", intent["capture_method"] != "manual" else {
            throw .state(
                "payment_intent_incompatible_payment_method",
                "A us_bank_account is debited in usd only, and its payment is captured at once.",
                param: "payment_method")
        }
        guard let card = TestCard.named("visa") else { throw .notSimulated("bank debits") }
        var charge = Charges.object(intent, method, card, turn)
        let bank = method["us_bank_account"]
        charge["status"] = "pending"
        charge["paid"] = false
        charge["captured"] = true
        charge["amount_captured"] = charge["amount"]
        charge["payment_method_details"] = [
            "type": type,
            "us_bank_account": [
                "account_holder_type": bank["account_holder_type"], "account_type": bank["account_type"],
                "bank_name": bank["bank_name"], "expected_debit_date": .null, "fingerprint": bank["fingerprint"],
                "last4": bank["last4"], "mandate": .null, "payment_reference": .null,
                "routing_number": bank["routing_number"],
            ],
        ]
        if charge["transfer_group"].isNull, charge["transfer_data"].object != nil {
            charge["transfer_group"] = .string("group_\(id)")
        }
        let made = turn.insert("charge", charge)
        turn.update(id) { intent in
            intent["status"] = "processing"
            intent["latest_charge"] = made["id"]
            intent["last_payment_error"] = .null
            intent["payment_method"] = method["id"]
            intent["payment_method_types"] = ["card", type]
            intent["transfer_group"] = made["transfer_group"]
        }
        turn.emit("charge.pending", made)
        turn.emit("payment_intent.processing", turn.current(id))
        turn.schedule(.debitAnswered, id, after: daysToAnswer * BalanceRows.day * 1000)
        return turn.current(id)
    }

    /// The bank's answer has come.
    static func finish(_ id: String, _ turn: Turn) {
        let intent = turn.current(id)
        guard intent["status"] == "processing", let charge = intent["latest_charge"].string else { return }
        let method = turn.current(intent["payment_method"].string)
        if let refusal = method["_refusal"].string {
            refuse(id, charge, method, refusal, turn)
        } else {
            turn.update(charge) { charge in
                charge["status"] = "succeeded"
                charge["paid"] = true
            }
            turn.update(id) { intent in
                intent["status"] = "succeeded"
                intent["amount_received"] = intent["amount"]
            }
            turn.emit("charge.succeeded", turn.current(charge))
            turn.emit("payment_intent.succeeded", turn.current(id))
            ChargeSettlement.begin(charge, isAsynchronous: true, turn)
        }
        if let session = intent["_session"].string {
            CheckoutSessions.answered(session, isPaid: method["_refusal"].isNull, turn)
        }
    }

    private static func refuse(_ id: String, _ charge: String, _ method: JSONValue, _ code: String, _ turn: Turn) {
        let message = "The bank did not pay: \(code.replacing("_", with: " "))."
        turn.update(charge) { charge in
            charge["status"] = "failed"
            charge["captured"] = false
            charge["amount_captured"] = 0
            charge["failure_code"] = .string(code)
            charge["failure_message"] = .string(message)
        }
        turn.emit("charge.failed", turn.current(charge))
        _ = Confirmation.failed(
            id, method, charge: .string(charge),
            StripeFailure(402, type: "invalid_request_error", code: code, message), turn)
    }
}
