/// `/v1/checkout/sessions` in payment mode (docs/sandbox.md, "Payments").
enum CheckoutSessions {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/checkout/sessions", create)
        try routes.add("GET /v1/checkout/sessions") { turn throws(StripeFailure) in
            let email = turn.params["customer_details"]?["email"].string
            return try turn.page(
                of: "checkout.session", url: "/v1/checkout/sessions",
                slots: turn.slots(of: "checkout.session", by: "payment_intent", "customer")
            ) { session in
                turn.matches(session, "customer", "payment_intent", "status")
                    && (email == nil || session["customer_details"]["email"].string == email)
            }
        }
        try routes.add("GET /v1/checkout/sessions/:session") { turn throws(StripeFailure) in try find(turn) }
        try routes.add("POST /v1/checkout/sessions/:session") { turn throws(StripeFailure) in
            let session = try find(turn)
            let metadata = try turn.mergedMetadata(session["metadata"])
            return turn.update(session["id"].string ?? "") { $0["metadata"] = metadata }
        }
        try routes.add("GET /v1/checkout/sessions/:session/line_items") { turn throws(StripeFailure) in
            let session = try find(turn)
            let limit = Int(turn.int("limit") ?? 10)
            guard (1...100).contains(limit) else {
                throw .parameter("parameter_invalid_integer", "limit", "Limit must be between 1 and 100.")
            }
            var items = session["_line_items"].array ?? []
            if let after = turn.string("starting_after"),
                let index = items.firstIndex(where: { $0["id"].string == after })
            {
                items.removeFirst(index + 1)
            }
            return Turn.embedded(
                items, url: "/v1/checkout/sessions/\(session["id"].string ?? "")/line_items", most: limit)
        }
        try routes.add("POST /v1/checkout/sessions/:session/expire") { turn throws(StripeFailure) in
            let session = try find(turn)
            guard session["status"] == "open" else {
                throw .state(
                    nil,
                    "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of \(session["status"].string ?? "")."
                )
            }
            let id = session["id"].string ?? ""
            try expire(id, turn)
            return turn.current(id)
        }
    }

    private static func find(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        let id = turn.path["session"] ?? ""
        guard let session = turn.find("checkout.session", id) else {
            throw .missing("checkout.session", id, param: "session")
        }
        return session
    }

    // MARK: Create

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let mode = turn.string("mode") ?? "payment"
        guard mode == "payment" else { throw .notSimulated("Checkout in mode '\(mode)'", param: "mode") }
        let interface = turn.string("ui_mode") ?? "hosted_page"
        guard interface == "hosted_page" else { throw .notSimulated("ui_mode '\(interface)'", param: "ui_mode") }
        guard let success = turn.string("success_url"), success.hasPrefix("http") else {
            throw .parameter(
                turn.has("success_url") ? "url_invalid" : "parameter_missing", "success_url",
                "A `success_url` that begins with http:// or https:// is required for hosted pages.")
        }
        if let cancel = turn.string("cancel_url"), !cancel.hasPrefix("http") {
            throw .parameter("url_invalid", "cancel_url", "Not a valid URL")
        }
        if turn.has("customer"), turn.has("customer_email") {
            throw .parameter(
                "parameters_exclusive", "customer_email",
                "You may only specify one of these parameters: customer, customer_email.")
        }
        if let customer = turn.string("customer"), turn.find("customer", customer) == nil {
            throw .missingReference("customer", customer, param: "customer")
        }
        if (turn.string("client_reference_id") ?? "").count > 200 {
            throw .parameter(nil, "client_reference_id", "client_reference_id can be at most 200 characters long.")
        }
        let expires = turn.int("expires_at") ?? turn.now + BalanceRows.day
        guard (turn.now + 1795...turn.now + BalanceRows.day + 5).contains(expires) else {
            throw .parameter(
                nil, "expires_at",
                "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.")
        }
        let (items, total, currency) = try lineItems(turn)
        try PaymentIntents.checkAmount(total, currency, param: "line_items")
        let data = turn.params["payment_intent_data"]?.object ?? [:]
        try checkIntentData(data, total, currency, turn)

        let id = "cs_test_" + turn.random(58)
        let email = turn.string("customer_email") ?? turn.current(turn.string("customer"))["email"].string
        var session: JSONValue = [
            "id": .string(id), "object": "checkout.session", "adaptive_pricing": ["enabled": false],
            "after_expiration": .null, "allow_promotion_codes": .null,
            "allowed_payment_method_types": turn.params["allowed_payment_method_types"] ?? .null,
            "amount_subtotal": .int(total), "amount_total": .int(total),
            "automatic_tax": ["enabled": false, "liability": .null, "provider": .null, "status": .null],
            "billing_address_collection": turn.params["billing_address_collection"] ?? .null,
            "cancel_url": turn.params["cancel_url"] ?? .null,
            "client_reference_id": turn.params["client_reference_id"] ?? .null, "client_secret": .null,
            "collected_information": ["business_name": .null, "individual_name": .null, "shipping_details": .null],
            "consent": .null, "consent_collection": .null, "created": .int(turn.now), "currency": .string(currency),
            "currency_conversion": .null, "custom_fields": [],
            "custom_text": [
                "after_submit": .null, "shipping_address": .null, "submit": .null, "terms_of_service_acceptance": .null,
            ],
            "customer": turn.params["customer"] ?? .null, "customer_account": .null,
            "customer_creation": turn.params["customer_creation"] ?? (turn.has("customer") ? .null : "if_required"),
            "customer_details": .null, "customer_email": turn.params["customer_email"] ?? .null, "discounts": [],
            "expires_at": .int(expires), "integration_identifier": .null, "invoice": .null,
            "invoice_creation": [
                "enabled": false,
                "invoice_data": [
                    "account_tax_ids": .null, "custom_fields": .null, "description": .null, "footer": .null,
                    "issuer": .null, "metadata": [:], "rendering_options": .null,
                ],
            ],
            "livemode": false, "locale": turn.params["locale"] ?? .null, "managed_payments": ["enabled": false],
            "metadata": try turn.mergedMetadata(.null), "mode": "payment", "origin_context": .null,
            "payment_intent": .null, "payment_link": .null,
            "payment_method_collection": turn.params["payment_method_collection"] ?? "if_required",
            "payment_method_configuration_details": .null,
            "payment_method_options": ["card": ["request_three_d_secure": "automatic"]],
            "payment_method_types": ["card"], "payment_status": "unpaid", "permissions": .null,
            "phone_number_collection": ["enabled": turn.params["phone_number_collection"]?["enabled"] ?? false],
            "recovered_from": .null, "saved_payment_method_options": .null, "setup_intent": .null,
            "shipping_address_collection": .null, "shipping_cost": .null, "shipping_options": [], "status": "open",
            "submit_type": turn.params["submit_type"] ?? .null, "subscription": .null, "success_url": .string(success),
            "total_details": ["amount_discount": 0, "amount_shipping": 0, "amount_tax": 0], "ui_mode": "hosted_page",
            "url": .string("\(turn.address)/c/pay/\(id)"), "wallet_options": .null,
            "_line_items": .array(items), "_intent_data": .object(data),
        ]
        if let email { session["customer_details"] = details(email: email, name: .null) }
        let made = turn.insert("checkout.session", session)
        turn.schedule(.expireSession, id, at: expires * 1000)
        return made
    }

    private static func lineItems(
        _ turn: Turn
    ) throws(StripeFailure) -> (items: [JSONValue], total: Int64, currency: String) {
        let wanted = turn.params["line_items"]?.array ?? []
        guard !wanted.isEmpty else {
            throw .parameter("parameter_missing", "line_items", "You must provide line_items in `payment` mode.")
        }
        guard wanted.count <= 100 else {
            throw .parameter(nil, "line_items", "At most 100 line items are supported.")
        }
        var items: [JSONValue] = []
        var total: Int64 = 0
        var currency: String?
        for (index, item) in wanted.enumerated() {
            let param = "line_items[\(index)]"
            let data = item["price_data"]
            let code = try Accounts.currencyCode(data["currency"].string ?? "", "\(param)[price_data][currency]").string
            guard currency == nil || currency == code else {
                throw .parameter(nil, param, "All line items must have the same currency.")
            }
            currency = code
            let quantity = item["quantity"].int ?? 1
            guard quantity >= 1 else {
                throw .parameter(
                    "parameter_invalid_integer", "\(param)[quantity]", "This value must be greater than or equal to 1.")
            }
            guard let unit = data["unit_amount"].int ?? data["unit_amount_decimal"].string.flatMap({ Int64($0) }),
                unit >= 0
            else {
                throw .parameter(
                    "parameter_missing", "\(param)[price_data][unit_amount]",
                    "A whole, non-negative unit_amount is required (the sandbox takes no fractions of a cent).")
            }
            let (amount, overflow) = unit.multipliedReportingOverflow(by: quantity)
            guard !overflow, amount <= 99_999_999_99 else {
                throw .parameter("amount_too_large", "\(param)[price_data][unit_amount]", "The amount is too large.")
            }
            total += amount
            items.append(lineItem(item, unit: unit, amount: amount, currency: code ?? "usd", turn))
        }
        return (items, total, currency ?? "usd")
    }

    private static func lineItem(
        _ item: JSONValue, unit: Int64, amount: Int64, currency: String, _ turn: Turn
    ) -> JSONValue {
        [
            "id": .string(turn.newID("li")), "object": "item", "adjustable_quantity": .null, "amount_discount": 0,
            "amount_subtotal": .int(amount), "amount_tax": 0, "amount_total": .int(amount),
            "currency": .string(currency), "description": item["price_data"]["product_data"]["name"],
            "metadata": item["metadata"].object.map(JSONValue.object) ?? [:],
            "price": [
                "id": .string(turn.newID("price")), "object": "price", "active": false, "billing_scheme": "per_unit",
                "created": .int(turn.now), "currency": .string(currency), "custom_unit_amount": .null,
                "livemode": false, "lookup_key": .null, "metadata": [:], "nickname": .null,
                "product": .string(turn.newID("prod", length: 14)), "recurring": .null, "tax_behavior": "unspecified",
                "tiers_mode": .null, "transform_quantity": .null, "type": "one_time", "unit_amount": .int(unit),
                "unit_amount_decimal": .string(String(unit)),
            ],
            "quantity": item["quantity"].isNull ? 1 : item["quantity"],
            "_about": item["price_data"]["product_data"]["description"],
        ]
    }

    /// Stripe looks at the split when the session is made, not only when it is paid.
    private static func checkIntentData(
        _ data: JSONObject, _ total: Int64, _ currency: String, _ turn: Turn
    ) throws(StripeFailure) {
        var intent: JSONValue = [
            "amount": .int(total), "currency": .string(currency), "metadata": [:], "transfer_data": .null,
            "application_fee_amount": .null, "on_behalf_of": .null, "payment_method_options": ["card": [:]],
        ]
        try PaymentIntents.take(data, into: &intent, turn)
    }

    private static func details(email: String?, name: JSONValue) -> JSONValue {
        [
            "address": .null, "business_name": .null, "email": .optional(email), "individual_name": .null,
            "name": name, "phone": .null, "tax_exempt": "none", "tax_ids": [],
        ]
    }

    // MARK: Pay

    /// What the buyer does on the page: pays with a test method or a card number. A decline leaves the session open.
    static func pay(
        _ id: String, with method: JSONValue, email: String?, name: String?, _ turn: Turn
    ) throws(StripeFailure) -> JSONValue {
        let session = turn.current(id)
        guard session["status"] == "open" else {
            throw .state(nil, "This Checkout Session cannot be paid: it is \(session["status"].string ?? "").")
        }
        let buyer = email ?? session["customer_details"]["email"].string ?? "buyer@example.com"
        turn.update(id) { $0["customer_details"] = details(email: buyer, name: .optional(name)) }
        if session["customer_creation"] == "always", session["customer"].isNull {
            let customer = turn.insert("customer", Customers.object(turn, email: buyer, name: name))
            turn.emit("customer.created", customer)
            turn.update(id) { $0["customer"] = customer["id"] }
        }
        let intent = try intent(of: id, turn)
        let paid = try Confirmation(returnURL: "\(turn.address)/c/pay/\(id)").run(intent, method: method, turn)
        complete(id, paid, turn)
        return turn.current(id)
    }

    private static func intent(of id: String, _ turn: Turn) throws(StripeFailure) -> String {
        let session = turn.current(id)
        if let intent = session["_intent"].string { return intent }
        var params = session["_intent_data"].object ?? [:]
        params["amount"] = session["amount_total"]
        params["currency"] = session["currency"]
        if let customer = session["customer"].string { params["customer"] = .string(customer) }
        let made = try PaymentIntents.insert(params, turn)
        let intent = made["id"].string ?? ""
        turn.update(intent) { $0["_session"] = .string(id) }
        turn.update(id) { $0["_intent"] = .string(intent) }
        return intent
    }

    /// Closes the session of an intent that was paid or authorised; called again after 3-D Secure.
    static func complete(_ id: String, _ intent: JSONValue, _ turn: Turn) {
        let status = intent["status"].string ?? ""
        guard turn.current(id)["status"] == "open", ["succeeded", "requires_capture", "processing"].contains(status)
        else {
            return
        }
        turn.cancelJob("expireSession:\(id)")
        let session = turn.update(id) { session in
            session["status"] = "complete"
            session["payment_status"] = status == "succeeded" ? "paid" : "unpaid"
            session["payment_intent"] = intent["id"]
            session["url"] = .null
        }
        turn.emit("checkout.session.completed", session)
    }

    /// The bank has answered to a payment that was processing when the buyer left the page.
    static func answered(_ id: String, isPaid: Bool, _ turn: Turn) {
        let session = turn.update(id) { if isPaid { $0["payment_status"] = "paid" } }
        turn.emit("checkout.session.async_payment_\(isPaid ? "succeeded" : "failed")", session)
    }

    static func expire(_ id: String, _ turn: Turn) throws(StripeFailure) {
        guard turn.current(id)["status"] == "open" else { return }
        turn.cancelJob("expireSession:\(id)")
        let session = turn.update(id) { session in
            session["status"] = "expired"
            session["url"] = .null
        }
        if let intent = session["_intent"].string, turn.current(intent)["status"].string?.hasPrefix("requires_") == true
        {
            _ = try PaymentIntents.canceled(turn.current(intent), reason: "automatic", turn)
        }
        turn.emit("checkout.session.expired", session)
    }
}
