/// `/v1/payment_methods`: cards, by test method, token or number.
enum PaymentMethods {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/payment_methods", create)
        try routes.add("GET /v1/payment_methods") { turn throws(StripeFailure) in
            guard let customer = turn.string("customer") else {
                return Turn.embedded([], url: "/v1/payment_methods")
            }
            return try list(of: customer, url: "/v1/payment_methods", turn)
        }
        try routes.add("GET /v1/payment_methods/:payment_method") { turn throws(StripeFailure) in
            try turn.fromPath("payment_method", "payment_method", kind: "PaymentMethod")
        }
        try routes.add("POST /v1/payment_methods/:payment_method") { turn throws(StripeFailure) in
            let old = try turn.fromPath("payment_method", "payment_method", kind: "PaymentMethod")
            let metadata = try turn.mergedMetadata(old["metadata"])
            return turn.updateAndEmit(old["id"].string ?? "", "payment_method.updated") { method in
                method["metadata"] = metadata
                if let details = turn.params["billing_details"] {
                    for (key, value) in details.object?.pairs ?? JSONObject().pairs {
                        method["billing_details"][key] = key == "address" ? Shapes.address(value) : value
                    }
                }
            }
        }
        try routes.add("POST /v1/payment_methods/:payment_method/attach", attach)
        try routes.add("POST /v1/payment_methods/:payment_method/detach", detach)
    }

    static func list(of customer: String, url: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        try turn.page(
            of: "payment_method", url: url,
            slots: turn.world.slots(account: turn.account, type: "payment_method", field: "customer", value: customer)
        ) { turn.matches($0, "type") }
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        if let original = turn.string("payment_method") { return try clone(original, turn) }
        if turn.has("customer") {
            throw .parameter(nil, "customer", "The customer is the owner of the payment_method that is to be cloned.")
        }
        let type = turn.string("type") ?? "card"
        guard type == "card" else { throw .notSimulated("payment methods of type '\(type)'", param: "type") }
        let card = turn.params["card"] ?? .null
        return insert(
            try testCard(card, param: "card", turn), billing: turn.params["billing_details"] ?? .null,
            metadata: try turn.mergedMetadata(.null), expiry: card, turn)
    }

    /// A card of the platform's customer, copied to the connected account that the call acts as.
    private static func clone(_ id: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        guard !turn.isPlatform, let original = turn.find("payment_method", id, in: turn.world.platform),
            let card = TestCard.numbered(original["_number"].string ?? "")
        else { throw .missingReference("PaymentMethod", id, param: "payment_method") }
        if let customer = turn.string("customer"), original["customer"].string != customer {
            throw .missingReference("PaymentMethod", id, param: "payment_method")
        }
        return insert(
            card, billing: original["billing_details"], metadata: try turn.mergedMetadata(.null),
            expiry: original["card"], turn)
    }

    private static func testCard(
        _ params: JSONValue, param: String, _ turn: Turn
    ) throws(StripeFailure) -> TestCard {
        if let token = params["token"].string {
            guard token.hasPrefix("tok_"), let card = TestCard.named(String(token.dropFirst(4))) else {
                throw .missingReference("token", token, param: "\(param)[token]")
            }
            return card
        }
        guard let digits = params["number"].string?.filter({ $0 != " " }) else {
            throw .parameter("parameter_missing", "\(param)[number]", "Missing required param: \(param)[number].")
        }
        return try numbered(digits, month: params["exp_month"].int, year: params["exp_year"].int, param: param, turn)
    }

    /// The test card of a number; any other number is wrong, as real ones are in test mode.
    static func numbered(
        _ digits: String, month: Int64?, year: Int64?, param: String, _ turn: Turn
    ) throws(StripeFailure) -> TestCard {
        if let month, !(1...12).contains(month) {
            throw .parameter("invalid_expiry_month", "\(param)[exp_month]", "Your card's expiration month is invalid.")
        }
        let thisYear = 1970 + turn.now / 31_556_952
        if let year, (year < 100 ? 2000 + year : year) < thisYear {
            throw StripeFailure(
                402, type: "card_error", code: "invalid_expiry_year", param: "\(param)[exp_year]",
                "Your card's expiration year is invalid.")
        }
        guard let card = TestCard.numbered(digits) else {
            throw StripeFailure(
                402, type: "card_error", code: "incorrect_number", param: "\(param)[number]",
                "Your card number is incorrect.")
        }
        return card
    }

    @discardableResult
    static func insert(
        _ card: TestCard, billing: JSONValue, metadata: JSONValue, expiry: JSONValue = .null, _ turn: Turn
    ) -> JSONValue {
        turn.insert(
            "payment_method",
            [
                "id": .string(turn.newID("pm")), "object": "payment_method", "allow_redisplay": "unspecified",
                "billing_details": Shapes.billingDetails(billing),
                "card": [
                    "brand": .string(card.brand),
                    "checks": [
                        "address_line1_check": .null, "address_postal_code_check": .optional(card.zipCheck),
                        // A number without its code is not checked; a test method or token has one.
                        "cvc_check": expiry["number"].isNull || !expiry["cvc"].isNull
                            ? .string(card.cvcCheck) : .null,
                    ],
                    "country": "US", "display_brand": .string(card.brand),
                    "exp_month": expiry["exp_month"].isNull ? 12 : expiry["exp_month"],
                    "exp_year": expiry["exp_year"].isNull ? 2034 : expiry["exp_year"],
                    "fingerprint": .string("fp" + card.number.suffix(14)), "funding": .string(card.funding),
                    "generated_from": .null, "last4": .string(card.last4),
                    "networks": ["available": .list([card.brand]), "preferred": .null],
                    "regulated_status": "unregulated", "three_d_secure_usage": ["supported": true], "wallet": .null,
                ],
                "created": .int(turn.now), "customer": .null, "customer_account": .null, "livemode": false,
                "metadata": metadata, "type": "card", "_number": .string(card.number),
            ])
    }

    /// The method that a parameter names: an object of this account, or a test method `pm_card_…`, `pm_usBankAccount_…`.
    static func resolve(_ id: String, param: String, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        if let method = turn.find("payment_method", id) { return method }
        if id.hasPrefix("pm_card_"), let card = TestCard.named(String(id.dropFirst(8))) {
            return insert(card, billing: .null, metadata: [:], turn)
        }
        if let method = BankDebits.method(named: id, turn) { return method }
        throw .missingReference("PaymentMethod", id, param: param)
    }

    static let attach: Route.Answer = { turn throws(StripeFailure) in
        let id = turn.path["payment_method"] ?? ""
        let customer = try turn.required("customer")
        guard turn.find("customer", customer) != nil else { throw .missing("customer", customer, param: "customer") }
        let method: JSONValue
        do {
            method = try resolve(id, param: "payment_method", turn)
        } catch {
            throw .missing("PaymentMethod", id, param: "payment_method")
        }
        guard method["customer"].isNull || method["customer"] == .string(customer) else {
            throw .state(
                nil, "The payment method you provided has already been attached to a customer.", param: "payment_method"
            )
        }
        if method["_detached"] == true {
            throw .state(
                nil, "This PaymentMethod was previously used and detached; it may not be used again.",
                param: "payment_method")
        }
        if let card = TestCard.numbered(method["_number"].string ?? ""),
            case .decline(let code, let declineCode) = card.behaviour
        {
            throw CardRefusal(code: code, declineCode: declineCode).failure()
        }
        let attached = turn.update(method["id"].string ?? "") { $0["customer"] = .string(customer) }
        turn.emit("payment_method.attached", attached)
        return attached
    }

    static let detach: Route.Answer = { turn throws(StripeFailure) in
        let method = try turn.fromPath("payment_method", "payment_method", kind: "PaymentMethod")
        guard !method["customer"].isNull else {
            throw .state(
                nil, "The payment method you provided is not attached to a customer so detachment is impossible.",
                param: "payment_method")
        }
        let detached = turn.update(method["id"].string ?? "") { method in
            method["customer"] = .null
            method["_detached"] = true
        }
        turn.emit("payment_method.detached", detached, previous: ["customer": method["customer"]])
        return detached
    }
}

