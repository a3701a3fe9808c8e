/// `/v1/topups`: money from a bank into the platform's balance, so that transfers can be made without sales.
enum Topups {
    /// Test sources and the failure that each brings.
    private static let sources: [String: String?] = [
        "btok_us_verified": nil, "btok_us_verified_noAccount": "no_account",
        "btok_us_verified_accountClosed": "account_closed", "btok_us_verified_insufficientFunds": "insufficient_funds",
        "btok_us_verified_debitNotAuthorized": "debit_not_authorized",
        "btok_us_verified_invalidCurrency": "invalid_currency",
    ]

    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/topups", platformOnly: true, create)
        try routes.add("GET /v1/topups", platformOnly: true) { turn throws(StripeFailure) in
            let amounts = try turn.createdRange("amount")
            return try turn.page(of: "topup", url: "/v1/topups") { topup in
                turn.matches(topup, "status") && amounts.contains(topup["amount"].int ?? 0)
            }
        }
        try routes.add("GET /v1/topups/:topup", platformOnly: true) { turn throws(StripeFailure) in
            try turn.fromPath("topup", "topup")
        }
        try routes.add("POST /v1/topups/:topup", platformOnly: true) { turn throws(StripeFailure) in
            let old = try turn.fromPath("topup", "topup")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.update(old["id"].string ?? "") { topup in
                topup["metadata"] = metadata
                if let description = turn.params["description"] { topup["description"] = description }
            }
        }
        try routes.add("POST /v1/topups/:topup/cancel", platformOnly: true) { turn throws(StripeFailure) in
            let old = try turn.fromPath("topup", "topup")
            let id = old["id"].string ?? ""
            guard old["status"] == "pending" else {
                throw .state(nil, "Only pending top-ups can be canceled; this one is \(old["status"].string ?? "").")
            }
            turn.cancelJob("topupSucceeds:\(id)")
            let canceled = turn.update(id) { $0["status"] = "canceled" }
            turn.emit("topup.canceled", canceled)
            return canceled
        }
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let currency = try Accounts.currencyCode(try turn.required("currency"), "currency")
        let amount = try turn.requiredInt("amount")
        guard amount >= 1 else {
            throw .parameter("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
        }
        let source = turn.string("source") ?? "btok_us_verified"
        guard let failure = sources[source] else { throw .missingReference("source", source, param: "source") }
        let arrival = turn.now + 3600
        let topup = turn.insert(
            "topup",
            [
                "id": .string(turn.newID("tu")), "object": "topup", "amount": .int(amount),
                "balance_transaction": .null, "created": .int(turn.now), "currency": currency,
                "description": turn.params["description"] ?? .null, "expected_availability_date": .int(arrival),
                "failure_code": .null, "failure_message": .null, "initiated_by": "customer", "livemode": false,
                "metadata": try turn.mergedMetadata(.null), "source": .null,
                "statement_descriptor": turn.params["statement_descriptor"] ?? .null, "status": "pending",
                "transfer_group": turn.params["transfer_group"] ?? .null, "_failure": .optional(failure),
            ])
        turn.emit("topup.created", topup)
        turn.schedule(.topupSucceeds, topup["id"].string ?? "", at: arrival * 1000)
        return topup
    }

    static func finish(_ id: String, _ turn: Turn) {
        let topup = turn.current(id)
        guard topup["status"] == "pending" else { return }
        if let failure = topup["_failure"].string {
            let failed = turn.update(id) { topup in
                topup["status"] = "failed"
                topup["failure_code"] = .string(failure)
                topup["failure_message"] = .string(
                    "The bank refused this top-up: \(failure.replacing("_", with: " ")).")
            }
            turn.emit("topup.failed", failed)
            return
        }
        let row = BalanceRows.book(
            BalanceRows.Movement(
                type: "topup", category: "topup", amount: topup["amount"].int ?? 0,
                currency: topup["currency"].string ?? "", source: id, description: topup["description"].string),
            in: turn.account, turn)
        let done = turn.update(id) { topup in
            topup["status"] = "succeeded"
            topup["balance_transaction"] = row["id"]
        }
        turn.emit("topup.succeeded", done)
    }

    /// The bank takes back what it had paid.
    static func reverse(_ id: String, _ turn: Turn) throws(StripeFailure) {
        let topup = turn.current(id)
        guard topup["status"] == "succeeded" else {
            throw .state(
                nil, "Only a top-up that succeeded can be reversed; this one is \(topup["status"].string ?? "").")
        }
        BalanceRows.book(
            BalanceRows.Movement(
                type: "topup_reversal", category: "topup_reversal", amount: -(topup["amount"].int ?? 0),
                currency: topup["currency"].string ?? "", source: id, description: topup["description"].string),
            in: turn.account, turn)
        turn.emit("topup.reversed", turn.update(id) { $0["status"] = "reversed" })
    }
}
