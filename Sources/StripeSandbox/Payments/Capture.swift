/// Taking the money of an authorised intent, wholly or in part.
enum Capture {
    static let run: Route.Answer = { turn throws(StripeFailure) in
        let intent = try PaymentIntents.find(turn)
        if turn.bool("final_capture") == false {
            throw .notSimulated("several captures of one PaymentIntent", param: "final_capture")
        }
        try PaymentIntents.refuseDescriptor(turn.params)
        if let suffix = turn.params["statement_descriptor_suffix"] {
            turn.update(intent["id"].string ?? "") { $0["statement_descriptor_suffix"] = suffix }
            turn.update(intent["latest_charge"].string ?? "") { $0["statement_descriptor_suffix"] = suffix }
        }
        if let data = turn.params["transfer_data"], let amount = data["amount"].int {
            turn.update(intent["id"].string ?? "") { $0["transfer_data"]["amount"] = .int(amount) }
        }
        if turn.has("metadata") {
            let metadata = try turn.mergedMetadata(intent["metadata"])
            turn.update(intent["id"].string ?? "") { $0["metadata"] = metadata }
        }
        return try capture(
            intent["id"].string ?? "", amount: turn.int("amount_to_capture"),
            fee: turn.params["application_fee_amount"], turn)
    }

    static func capture(
        _ id: String, amount wanted: Int64?, fee: JSONValue?, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let intent = turn.current(id)
        let status = intent["status"].string ?? ""
        guard status == "requires_capture", let chargeID = intent["latest_charge"].string else {
            throw PaymentIntents.unexpectedState(
                intent,
                "This PaymentIntent could not be captured because it has a status of \(status). Only a PaymentIntent with one of the following statuses may be captured: requires_capture."
            )
        }
        let authorised = intent["amount_capturable"].int ?? 0
        let amount = wanted ?? authorised
        guard amount >= 1, amount <= authorised else {
            throw .parameter(
                amount < 1 ? "parameter_invalid_integer" : "amount_too_large", "amount_to_capture",
                "The amount to capture (\(amount)) must be between 1 and the amount capturable (\(authorised)).")
        }
        let asked = (fee ?? intent["application_fee_amount"]).int
        if let given = fee?.int, given > amount {
            throw .parameter(
                nil, "application_fee_amount", "The application fee (\(given)) exceeds the captured amount (\(amount))."
            )
        }
        turn.cancelJob("expireAuthorization:\(id)")
        let charge = turn.update(chargeID) { charge in
            charge["captured"] = true
            charge["amount_captured"] = .int(amount)
            charge["application_fee_amount"] = .optional(asked.map { min($0, amount) })
            charge["transfer_data"]["amount"] = .optional(intent["transfer_data"]["amount"].int.map { min($0, amount) })
        }
        let captured = turn.update(id) { intent in
            intent["status"] = "succeeded"
            intent["amount_capturable"] = 0
            intent["amount_received"] = .int(amount)
            intent["application_fee_amount"] = charge["application_fee_amount"]
        }
        turn.emit("charge.captured", charge)
        turn.emit("payment_intent.succeeded", captured)
        ChargeSettlement.begin(chargeID, isAsynchronous: intent["capture_method"] == "automatic_async", turn)
        return turn.current(id)
    }
}