/// Why a card was refused, as the error and the failed charge tell it.
struct CardRefusal: Sendable {
    var code: String
    var declineCode: String?

    var message: String {
        switch (code, declineCode) {
        case ("expired_card", _): "Your card has expired."
        case ("incorrect_cvc", _): "Your card's security code is incorrect."
        case ("processing_error", _): "An error occurred while processing your card. Try again in a little bit."
        case ("authentication_required", _), (_, "authentication_required"):
            "Your card was declined. This transaction requires authentication."
        case (_, "insufficient_funds"): "Your card has insufficient funds."
        default: "Your card was declined."
        }
    }

    var adviceCode: String {
        switch declineCode ?? code {
        case "lost_card", "stolen_card", "fraudulent": "do_not_try_again"
        case "expired_card", "incorrect_cvc": "confirm_card_data"
        default: "try_again_later"
        }
    }

    func failure() -> StripeFailure {
        var failure = StripeFailure(402, type: "card_error", code: code, message)
        failure.body["advice_code"] = .string(adviceCode)
        failure.body["decline_code"] = .optional(declineCode ?? (code == "card_declined" ? "generic_decline" : nil))
        if failure.body["decline_code"] == .null { failure.body["decline_code"] = nil }
        failure.body["network_decline_code"] = "01"
        return failure
    }
}
