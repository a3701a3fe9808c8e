/// `/v1/disputes`: contested charges (docs/sandbox.md, "Disputes").
enum Disputes {
    /// What Stripe takes for a dispute, and again when it is countered.
    static let fee: Int64 = 1500

    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/disputes") { turn throws(StripeFailure) in
            try turn.page(
                of: "dispute", url: "/v1/disputes", slots: turn.slots(of: "dispute", by: "charge", "payment_intent")
            ) { turn.matches($0, "charge", "payment_intent") }
        }
        try routes.add("GET /v1/disputes/:dispute") { turn throws(StripeFailure) in
            try turn.fromPath("dispute", "dispute")
        }
        try routes.add("POST /v1/disputes/:dispute", update)
        try routes.add("POST /v1/disputes/:dispute/close") { turn throws(StripeFailure) in
            let dispute = try turn.fromPath("dispute", "dispute")
            guard isOpen(dispute) else { throw notOpen(dispute) }
            return resolve(dispute["id"].string ?? "", won: false, turn)
        }
    }

    private static func notOpen(_ dispute: JSONValue) -> StripeFailure {
        .state(nil, "This dispute is already closed: it is \(dispute["status"].string ?? "").")
    }

    static func isOpen(_ dispute: JSONValue) -> Bool {
        ["needs_response", "under_review", "warning_needs_response", "warning_under_review"].contains(
            dispute["status"].string)
    }

    static func blocksRefunds(_ charge: String, _ turn: Turn) -> Bool {
        turn.world.all(account: turn.account, type: "dispute", field: "charge", value: charge).contains {
            // The money of a dispute that was won is back.
            $0.value["is_charge_refundable"] != true && $0.value["status"] != "won"
        }
    }

    /// Contests a charge. An inquiry is a question of the bank: no money moves, and the charge can still be refunded.
    @discardableResult
    static func open(
        _ chargeID: String, reason: String, amount: Int64?, isInquiry: Bool, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        ChargeSettlement.finish(chargeID, turn)
        let charge = turn.current(chargeID)
        guard charge["status"] == "succeeded", charge["captured"] == true else {
            throw .state(nil, "Only a captured, successful charge can be disputed.")
        }
        let amount = amount ?? charge["amount_captured"].int ?? 0
        guard amount >= 1, amount <= charge["amount_captured"].int ?? 0 else {
            throw .parameter(nil, "amount", "The disputed amount must be between 1 and the amount captured.")
        }
        let id = turn.newID("dp")
        let due = turn.now + 9 * BalanceRows.day
        _ = turn.insert(
            "dispute",
            [
                "id": .string(id), "object": "dispute", "amount": .int(amount), "balance_transactions": [],
                "charge": .string(chargeID), "created": .int(turn.now), "currency": charge["currency"],
                "enhanced_eligibility_types": [], "evidence": emptyEvidence,
                "evidence_details": [
                    "due_by": .int(due), "enhanced_eligibility": [:], "has_evidence": false, "past_due": false,
                    "submission_count": 0, "submission_method": "not_submitted",
                ],
                "is_charge_refundable": .bool(isInquiry), "livemode": false, "metadata": [:],
                "payment_intent": charge["payment_intent"],
                "payment_method_details": [
                    "card": [
                        "brand": charge["payment_method_details"]["card"]["brand"],
                        "case_type": isInquiry ? "inquiry" : "chargeback",
                        "network": charge["payment_method_details"]["card"]["network"],
                        "network_reason_code": "10.4",
                    ], "type": "card",
                ],
                "reason": .string(reason), "status": isInquiry ? "warning_needs_response" : "needs_response",
            ])
        turn.update(chargeID) { charge in
            charge["disputed"] = true
        }
        if !isInquiry { withdraw(id, turn) }
        turn.emit("charge.dispute.created", turn.current(id))
        if !isInquiry { turn.emit("charge.dispute.funds_withdrawn", turn.current(id)) }
        EarlyFraudWarnings.follow(chargeID, turn)
        turn.schedule(.disputeDeadline, id, at: due * 1000)
        return turn.current(id)
    }

    private static let emptyEvidence: JSONValue = {
        var evidence = JSONObject()
        for key in [
            "access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
            "cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
            "customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
            "duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt", "refund_policy",
            "refund_policy_disclosure", "refund_refusal_explanation", "service_date", "service_documentation",
            "shipping_address", "shipping_carrier", "shipping_date", "shipping_documentation",
            "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
        ] { evidence[key] = .null }
        evidence["enhanced_evidence"] = [:]
        return .object(evidence)
    }()

    private static func withdraw(_ id: String, _ turn: Turn) {
        let dispute = turn.current(id)
        let currency = dispute["currency"].string ?? ""
        var fees = BalanceRows.stripeFee(fee, feeCurrency(of: dispute, turn))
        fees["description"] = "Dispute fee"
        book(
            BalanceRows.Movement(
                type: "adjustment", category: "dispute", amount: -(dispute["amount"].int ?? 0), fees: [fees],
                currency: currency, source: id,
                description: "Chargeback withdrawal for \(dispute["charge"].string ?? "")"), of: id, turn)
    }

    /// Stripe's fees are in the currency of the balance that pays them.
    private static func feeCurrency(of dispute: JSONValue, _ turn: Turn) -> String {
        Exchange.settlement(of: turn.account, dispute["currency"].string ?? "", turn)
    }

    private static func book(_ movement: BalanceRows.Movement, of id: String, _ turn: Turn) {
        let row = BalanceRows.book(movement, in: turn.account, turn)
        turn.update(id) { $0["balance_transactions"] = .array(($0["balance_transactions"].array ?? []) + [row]) }
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        let dispute = try turn.fromPath("dispute", "dispute")
        let id = dispute["id"].string ?? ""
        let metadata = try turn.mergedMetadata(dispute["metadata"])
        let evidence = turn.params["evidence"]?.object ?? JSONObject()
        guard !evidence.isEmpty || turn.bool("submit") != nil else {
            return turn.updateAndEmit(id, "charge.dispute.updated") { $0["metadata"] = metadata }
        }
        guard ["needs_response", "warning_needs_response"].contains(dispute["status"].string) else {
            throw .state(
                nil,
                "Evidence can be submitted once, while the dispute needs a response; it is \(dispute["status"].string ?? "")."
            )
        }
        let submits = turn.bool("submit") ?? true
        let isInquiry = dispute["status"] == "warning_needs_response"
        turn.updateAndEmit(id, "charge.dispute.updated") { dispute in
            dispute["metadata"] = metadata
            for (key, value) in evidence.pairs { dispute["evidence"][key] = value }
            if !evidence.isEmpty { dispute["evidence_details"]["has_evidence"] = true }
            if submits {
                dispute["evidence_details"]["submission_count"] = 1
                dispute["evidence_details"]["submission_method"] = "manual"
                dispute["status"] = isInquiry ? "warning_under_review" : "under_review"
            }
        }
        guard submits else { return turn.current(id) }
        turn.cancelJob("disputeDeadline:\(id)")
        if !isInquiry {
            book(
                BalanceRows.Movement(
                    type: "adjustment", category: "fee", amount: -fee, currency: feeCurrency(of: dispute, turn),
                    source: id, description: "Card Dispute Countered Fee"), of: id, turn)
        }
        switch turn.current(id)["evidence"]["uncategorized_text"] {
        case "winning_evidence": return resolve(id, won: true, turn)
        case "losing_evidence": return resolve(id, won: false, turn)
        case "escalate_inquiry_evidence" where isInquiry: return escalate(id, turn)
        default: return turn.current(id)
        }
    }

    /// An inquiry becomes a chargeback: the same object, and now the money goes.
    static func escalate(_ id: String, _ turn: Turn) -> JSONValue {
        withdraw(id, turn)
        turn.updateAndEmit(id, "charge.dispute.updated") { dispute in
            dispute["status"] = "needs_response"
            dispute["is_charge_refundable"] = false
            dispute["payment_method_details"]["card"]["case_type"] = "chargeback"
        }
        turn.emit("charge.dispute.funds_withdrawn", turn.current(id))
        return turn.current(id)
    }

    @discardableResult
    static func resolve(_ id: String, won: Bool, _ turn: Turn) -> JSONValue {
        let dispute = turn.current(id)
        let isInquiry = dispute["status"].string?.hasPrefix("warning") == true
        turn.cancelJob("disputeDeadline:\(id)")
        if won, !isInquiry {
            book(
                BalanceRows.Movement(
                    type: "adjustment", category: "dispute_reversal", amount: dispute["amount"].int ?? 0,
                    currency: dispute["currency"].string ?? "", source: id,
                    description: "Chargeback reversal for \(dispute["charge"].string ?? "")"),
                of: id, turn)
            if (dispute["evidence_details"]["submission_count"].int ?? 0) > 0 {
                book(
                    BalanceRows.Movement(
                        type: "adjustment", category: "fee", amount: fee, currency: feeCurrency(of: dispute, turn),
                        source: id, description: "Card Dispute Countered Fee refund"), of: id, turn)
            }
        }
        let closed = turn.update(id) { $0["status"] = isInquiry ? "warning_closed" : won ? "won" : "lost" }
        if won, !isInquiry { turn.emit("charge.dispute.funds_reinstated", closed) }
        turn.emit("charge.dispute.closed", closed)
        return closed
    }
}
