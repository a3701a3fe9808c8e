/// `/v1/accounts/:id/external_accounts`: the bank accounts and debit cards that payouts go to.
enum ExternalAccounts {
    static func declare(_ routes: inout RouteBuilder) throws {
        let base = "/v1/accounts/:account/external_accounts"
        try routes.add("POST \(base)") { turn throws(StripeFailure) in
            let id = try Accounts.account(turn)
            guard let external = turn.params["external_account"] else {
                throw .parameter("parameter_missing", "external_account", "Missing required param: external_account.")
            }
            return try create(
                external, for: id, makeDefault: turn.bool("default_for_currency") ?? false,
                metadata: try turn.mergedMetadata(.null), turn)
        }
        try routes.add("GET \(base)") { turn throws(StripeFailure) in
            let id = try Accounts.account(turn)
            let wanted = turn.string("object")
            return try turn.page(
                of: wanted ?? "bank_account", url: "/v1/accounts/\(id)/external_accounts", in: id,
                slots: wanted == nil ? slots(id, turn) : nil)
        }
        try routes.add("GET \(base)/:external_account") { turn throws(StripeFailure) in
            try find(turn)
        }
        try routes.add("POST \(base)/:external_account", update)
        try routes.add("DELETE \(base)/:external_account", delete)
    }

    private static func slots(_ id: String, _ turn: Turn) -> [World.Slot] {
        (turn.world.slots(account: id, type: "bank_account") + turn.world.slots(account: id, type: "card"))
            .sorted { $0.position < $1.position }
    }

    private static func find(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        let id = try Accounts.account(turn)
        let external = turn.path["external_account"] ?? ""
        guard let value = turn.find("bank_account", external, in: id) ?? turn.find("card", external, in: id) else {
            throw .missing("external account", external)
        }
        return value
    }

    /// Banks that fail on payout, by account number; their failure is kept as a note (docs/sandbox.md, "Test banks").
    static let failures = [
        "000111111116": "no_account", "000111111113": "account_closed", "000222222227": "insufficient_funds",
        "000333333335": "debit_not_authorized", "000444444440": "invalid_currency",
    ]

    @discardableResult
    static func create(
        _ external: JSONValue, for id: String, makeDefault: Bool, metadata: JSONValue, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let account = turn.current(id)
        var made: JSONValue
        if let token = external.string {
            guard
                let known = token.hasPrefix("btok_")
                    ? bankToken(token, account, turn) : debitToken(token, account, turn)
            else { throw .missingReference("token", token, param: "external_account") }
            made = known
        } else if external["object"] == "card" || external["number"].string != nil {
            if let token = external["token"].string {
                guard let known = debitToken(token, account, turn) else {
                    throw .missingReference("token", token, param: "external_account[token]")
                }
                made = known
            } else {
                made = debitCard(external["number"].string ?? "", account, turn)
                for key in ["exp_month", "exp_year", "name"] where !external[key].isNull { made[key] = external[key] }
                if !external["cvc"].isNull { made["cvc_check"] = "pass" }
            }
            if let currency = external["currency"].string {
                made["currency"] = try Accounts.currencyCode(currency, "external_account[currency]")
            }
        } else {
            let number = external["account_number"].string ?? ""
            let country = external["country"].string ?? account["country"].string ?? "US"
            guard number.count >= 4 else {
                throw .parameter(
                    "account_number_invalid", "external_account[account_number]", "Invalid account number.")
            }
            if country == "US", external["routing_number"].string?.count != 9 {
                throw .parameter(
                    "routing_number_invalid", "external_account[routing_number]",
                    "The routing number must be nine digits, such as 110000000.")
            }
            made = bankAccount(
                turn, country: country,
                currency: try Accounts.currencyCode(
                    external["currency"].string ?? account["default_currency"].string ?? "usd",
                    "external_account[currency]"
                ).string ?? "usd",
                routing: external["routing_number"].string, number: number,
                holder: external["account_holder_name"].string, holderType: external["account_holder_type"].string)
        }
        if metadata.object?.isEmpty == false { made["metadata"] = metadata }
        return attach(made, to: id, makeDefault: makeDefault, turn)
    }

    private static let noRequirements: JSONValue = [
        "currently_due": [], "errors": [], "past_due": [], "pending_verification": [],
    ]

    private static func bankToken(_ token: String, _ account: JSONValue, _ turn: Turn) -> JSONValue? {
        let numbers = [
            "btok_us": "000123456789", "btok_us_verified": "000123456789", "btok_us_verified_noAccount": "000111111116",
            "btok_us_verified_accountClosed": "000111111113", "btok_us_verified_insufficientFunds": "000222222227",
            "btok_us_verified_debitNotAuthorized": "000333333335", "btok_us_verified_invalidCurrency": "000444444440",
        ]
        guard let number = numbers[token] else { return nil }
        return bankAccount(
            turn, country: "US", currency: "usd", routing: "110000000", number: number, holder: nil, holderType: nil)
    }

    private static func debitToken(_ token: String, _ account: JSONValue, _ turn: Turn) -> JSONValue? {
        switch token {
        case "tok_visa_debit", "tok_visa_debit_us_transferSuccess": debitCard("4000056655665556", account, turn)
        case "tok_visa_debit_us_transferFail": debitCard("4000056655665572", account, turn)
        default: nil
        }
    }

