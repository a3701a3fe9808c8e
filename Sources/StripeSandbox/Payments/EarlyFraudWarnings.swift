/// `/v1/radar/early_fraud_warnings`: charges that the card's bank calls fraudulent before anybody disputes them
/// (docs/sandbox.md, "Early fraud warnings").
enum EarlyFraudWarnings {
    static let type = "radar.early_fraud_warning"
    static let fraudTypes = [
        "card_never_received", "fraudulent_card_application", "made_with_counterfeit_card", "made_with_lost_card",
        "made_with_stolen_card", "misc", "unauthorized_use_of_card",
    ]

    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/radar/early_fraud_warnings") { turn throws(StripeFailure) in
            try turn.page(
                of: type, url: "/v1/radar/early_fraud_warnings",
                slots: turn.slots(of: type, by: "charge", "payment_intent")
            ) { turn.matches($0, "charge", "payment_intent") }
        }
        try routes.add("GET /v1/radar/early_fraud_warnings/:early_fraud_warning") { turn throws(StripeFailure) in
            try turn.fromPath("early_fraud_warning", type, kind: "early fraud warning")
        }
    }

    /// The bank warns. It may do so more than once, and of a charge of which nothing can be done any more.
    @discardableResult
    static func warn(of chargeID: String, fraudType: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let charge = turn.current(chargeID)
        guard charge["status"] == "succeeded" else {
            throw .state(nil, "Only a charge that succeeded can be warned of.")
        }
        guard fraudTypes.contains(fraudType) else {
            throw .parameter(nil, "fraud_type", "Must be one of \(fraudTypes.joined(separator: ", "))")
        }
        let warning = turn.insert(
            type,
            [
                "id": .string(turn.newID("issfr")), "object": .string(type), "actionable": .bool(isActionable(charge)),
                "charge": .string(chargeID), "created": .int(turn.now), "fraud_type": .string(fraudType),
                "livemode": false, "payment_intent": charge["payment_intent"],
            ])
        turn.emit("radar.early_fraud_warning.created", warning)
        return warning
    }

    /// The charge was refunded or disputed: once that is the whole of it, warnings of it ask for nothing any more.
    static func follow(_ chargeID: String, _ turn: Turn) {
        guard !isActionable(turn.current(chargeID)) else { return }
        for warning in turn.world.all(account: turn.account, type: type, field: "charge", value: chargeID) {
            turn.updateAndEmit(warning.value["id"].string ?? "", "radar.early_fraud_warning.updated") {
                $0["actionable"] = false
            }
        }
    }

    private static func isActionable(_ charge: JSONValue) -> Bool {
        charge["refunded"] != true && charge["disputed"] != true
    }
}
