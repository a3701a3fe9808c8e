/// `/v1/customers`, as far as payments need them.
enum Customers {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/customers", create)
        try routes.add("GET /v1/customers") { turn throws(StripeFailure) in
            try turn.page(of: "customer", url: "/v1/customers", slots: turn.slots(of: "customer", by: "email")) {
                turn.matches($0, "email")
            }
        }
        try routes.add("GET /v1/customers/:customer") { turn throws(StripeFailure) in
            let id = turn.path["customer"] ?? ""
            if let entry = turn.world[id: id], entry.type == "customer", entry.account == turn.account {
                return entry.value
            }
            throw .missing("customer", id)
        }
        try routes.add("POST /v1/customers/:customer", update)
        try routes.add("DELETE /v1/customers/:customer") { turn throws(StripeFailure) in
            let customer = try find(turn)
            let id = customer["id"].string ?? ""
            turn.emit("customer.deleted", customer)
            return turn.update(id) { $0 = ["id": .string(id), "object": "customer", "deleted": true] }
        }
        try routes.add("GET /v1/customers/:customer/payment_methods") { turn throws(StripeFailure) in
            let id = try find(turn)["id"].string ?? ""
            return try PaymentMethods.list(of: id, url: "/v1/customers/\(id)/payment_methods", turn)
        }
        try routes.add("GET /v1/customers/:customer/payment_methods/:payment_method") { turn throws(StripeFailure) in
            let id = try find(turn)["id"]
            let method = try turn.fromPath("payment_method", "payment_method", kind: "PaymentMethod")
            guard method["customer"] == id else {
                throw .missing("PaymentMethod", turn.path["payment_method"] ?? "", param: "payment_method")
            }
            return method
        }
    }

    private static func find(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        try turn.fromPath("customer", "customer")
    }

    static func object(_ turn: Turn, email: String?, name: String?) -> JSONValue {
        [
            "id": .string(turn.newID("cus", length: 14)), "object": "customer", "address": .null, "balance": 0,
            "created": .int(turn.now), "currency": .null, "default_source": .null, "delinquent": false,
            "description": .null, "discount": .null, "email": .optional(email),
            "invoice_prefix": .string(turn.random(8).uppercased()),
            "invoice_settings": [
                "custom_fields": .null, "default_payment_method": .null, "footer": .null, "rendering_options": .null,
            ],
            "livemode": false, "metadata": [:], "name": .optional(name), "next_invoice_sequence": 1, "phone": .null,
            "preferred_locales": [], "shipping": .null, "tax_exempt": "none", "test_clock": .null,
        ]
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        var customer = object(turn, email: turn.string("email"), name: turn.string("name"))
        try take(turn, into: &customer)
        let made = turn.insert("customer", customer)
        let id = made["id"].string ?? ""
        turn.emit("customer.created", made)
        if let method = turn.string("payment_method") {
            let resolved = try PaymentMethods.resolve(method, param: "payment_method", turn)
            let attached = turn.update(resolved["id"].string ?? "") { $0["customer"] = .string(id) }
            turn.emit("payment_method.attached", attached)
        }
        return turn.current(id)
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        var customer = try find(turn)
        try take(turn, into: &customer)
        let result = customer
        return turn.updateAndEmit(customer["id"].string ?? "", "customer.updated") { $0 = result }
    }

    private static func take(_ turn: Turn, into customer: inout JSONValue) throws(StripeFailure) {
        if let email = turn.string("email"), !email.contains("@") {
            throw .parameter("email_invalid", "email", "Invalid email address: \(email)")
        }
        for key in ["description", "email", "name", "phone", "preferred_locales", "business_name", "individual_name"] {
            if let value = turn.params[key] { customer[key] = value }
        }
        if let address = turn.params["address"] { customer["address"] = Shapes.addressOrNull(address) }
        if let shipping = turn.params["shipping"] { customer["shipping"] = Shapes.shipping(shipping) }
        if let settings = turn.params["invoice_settings"], let method = settings.object?["default_payment_method"] {
            customer["invoice_settings"]["default_payment_method"] = method
        }
        customer["metadata"] = try turn.mergedMetadata(customer["metadata"])
    }
}
