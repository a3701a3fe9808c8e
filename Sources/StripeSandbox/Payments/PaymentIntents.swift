import Domain

/// `/v1/payment_intents`: its states are in docs/sandbox.md, "Payments".
enum PaymentIntents {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/payment_intents", create)
        try routes.add("GET /v1/payment_intents") { turn throws(StripeFailure) in
            try turn.page(
                of: "payment_intent", url: "/v1/payment_intents",
                slots: turn.slots(of: "payment_intent", by: "customer")
            ) { turn.matches($0, "customer") }
        }
        try routes.add("GET /v1/payment_intents/:intent") { turn throws(StripeFailure) in try find(turn) }
        try routes.add("POST /v1/payment_intents/:intent", update)
        try routes.add("POST /v1/payment_intents/:intent/confirm", confirm)
        try routes.add("POST /v1/payment_intents/:intent/capture", Capture.run)
        try routes.add("POST /v1/payment_intents/:intent/cancel", cancel)
    }

    static func find(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        let id = turn.path["intent"] ?? ""
        guard let intent = turn.find("payment_intent", id) else {
            throw .missing("payment_intent", id, param: "intent")
        }
        return intent
    }

    // MARK: Create and update

    static let create: Route.Answer = { turn throws(StripeFailure) in
        if turn.bool("confirm") != true {
            for key in ["off_session", "return_url", "error_on_requires_action"] where turn.has(key) {
                throw .parameter(
                    nil, key,
                    "The parameter `\(key)` cannot be passed when creating a PaymentIntent unless `confirm` is set to true."
                )
            }
        }
        let intent = try insert(turn.params, turn)
        guard turn.bool("confirm") == true else { return intent }
        return try Confirmation(
            offSession: turn.bool("off_session") ?? false, returnURL: turn.string("return_url"),
            refusesAction: turn.bool("error_on_requires_action") ?? false, onServer: true
        ).run(intent["id"].string ?? "", method: nil, turn)
    }

    /// A new intent from the parameters of its own endpoint or from `payment_intent_data` of a Checkout Session.
    static func insert(_ params: JSONObject, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let currency = try Accounts.currencyCode(params["currency"]?.string ?? "", "currency").string ?? ""
        let amount = params["amount"]?.int ?? 0
        try checkAmount(amount, currency)
        let automatic = params["automatic_payment_methods"]
        let isAutomatic = automatic?["enabled"].bool ?? (params["allowed_payment_method_types"] == nil)
        if let types = params["allowed_payment_method_types"]?.array, !types.contains("card") {
            throw .notSimulated("other payment methods than cards", param: "allowed_payment_method_types")
        }
        let id = turn.newID("pi")
        var intent: JSONValue = [
            "id": .string(id), "object": "payment_intent",
            "allowed_payment_method_types": params["allowed_payment_method_types"] ?? .null,
            "amount": .int(amount), "amount_capturable": 0, "amount_details": ["tip": [:]], "amount_received": 0,
            "application": turn.isPlatform ? .null : .string(turn.world.application),
            "application_fee_amount": .null,
            "automatic_payment_methods": isAutomatic
                ? [
                    "allow_redirects": automatic?["allow_redirects"].string.map(JSONValue.string) ?? "always",
                    "enabled": true,
                ]
                : .null,
            "canceled_at": .null, "cancellation_reason": .null,
            "capture_method": params["capture_method"] ?? "automatic_async",
            "client_secret": .string("\(id)_secret_\(turn.random(25))"),
            "confirmation_method": params["confirmation_method"] ?? "automatic", "created": .int(turn.now),
            "currency": .string(currency), "customer": .null, "customer_account": .null, "description": .null,
            "excluded_payment_method_types": .null, "last_payment_error": .null, "latest_charge": .null,
            "livemode": false, "metadata": [:], "next_action": .null, "on_behalf_of": .null,
            "payment_method": .null, "payment_method_configuration_details": .null,
            "payment_method_options": [
                "card": [
                    "installments": .null, "mandate_options": .null, "network": .null,
                    "request_three_d_secure": "automatic",
                ]
            ],
            "payment_method_types": ["card"], "processing": .null, "receipt_email": .null, "review": .null,
            "setup_future_usage": .null, "shipping": .null, "source": .null, "statement_descriptor": .null,
            "statement_descriptor_suffix": .null, "status": "requires_payment_method", "transfer_data": .null,
            "transfer_group": .null,
        ]
        try take(params, into: &intent, turn)
        let made = turn.insert("payment_intent", intent)
        turn.emit("payment_intent.created", made)
        return made
    }

    static func checkAmount(_ amount: Int64, _ code: String, param: String = "amount") throws(StripeFailure) {
        guard let currency = Currency(code) else { return }
        guard amount >= 1 else {
            throw .parameter("parameter_invalid_integer", param, "This value must be greater than or equal to 1.")
        }
        guard amount >= currency.rule.minimumCharge ?? 1 else {
            throw .parameter(
                "amount_too_small", param,
                "Amount must be at least \(Money(currency.rule.minimumCharge ?? 1, currency)).")
        }
        guard amount <= Currency.maximumCharge else {
            throw .parameter(
                "amount_too_large", param, "Amount must be no more than \(Money(Currency.maximumCharge, currency)).")
        }
        guard amount % currency.rule.chargeStep == 0 else {
            throw .parameter(
                nil, param, "Invalid amount: in \(code), it must be a multiple of \(currency.rule.chargeStep).")
        }
    }

    static func take(_ params: JSONObject, into intent: inout JSONValue, _ turn: Turn) throws(StripeFailure) {
        for key in [
            "description", "receipt_email", "setup_future_usage", "statement_descriptor_suffix", "transfer_group",
            "capture_method", "allowed_payment_method_types",
        ] {
            if let value = params[key] { intent[key] = value }
        }
        try refuseDescriptor(params)
        if let currency = params["currency"]?.string {
            intent["currency"] = try Accounts.currencyCode(currency, "currency")
        }
        if let amount = params["amount"]?.int {
            try checkAmount(amount, intent["currency"].string ?? "")
            intent["amount"] = .int(amount)
        }
        if let shipping = params["shipping"] { intent["shipping"] = Shapes.shipping(shipping) }
        if let secure = params["payment_method_options"]?["card"]["request_three_d_secure"].string {
            intent["payment_method_options"]["card"]["request_three_d_secure"] = .string(secure)
        }
        if let customer = params["customer"]?.string {
            guard turn.find("customer", customer) != nil else {
                throw .missingReference("customer", customer, param: "customer")
            }
            intent["customer"] = .string(customer)
        }
        if let metadata = params["metadata"] {
            var merged = intent["metadata"].object ?? [:]
            for (key, value) in metadata.object?.pairs ?? JSONObject().pairs { merged[key] = value == "" ? nil : value }
            intent["metadata"] = metadata.isNull ? [:] : .object(merged)
        }
        if let behalf = params["on_behalf_of"]?.string {
            try requireCapability("card_payments", of: behalf, param: "on_behalf_of", turn)
            // It would settle in that account's currency.
            if turn.behaviour.convertsCurrencies { throw .notSimulated("on_behalf_of while currencies are converted") }
            intent["on_behalf_of"] = .string(behalf)
        }
        if let data = params["transfer_data"]?.object {
            if let destination = data["destination"]?.string {
                try requireCapability("transfers", of: destination, param: "transfer_data[destination]", turn)
                intent["transfer_data"] = ["destination": .string(destination)]
            }
            if let amount = data["amount"] { intent["transfer_data"]["amount"] = amount }
        }
        if let fee = params["application_fee_amount"] { intent["application_fee_amount"] = fee }
        try checkSplit(intent, turn)
        if let method = params["payment_method"] {
            if let id = method.string {
                let resolved = try PaymentMethods.resolve(id, param: "payment_method", turn)
                if !resolved["customer"].isNull, resolved["customer"] != intent["customer"] {
                    throw .state(
                        nil, "The provided PaymentMethod belongs to a customer; pass that customer as `customer`.",
                        param: "payment_method")
                }
                intent["payment_method"] = resolved["id"]
                intent["status"] = "requires_confirmation"
            } else {
                intent["payment_method"] = .null
                intent["status"] = "requires_payment_method"
            }
        }
    }

    static func refuseDescriptor(_ params: JSONObject) throws(StripeFailure) {
        guard params["statement_descriptor"]?.string != nil else { return }
        throw .parameter(
            nil, "statement_descriptor",
            "The `statement_descriptor` parameter is not supported on card PaymentIntents. Please use `statement_descriptor_suffix` instead."
        )
    }

    private static func checkSplit(_ intent: JSONValue, _ turn: Turn) throws(StripeFailure) {
        let amount = intent["amount"].int ?? 0
        if let fee = intent["application_fee_amount"].int {
            guard !turn.isPlatform || intent["transfer_data"].object != nil else {
                throw .parameter(
                    "application_fees_not_allowed", "application_fee_amount",
                    "Can only apply an application_fee_amount when the PaymentIntent is attempting a direct payment (using an OAuth key or Stripe-Account header) or destination payment (using `transfer_data[destination]`)."
                )
            }
            guard intent["transfer_data"]["amount"].isNull else {
                throw .parameter(
                    "parameters_exclusive", "application_fee_amount",
                    "You may only specify one of application_fee_amount or transfer_data[amount].")
            }
            guard fee >= 0, fee <= amount else {
                throw .parameter(
                    nil, "application_fee_amount",
                    "The application fee amount (\(fee)) must be between 0 and the amount of the charge (\(amount)).")
            }
        }
        if let part = intent["transfer_data"]["amount"].int, part < 1 || part > amount {
            throw .parameter(
                nil, "transfer_data[amount]",
                "The transfer amount (\(part)) must be between 1 and the amount of the charge (\(amount)).")
        }
        if !turn.isPlatform, intent["transfer_data"].object != nil {
            throw .parameter(
                "platform_account_required", "transfer_data", "Only Stripe Connect platforms can use transfer_data.")
        }
    }

    static func requireCapability(
        _ capability: String, of id: String, param: String, _ turn: Turn
    ) throws(StripeFailure) {
        guard let account = turn.find("account", id, in: turn.world.platform), id != turn.world.platform,
            account["_deauthorized"] != true
        else { throw .missingReference("destination", id, param: param) }
        guard account["capabilities"][capability] == "active" else {
            throw .state(
                "insufficient_capabilities_for_transfer",
                "Your destination account needs to have at least one of the following capabilities enabled: \(capability), legacy_payments",
                param: param)
        }
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        var intent = try find(turn)
        let status = intent["status"].string ?? ""
        let alwaysAllowed: Set = ["metadata", "description", "receipt_email", "expand", "transfer_group"]
        let isOpen = ["requires_payment_method", "requires_confirmation", "requires_action"].contains(status)
        if !isOpen, let refused = turn.params.keys.first(where: { !alwaysAllowed.contains($0) }) {
            throw unexpectedState(
                intent,
                "This PaymentIntent's \(refused) could not be updated because it has a status of \(status). You may only update the \(refused) of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action."
            )
        }
        try take(turn.params, into: &intent, turn)
        let result = intent
        return turn.update(intent["id"].string ?? "") { $0 = result }
    }

    static func unexpectedState(_ intent: JSONValue, _ message: String) -> StripeFailure {
        var failure = StripeFailure.state("payment_intent_unexpected_state", message)
        failure.body["payment_intent"] = intent
        return failure
    }

    // MARK: Confirm and cancel

    static let confirm: Route.Answer = { turn throws(StripeFailure) in
        var intent = try find(turn)
        let id = intent["id"].string ?? ""
        guard ["requires_payment_method", "requires_confirmation", "requires_action"].contains(intent["status"].string)
        else {
            throw unexpectedState(
                intent,
                "You cannot confirm this PaymentIntent because it has a status of \(intent["status"].string ?? ""). Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action, requires_payment_method."
            )
        }
        var params = turn.params
        for key in ["return_url", "off_session", "error_on_requires_action", "expand"] { params[key] = nil }
        try take(params, into: &intent, turn)
        let result = intent
        turn.update(id) { $0 = result }
        return try Confirmation(
            offSession: turn.bool("off_session") ?? false, returnURL: turn.string("return_url"),
            refusesAction: turn.bool("error_on_requires_action") ?? false, onServer: true
        ).run(id, method: nil, turn)
    }

    static let cancel: Route.Answer = { turn throws(StripeFailure) in
        let intent = try find(turn)
        // Once the page is complete there is nothing to expire: a hold of its payment is released here.
        if let session = intent["_session"].string, turn.current(session)["status"] == "open" {
            throw unexpectedState(
                intent,
                "You cannot cancel this PaymentIntent because it belongs to the Checkout Session \(session). Expire the session instead."
            )
        }
        return try canceled(intent, reason: turn.string("cancellation_reason"), turn)
    }

    static func canceled(_ intent: JSONValue, reason: String?, _ turn: Turn) throws(StripeFailure) -> JSONValue {
        let status = intent["status"].string ?? ""
        guard status.hasPrefix("requires_") else {
            throw unexpectedState(
                intent,
                "You cannot cancel this PaymentIntent because it has a status of \(status). Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_reauthorization, requires_confirmation, requires_action, processing."
            )
        }
        let id = intent["id"].string ?? ""
        if status == "requires_capture", let charge = intent["latest_charge"].string {
            let released = turn.update(charge) { charge in
                charge["refunded"] = true
                charge["amount_refunded"] = charge["amount"]
            }
            turn.emit(reason == "automatic" ? "charge.expired" : "charge.refunded", released)
            EarlyFraudWarnings.follow(charge, turn)
            turn.cancelJob("expireAuthorization:\(id)")
        }
        let canceled = turn.update(id) { intent in
            intent["status"] = "canceled"
            intent["canceled_at"] = .int(turn.now)
            intent["cancellation_reason"] = .optional(reason)
            intent["amount_capturable"] = 0
            intent["next_action"] = .null
        }
        turn.emit("payment_intent.canceled", canceled)
        return canceled
    }
}