    static func bankAccount(
        _ turn: Turn, country: String, currency: String, routing: String?, number: String, holder: String?,
        holderType: String?
    ) -> JSONValue {
        [
            "id": .string(turn.newID("ba")), "object": "bank_account", "account": .null,
            "account_holder_name": .optional(holder), "account_holder_type": .optional(holderType),
            "account_type": .null,
            "available_payout_methods": .list(number == "000888888883" ? ["standard"] : ["standard", "instant"]),
            "bank_name": "STRIPE TEST BANK", "country": .string(country), "currency": .string(currency),
            "customer": .null, "default_for_currency": false, "fingerprint": .string(turn.random(16)),
            "future_requirements": noRequirements, "last4": .string(String(number.suffix(4))),
            "metadata": [:], "requirements": noRequirements, "routing_number": .optional(routing),
            "status": "new", "_failure": .optional(failures[number]),
        ]
    }

    private static func debitCard(_ number: String, _ account: JSONValue, _ turn: Turn) -> JSONValue {
        [
            "id": .string(turn.newID("card")), "object": "card", "account": .null, "address_city": .null,
            "address_country": .null, "address_line1": .null, "address_line1_check": .null, "address_line2": .null,
            "address_state": .null, "address_zip": .null, "address_zip_check": .null,
            "allow_redisplay": "unspecified", "available_payout_methods": ["standard", "instant"], "brand": "Visa",
            "country": "US", "currency": account["default_currency"], "customer": .null, "cvc_check": .null,
            "default_for_currency": false, "dynamic_last4": .null, "exp_month": 12, "exp_year": 2034,
            "fingerprint": .string(turn.random(16)), "funding": "debit", "last4": .string(String(number.suffix(4))),
            "metadata": [:], "name": .null, "regulated_status": "unregulated", "tokenization_method": .null,
            "wallet": .null, "_failure": number == "4000056655665572" ? "could_not_process" : .null,
        ]
    }

    /// Adds a destination; the first of its currency is the default whatever is asked.
    static func attach(_ external: JSONValue, to id: String, makeDefault: Bool, _ turn: Turn) -> JSONValue {
        var external = external
        external["account"] = .string(id)
        let isFirst = all(of: id, turn).allSatisfy { $0["currency"] != external["currency"] }
        external["default_for_currency"] = .bool(makeDefault || isFirst)
        let made = turn.insert(external["object"].string ?? "", external, in: id)
        if makeDefault, !isFirst { demoteOthers(than: made, of: id, turn) }
        show(id, turn)
        if id != turn.world.platform { turn.emit("account.external_account.created", made, in: id) }
        return made
    }

    static func all(of id: String, _ turn: Turn) -> [JSONValue] {
        slots(id, turn).compactMap { turn.world[id: $0.id]?.value }
    }

    private static func demoteOthers(than chosen: JSONValue, of id: String, _ turn: Turn) {
        for other in all(of: id, turn) where other["id"] != chosen["id"] && other["currency"] == chosen["currency"] {
            turn.update(other["id"].string ?? "") { $0["default_for_currency"] = false }
        }
    }

    /// The account carries its list of destinations and works out again whether it can be paid.
    static func show(_ id: String, _ turn: Turn) {
        let list = Turn.embedded(all(of: id, turn), url: "/v1/accounts/\(id)/external_accounts", withCount: true)
        if id == turn.world.platform {
            turn.update(id) { $0["external_accounts"] = list }
        } else {
            Accounts.change(id, turn) { $0["external_accounts"] = list }
        }
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        let old = try find(turn)
        let id = old["id"].string ?? ""
        let account = old["account"].string ?? ""
        let metadata = try turn.mergedMetadata(old["metadata"])
        let new = turn.update(id) { external in
            external["metadata"] = metadata
            if let name = turn.params["account_holder_name"] { external["account_holder_name"] = name }
            if let type = turn.params["account_holder_type"] { external["account_holder_type"] = type }
            if turn.bool("default_for_currency") == true { external["default_for_currency"] = true }
        }
        if turn.bool("default_for_currency") == true { demoteOthers(than: new, of: account, turn) }
        show(account, turn)
        turn.emit(
            "account.external_account.updated", new, in: account, previous: Turn.differences(from: old, to: new))
        return new
    }

    static let delete: Route.Answer = { turn throws(StripeFailure) in
        let external = try find(turn)
        let id = external["id"].string ?? ""
        let account = external["account"].string ?? ""
        let others = all(of: account, turn).filter {
            $0["id"] != external["id"] && $0["currency"] == external["currency"]
        }
        guard external["default_for_currency"] != true || others.isEmpty else {
            throw .state(
                nil,
                "You cannot delete the default external account for your default currency. "
                    + "Please make another external account the default using the `default_for_currency` param, "
                    + "and then delete this one.")
        }
        turn.remove(id)
        show(account, turn)
        turn.emit("account.external_account.deleted", external, in: account)
        return [
            "id": .string(id), "object": external["object"], "currency": external["currency"], "deleted": true,
        ]
    }
}
