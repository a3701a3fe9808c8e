import Domain

/// `/v1/accounts`: connected accounts, their capabilities, rejection and links.
enum Accounts {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/accounts", platformOnly: true, create)
        try routes.add("GET /v1/accounts", platformOnly: true) { turn throws(StripeFailure) in
            try turn.page(of: "account", url: "/v1/accounts", where: { $0["id"].string != turn.world.platform })
        }
        try routes.add("GET /v1/account") { turn throws(StripeFailure) in turn.current(turn.account) }
        try routes.add("GET /v1/accounts/:account") { turn throws(StripeFailure) in
            turn.current(try account(turn))
        }
        try routes.add("POST /v1/accounts/:account", update)
        try routes.add("DELETE /v1/accounts/:account", platformOnly: true, delete)
        try routes.add("POST /v1/accounts/:account/reject", platformOnly: true, reject)
        try routes.add("POST /v1/accounts/:account/unreject", platformOnly: true, unreject)
        try routes.add("GET /v1/accounts/:account/capabilities") { turn throws(StripeFailure) in
            let id = try account(turn)
            let requested = turn.current(id)["_requested"].object?.keys ?? []
            return Turn.embedded(
                requested.sorted().map { capability($0, turn.current(id)) }, url: "/v1/accounts/\(id)/capabilities",
                most: 1000)
        }
        try routes.add("GET /v1/accounts/:account/capabilities/:capability") { turn throws(StripeFailure) in
            capability(turn.path["capability"] ?? "", turn.current(try account(turn)))
        }
        try routes.add("POST /v1/accounts/:account/capabilities/:capability", request)
        try routes.add("POST /v1/accounts/:account/login_links", platformOnly: true, AccountLinks.login)
        try routes.add("POST /v1/account_links", platformOnly: true, AccountLinks.create)
    }

    /// The connected account of the path: 403 for one that the platform does not control (any more).
    static func account(_ turn: Turn) throws(StripeFailure) -> String {
        let id = turn.path["account"] ?? ""
        guard let entry = turn.world[id: id], entry.type == "account", entry.value["deleted"] != true,
            entry.value["_deauthorized"] != true, turn.isPlatform || id == turn.account
        else {
            throw StripeFailure(
                403, type: "invalid_request_error", code: "account_invalid",
                "The provided key does not have access to account '\(id)' (or that account does not exist). "
                    + "Application access may have been revoked.")
        }
        return id
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let country = turn.string("country") ?? turn.current(turn.world.platform)["country"].string ?? "US"
        guard Country.currencies[country] != nil else {
            throw .parameter(
                "country_unsupported", "country", "Country '\(country)' is unknown or not supported by Connect.")
        }
        let controller = try controller(turn)
        let id = turn.newID("acct", length: 16).replacing("acct_", with: "acct_1")
        var account = AccountObject.fresh(
            id: id, turn, country: country, type: turn.string("type") ?? (turn.has("controller") ? "none" : "standard"),
            email: turn.string("email"))
        account["controller"] = controller
        account["metadata"] = try turn.mergedMetadata(.null)
        if let currency = turn.string("default_currency") {
            account["default_currency"] = try currencyCode(currency, "default_currency")
        }
        try take(turn, into: &account)
        AccountRequirements.refresh(&account)
        _ = turn.insert("account", account)
        if let external = turn.params["external_account"] {
            try ExternalAccounts.create(external, for: id, makeDefault: true, metadata: .null, turn)
        }
        if controller["requirement_collection"] == "application" { turn.update(id) { submitIfComplete(&$0, turn) } }
        let made = refreshed(id, turn)
        turn.emit("account.updated", made, in: id)
        return made
    }

    private static func refreshed(_ id: String, _ turn: Turn) -> JSONValue {
        turn.update(id) { AccountRequirements.refresh(&$0) }
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        let id = try account(turn)
        let facts = AccountFacts.facts(in: turn.params)
        if turn.current(id)["_linked"] == true, turn.current(id)["controller"]["requirement_collection"] == "stripe",
            !facts.isEmpty || turn.has("external_account")
        {
            throw StripeFailure(
                403, type: "invalid_request_error",
                "This application does not have the required permissions for this endpoint on account '\(id)'. "
                    + "Stripe collects its requirements, and an account link exists: only metadata and settings may be set."
            )
        }
        var changed = turn.current(id)
        changed["metadata"] = try turn.mergedMetadata(changed["metadata"])
        if let email = turn.params["email"] { changed["email"] = email }
        if let currency = turn.string("default_currency") {
            changed["default_currency"] = try currencyCode(currency, "default_currency")
        }
        try take(turn, into: &changed)
        if changed["controller"]["requirement_collection"] == "application" { submitIfComplete(&changed, turn) }
        let result = changed
        change(id, turn) { $0 = result }
        if let external = turn.params["external_account"] {
            try ExternalAccounts.create(external, for: id, makeDefault: true, metadata: .null, turn)
            change(id, turn) {
                if $0["controller"]["requirement_collection"] == "application" { submitIfComplete(&$0, turn) }
            }
        }
        return turn.current(id)
    }

    /// A platform that collects requirements itself submits by giving the last fact.
    private static func submitIfComplete(_ account: inout JSONValue, _ turn: Turn) {
        AccountRequirements.refresh(&account)
        guard (account["requirements"]["currently_due"].array ?? []).isEmpty else { return }
        account["details_submitted"] = true
        AccountVerification.begin(&account, turn)
    }

    private static func take(_ turn: Turn, into account: inout JSONValue) throws(StripeFailure) {
        AccountFacts.take(AccountFacts.facts(in: turn.params), into: &account)
        for (name, wish) in turn.params["capabilities"]?.object?.pairs ?? JSONObject().pairs {
            try setRequested(name, wish["requested"].bool ?? false, &account, turn)
        }
        try checkCardPayments(account)
        if let settings = turn.params["settings"] { try PayoutSettings.take(settings, into: &account) }
        showIndividual(&account, turn)
    }

    /// `individual` is shown while the platform may write it.
    private static func showIndividual(_ account: inout JSONValue, _ turn: Turn) {
        let facts = account["_provided"].object ?? [:]
        guard account["business_type"] == "individual", facts.keys.contains(where: { $0.hasPrefix("individual.") })
        else {
            return
        }
        let person = account["_person"].string ?? turn.newID("person")
        account["_person"] = .string(person)
        account["individual"] = Persons.object(
            id: person, account: account["id"].string ?? "", created: account["created"].int ?? turn.now,
            who: "individual", facts: account["_provided"], relationship: ["representative": true])
    }

    private static func controller(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        guard let wish = turn.params["controller"] else {
            return AccountObject.controller(ofType: turn.string("type") ?? "standard")
        }
        guard !turn.has("type") else {
            throw .parameter("parameters_exclusive", "type", "You may only specify one of type or controller.")
        }
        let collection = wish["requirement_collection"].string ?? "stripe"
        let fees = wish["fees"]["payer"].string ?? "account"
        let losses = wish["losses"]["payments"].string ?? "stripe"
        let dashboard = wish["stripe_dashboard"]["type"].string ?? "full"
        func refuse(_ text: String) -> StripeFailure { .parameter(nil, "controller", text) }
        if losses == "application", fees != "application" {
            throw refuse(
                "When controller[losses][payments] is application, controller[fees][payer] must be application.")
        }
        if losses == "application", dashboard == "full" {
            throw refuse("A full dashboard cannot be combined with controller[losses][payments]=application.")
        }
        if collection == "application", losses != "application" || fees != "application" || dashboard != "none" {
            throw refuse(
                "controller[requirement_collection]=application needs fees and losses on the application and no dashboard."
            )
        }
        return AccountObject.controller(fees: fees, losses: losses, collection: collection, dashboard: dashboard)
    }

    static func currencyCode(_ code: String, _ param: String) throws(StripeFailure) -> JSONValue {
        guard let currency = Currency(code.lowercased()) else {
            throw .parameter(
                nil, param,
                "Invalid currency: \(code). Stripe currently supports these currencies: "
                    + Currency.all.map(\.code).joined(separator: ", "))
        }
        return .string(currency.code)
    }

    // MARK: Capabilities

    private static func setRequested(
        _ name: String, _ requested: Bool, _ account: inout JSONValue, _ turn: Turn
    ) throws(StripeFailure) {
        if requested, account["_requested"][name] != true { account["_requested_at"][name] = .int(turn.now) }
        if account["_requested_at"].object == nil { account["_requested_at"] = [name: .int(turn.now)] }
        account["_requested"][name] = .bool(requested)
    }

    private static func checkCardPayments(_ account: JSONValue) throws(StripeFailure) {
        guard account["_requested"]["card_payments"] == true, account["_requested"]["transfers"] != true else { return }
        throw .parameter(
            nil, "capabilities",
            "You cannot request the `card_payments` capability without also requesting the `transfers` capability.")
    }

    static let request: Route.Answer = { turn throws(StripeFailure) in
        let id = try account(turn)
        let name = turn.path["capability"] ?? ""
        guard let requested = turn.bool("requested") else { return capability(name, turn.current(id)) }
        var changed = turn.current(id)
        try setRequested(name, requested, &changed, turn)
        try checkCardPayments(changed)
        let result = changed
        change(id, turn) { $0 = result }
        return capability(name, turn.current(id))
    }

    static func capability(_ name: String, _ account: JSONValue) -> JSONValue {
        let requested = account["_requested"][name] == true
        var requirements = account["requirements"]
        if requirements["disabled_reason"].string != nil {
            requirements["disabled_reason"] =
                account["_rejected"].isNull ? "requirements.fields_needed" : "rejected.other"
        }
        if !requested { requirements = AccountRequirements.none }
        return [
            "id": .string(name), "object": "capability", "account": account["id"],
            "future_requirements": AccountRequirements.none, "requested": .bool(requested),
            "requested_at": requested ? account["_requested_at"][name] : .null, "requirements": requirements,
            "status": requested ? account["capabilities"][name] : "unrequested",
        ]
    }

    // MARK: Changes

    /// Changes an account, works out what follows, and tells: `capability.updated` for each capability that moved,
    /// then `account.updated` with what was before.
    static func change(_ id: String, _ turn: Turn, _ body: (inout JSONValue) -> Void) {
        let old = turn.current(id)
        let new = turn.update(id) { account in
            body(&account)
            AccountRequirements.refresh(&account)
        }
        for (name, status) in new["capabilities"].object?.pairs ?? JSONObject().pairs
        where old["capabilities"][name] != status {
            turn.emit(
                "capability.updated", capability(name, new), in: id,
                previous: ["status": old["capabilities"][name].isNull ? "unrequested" : old["capabilities"][name]])
        }
        let previous = Turn.differences(from: old, to: new)
        if !previous.isEmpty { turn.emit("account.updated", new, in: id, previous: previous) }
        if new["payouts_enabled"] == true, old["payouts_enabled"] != true { AutomaticPayouts.plan(id, turn) }
    }

    static let reject: Route.Answer = { turn throws(StripeFailure) in
        let id = try account(turn)
        let reason = try turn.required("reason")
        change(id, turn) { account in
            account["_rejected"] =
                switch reason {
                case "terms_of_service": "rejected.platform_terms_of_service"
                case "other", "credit": "rejected.platform_other"
                default: "rejected.platform_fraud"
                }
            account["_payouts_stay"] = .bool(turn.string("payouts_action") == "none")
        }
        return turn.current(id)
    }

    static let unreject: Route.Answer = { turn throws(StripeFailure) in
        let id = try account(turn)
        guard turn.current(id)["_rejected"].string?.hasPrefix("rejected.platform") == true else {
            throw .state(nil, "The account '\(id)' was not rejected by the platform.")
        }
        change(id, turn) { $0["_rejected"] = .null }
        return turn.current(id)
    }

    static let delete: Route.Answer = { turn throws(StripeFailure) in
        let id = try account(turn)
        guard id != turn.world.platform else { throw .state(nil, "You cannot delete your own account.") }
        deauthorized(id, turn)
        let stub: JSONValue = ["id": .string(id), "object": "account", "deleted": true]
        turn.update(id) { $0["deleted"] = true }
        return stub
    }

    /// The seller, or the platform, cut the connection: the event names the account only in its envelope.
    static func deauthorized(_ id: String, _ turn: Turn) {
        turn.emit(
            "account.application.deauthorized",
            ["id": .string(turn.world.application), "object": "application", "name": "Souk sandbox platform"], in: id)
        turn.update(id) { $0["_deauthorized"] = true }
    }

    /// The seller connects the account again.
    static func authorized(_ id: String, _ turn: Turn) {
        turn.update(id) { $0["_deauthorized"] = false }
        turn.emit(
            "account.application.authorized",
            ["id": .string(turn.world.application), "object": "application", "name": "Souk sandbox platform"], in: id)
    }
}
