extension Pages {
    // MARK: Checkout

    func checkout(
        _ method: String, _ id: String, _ form: [String: String], _ engine: SandboxEngine
    ) async throws -> SandboxAnswer {
        guard let session = await engine.read({ $0[id: id]?.value }), session["object"] == "checkout.session" else {
            throw StripeFailure.missing("checkout.session", id)
        }
        switch session["status"] {
        case "open": break
        case "complete": return try await finished(session, engine)
        default: return expired(session)
        }
        guard method == "POST" else { return await page(session, FormState(), engine) }
        if let card = form["_fill"] {
            let sample = ["card": card, "expiry": "12 / 34", "cvc": "123"]
            return await page(session, FormState(typed: form.merging(sample) { $1 }), engine)
        }
        let errors = Self.problems(form, now: await engine.now)
        guard errors.isEmpty else { return await page(session, FormState(typed: form, errors: errors), engine) }
        let owner = await engine.read { $0[id: id]?.account }
        do {
            let paid = try await engine.turn(as: owner) { turn throws(StripeFailure) in
                let method = try PaymentControls.method(form["card"] ?? "", turn)
                return try CheckoutSessions.pay(id, with: method, email: form["email"], name: form["name"], turn)
            }
            if paid["status"] == "complete" { return try await finished(paid, engine) }
            guard let intent = paid["_intent"].string else { throw StripeFailure.missing("payment_intent", id) }
            return Self.redirect("/authenticate/\(intent)")
        } catch let failure as StripeFailure where failure.status == 402 || failure.status == 400 {
            return await page(session, FormState(typed: form), refusal: failure, engine)
        }
    }

    private func expired(_ session: JSONValue) -> SandboxAnswer {
        notice(
            "This page has expired", "Nobody can pay on it any more, and nothing was charged.",
            link: session["cancel_url"].string.map { NoticePage.Link(label: "Back to the shop", url: $0) }, status: 410)
    }

    /// Stripe waits a while for the answer to `checkout.session.completed` before it sends the buyer on.
    private func finished(_ session: JSONValue, _ engine: SandboxEngine) async throws -> SandboxAnswer {
        let id = session["id"].string ?? ""
        let end = ContinuousClock.now + .seconds(10)
        while ContinuousClock.now < end {
            let isWaiting = await engine.read { world in
                world.all(account: world.platform, type: "_delivery").suffix(50).contains { entry in
                    entry.value["type"] == "checkout.session.completed" && entry.value["status"] == "pending"
                        && (entry.value["attempts"].array ?? []).isEmpty
                        && world[id: entry.value["event"].string ?? ""]?.value["data"]["object"]["id"].string == id
                }
            }
            guard isWaiting else { break }
            try await Task.sleep(for: .milliseconds(20))
        }
        return Self.redirect((session["success_url"].string ?? "/done").replacing("{CHECKOUT_SESSION_ID}", with: id))
    }

    /// What is wrong with what was typed, before any bank is asked; `now` in milliseconds.
    private static func problems(_ form: [String: String], now: Int64) -> [String: String] {
        var problems: [String: String] = [:]
        if !OnboardingForm.isEmail(form["email"] ?? "") { problems["email"] = "Your email is incomplete." }
        let digits = (form["card"] ?? "").filter { $0 != " " }
        if digits.count < 12 || !digits.allSatisfy(\.isNumber) {
            problems["card"] = "Your card number is incomplete."
        }
        let expiry = (form["expiry"] ?? "").split { !$0.isNumber }.compactMap { Int64($0) }
        let today = Calendar.civil(now / 1000 / BalanceRows.day)
        if expiry.count != 2 || !(1...12).contains(expiry[0]) {
            problems["expiry"] = "Your card's expiration date is incomplete."
        } else if ((expiry[1] < 100 ? 2000 : 0) + expiry[1], expiry[0]) < (today.year, today.month) {
            problems["expiry"] = "Your card's expiration date is in the past."
        }
        let code = form["cvc"] ?? ""
        if !(3...4).contains(code.count) || !code.allSatisfy(\.isNumber) {
            problems["cvc"] = "Your card's security code is incomplete."
        }
        return problems
    }

    /// The field that a bank's refusal is about; nil for refusals of the whole payment.
    private static func field(of refusal: StripeFailure) -> String? {
        switch refusal.body["code"]?.string {
        case "incorrect_number", "invalid_number": "card"
        case "expired_card", "invalid_expiry_month", "invalid_expiry_year": "expiry"
        case "incorrect_cvc", "invalid_cvc": "cvc"
        default: nil
        }
    }

