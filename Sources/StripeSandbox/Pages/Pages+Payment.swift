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
        default: return notice("This page has expired", "Go back to the shop and begin again.", status: 410)
        }
        guard method == "POST" else { return page(session, [:], error: nil) }
        if let problem = Self.problem(form) { return page(session, form, error: problem) }
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
            return page(session, form, error: failure.body["message"]?.string ?? "Your card was declined.")
        }
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

    private static func problem(_ form: [String: String]) -> String? {
        guard form["email"]?.contains("@") == true else { return "Your email is incomplete." }
        let digits = (form["card"] ?? "").filter { $0 != " " }
        guard digits.count >= 12, digits.allSatisfy(\.isNumber) else { return "Your card number is incomplete." }
        let expiry = (form["expiry"] ?? "").split { !$0.isNumber }.compactMap { Int64($0) }
        guard expiry.count == 2, (1...12).contains(expiry[0]) else {
            return "Your card's expiration date is incomplete."
        }
        let year = expiry[1] < 100 ? 2000 + expiry[1] : expiry[1]
        guard year >= 1970 + WallClock.milliseconds() / 31_556_952_000 else {
            return "Your card's expiration year is in the past."
        }
        let cvc = form["cvc"] ?? ""
        guard (3...4).contains(cvc.count), cvc.allSatisfy(\.isNumber) else {
            return "Your card's security code is incomplete."
        }
        return nil
    }

    private func page(_ session: JSONValue, _ form: [String: String], error: String?) -> SandboxAnswer {
        let currency = session["currency"].string ?? ""
        var model = CheckoutPage(
            total: Self.shown(session["amount_total"].int ?? 0, currency),
            items: (session["_line_items"].array ?? []).map { item in
                CheckoutPage.Item(
                    name: item["description"].string ?? "Item", quantity: item["quantity"].int ?? 1,
                    amount: Self.shown(item["amount_total"].int ?? 0, currency))
            }, action: "/c/pay/\(session["id"].string ?? "")", cancelURL: session["cancel_url"].string)
        model.email = form["email"] ?? session["customer_details"]["email"].string ?? ""
        model.card = form["card"] ?? ""
        model.expiry = form["expiry"] ?? ""
        model.cvc = form["cvc"] ?? ""
        model.name = form["name"] ?? ""
        model.error = error
        return html("checkout", model, title: "Checkout", status: error == nil ? 200 : 402)
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
                return notice("Nothing to do", "This payment waits for no authentication.")
            }
            return html(
                "authenticate",
                AuthenticatePage(
                    total: Self.shown(intent["amount"].int ?? 0, intent["currency"].string ?? ""),
                    action: "/authenticate/\(id)"), title: "3-D Secure")
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
            return page(value, [:], error: refusal?.body["message"]?.string)
        }
        return Self.redirect(intent["_return_url"].string ?? "/done")
    }
}