    private func page(
        _ session: JSONValue, _ state: FormState, refusal: StripeFailure? = nil, _ engine: SandboxEngine
    ) async -> SandboxAnswer {
        let currency = session["currency"].string ?? ""
        var state = state
        var decline: String?
        if let refusal {
            let message = refusal.body["message"]?.string ?? "Your card was declined."
            if let field = Self.field(of: refusal) {
                state.errors[field] = message
            } else if refusal.body["code"] == "payment_intent_authentication_failure" {
                decline = "Your bank did not confirm that it was you."
            } else {
                decline = message
            }
        }
        if state.typed["email"] == nil { state.typed["email"] = session["customer_details"]["email"].string }
        let fields = [
            FormField(state, "email", "Email", type: "email", autocomplete: "email"),
            FormField(state, "card", "Card number", keys: "numeric", example: "1234 1234 1234 1234"),
            FormField(state, "expiry", "Expiry date", .half, keys: "numeric", example: "MM / YY"),
            FormField(state, "cvc", "Security code", .half, keys: "numeric", example: "CVC"),
            FormField(state, "name", "Name on card", autocomplete: "name", isOptional: true),
        ]
        let problems = FormProblems(fields)
        let id = session["id"].string ?? ""
        let shop = await engine.read { world in
            Self.name(of: world[id: id]?.account ?? world.platform, in: world)
        }
        let model = CheckoutPage(
            shop: shop, total: ShownText.amount(session["amount_total"].int ?? 0, currency),
            items: (session["_line_items"].array ?? []).map { Self.item($0, currency) },
            isHeld: session["_intent_data"]["capture_method"] == "manual", action: "/c/pay/\(id)",
            cancelURL: session["cancel_url"].string, fields: fields, problems: problems, decline: decline)
        return html(
            "checkout", model, title: problems == nil && decline == nil ? "Checkout" : "Error: Checkout",
            status: decline != nil ? 402 : problems != nil ? 422 : 200)
    }

    private static func item(_ item: JSONValue, _ currency: String) -> CheckoutPage.Item {
        let quantity = item["quantity"].int ?? 1
        return CheckoutPage.Item(
            name: item["description"].string ?? "Item", about: item["_about"].string,
            detail: quantity == 1
                ? nil
                : "\(quantity) × \(ShownText.amount(item["price"]["unit_amount"].int ?? 0, currency))",
            amount: ShownText.amount(item["amount_total"].int ?? 0, currency))
    }

    // MARK: 3-D Secure

    func authenticate(
        _ method: String, _ id: String, _ form: [String: String], _ engine: SandboxEngine
    ) async throws -> SandboxAnswer {
        guard let intent = await engine.read({ $0[id: id]?.value }), intent["object"] == "payment_intent" else {
            throw StripeFailure.missing("payment_intent", id)
        }
        guard method == "POST" else {
            guard intent["status"] == "requires_action" else {
                return notice("Nothing to confirm", "This payment does not wait for your bank.")
            }
            let (shop, lastDigits) = await engine.read { world in
                (
                    Self.name(of: world[id: id]?.account ?? world.platform, in: world),
                    intent["payment_method"].string.flatMap { world[id: $0]?.value["card"]["last4"].string }
                )
            }
            return html(
                "authenticate",
                AuthenticatePage(
                    shop: shop,
                    total: ShownText.amount(intent["amount"].int ?? 0, intent["currency"].string ?? ""),
                    card: lastDigits.map { "•••• \($0)" }, action: "/authenticate/\(id)"), title: "3-D Secure")
        }
        let owner = await engine.read { $0[id: id]?.account }
        let succeeds = form["outcome"] == "succeed"
        var refusal: StripeFailure?
        do {
            _ = try await engine.turn(as: owner) { turn throws(StripeFailure) in
                try Confirmation.authenticate(id, succeeds: succeeds, turn)
            }
        } catch let failure as StripeFailure {
            guard failure.keepsEffects else { throw failure }
            refusal = failure
        }
        if let session = intent["_session"].string, let value = await engine.read({ $0[id: session]?.value }) {
            if value["status"] == "complete" { return try await finished(value, engine) }
            return await page(value, FormState(), refusal: refusal, engine)
        }
        return Self.redirect(intent["_return_url"].string ?? "/done")
    }
}
