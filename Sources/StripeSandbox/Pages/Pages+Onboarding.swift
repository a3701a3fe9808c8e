extension Pages {
    private struct Seen {
        let account: JSONValue
        let owed: [String]
        let platform: String
        let refreshURL: String
        let returnURL: String
    }

    /// Opens a link: once, and only before it expires; otherwise the seller is sent to the refresh address.
    func open(link token: String, of account: String, _ engine: SandboxEngine) async throws -> SandboxAnswer {
        let id = "link_" + token
        let target = try await engine.turn { turn throws(StripeFailure) in
            let link = turn.current(id)
            guard link["account"].string == account else { throw .missing("account link", token) }
            guard link["state"] == "new", turn.now < link["expires_at"].int ?? 0 else {
                return link["refresh_url"].string ?? ""
            }
            turn.update(id) { $0["state"] = "open" }
            return "/setup/\(account)/\(token)/form"
        }
        return Self.redirect(target)
    }

    func onboard(
        _ method: String, link token: String, of account: String, _ form: [String: String], _ engine: SandboxEngine
    ) async throws -> SandboxAnswer {
        let id = "link_" + token
        let action = "/setup/\(account)/\(token)/form"
        guard method == "POST" else {
            let seen = try await see(id, account, engine)
            guard let seen else { return Self.redirect(await refreshURL(of: id, engine)) }
            return page(seen, action, FormState())
        }
        guard let seen = try await see(id, account, engine) else {
            return Self.redirect(await refreshURL(of: id, engine))
        }
        if form["_action"] == "test_data" {
            return page(seen, action, FormState(typed: Self.testData(seen.owed, seen.account, kept: form)))
        }
        let (facts, bank, errors) = Self.check(form, owed: seen.owed, account: seen.account)
        let isLater = form["_action"] == "later"
        try await engine.turn { turn throws(StripeFailure) in
            Onboarding.take(facts, account, turn)
            if let bank {
                try ExternalAccounts.create(bank, for: account, makeDefault: true, metadata: .null, turn)
            }
            if isLater { turn.update(id) { $0["state"] = "done" } }
        }
        if isLater { return Self.redirect(seen.returnURL) }
        guard let after = try await see(id, account, engine) else { return Self.redirect(seen.refreshURL) }
        guard errors.isEmpty, after.owed.isEmpty else {
            // A chosen business type brings new questions; they are no mistakes.
            return page(after, action, FormState(typed: form, errors: errors), continues: true)
        }
        try await engine.turn { turn throws(StripeFailure) in
            Onboarding.submit(account, immediate: false, turn)
            turn.update(id) { $0["state"] = "done" }
        }
        return Self.redirect(seen.returnURL)
    }

    private func refreshURL(of id: String, _ engine: SandboxEngine) async -> String {
        await engine.read { $0[id: id]?.value["refresh_url"].string ?? "/done" }
    }

    /// The form as long as its link is open and in time.
    private func see(_ id: String, _ account: String, _ engine: SandboxEngine) async throws -> Seen? {
        try await engine.turn { turn throws(StripeFailure) in
            let link = turn.current(id)
            guard link["account"].string == account, link["state"] == "open",
                turn.now < (link["expires_at"].int ?? 0) + 3600
            else { return nil }
            let shown = turn.current(account)
            let list = link["fields"] == "eventually_due" ? "eventually_due" : "currently_due"
            return Seen(
                account: shown, owed: (shown["requirements"][list].array ?? []).compactMap(\.string),
                platform: Self.name(of: turn.world.platform, in: turn.world),
                refreshURL: link["refresh_url"].string ?? "", returnURL: link["return_url"].string ?? "")
        }
    }

    /// `continues`: what was right of the last step is kept, and it brought further questions.
    private func page(
        _ seen: Seen, _ action: String, _ state: FormState, continues: Bool = false
    ) -> SandboxAnswer {
        let sections = OnboardingForm.sections(owed: seen.owed, account: seen.account, state)
        let fields = sections.flatMap(\.fields)
        let problems = FormProblems(fields)
        let count = fields.count == 1 ? "one detail" : "\(fields.count) details"
        var lead = "\(seen.platform) pays you through Stripe, and Stripe still needs \(count) for it."
        if continues, problems == nil { lead = "Thank you. For your kind of business, Stripe needs \(count) more." }
        if fields.isEmpty { lead = "Nothing is missing at the moment." }
        return html(
            "onboarding",
            OnboardingPage(
                account: seen.account["id"].string ?? "", platform: seen.platform, action: action,
                heading: fields.isEmpty ? "You are all set" : "Tell us about your business", lead: lead,
                submit: fields.isEmpty ? "Done" : "Agree and submit", isDone: fields.isEmpty, sections: sections,
                problems: problems),
            title: problems == nil ? "Onboarding" : "Error: Onboarding", status: problems == nil ? 200 : 422)
    }

    private static func testData(_ owed: [String], _ account: JSONValue, kept: [String: String]) -> [String: String] {
        var values = kept.filter { !$0.value.isEmpty }
        let country = account["country"].string ?? "US"
        for path in owed where values[path] == nil {
            values[path] = AccountFacts.testValue(path, immediate: true, country: country)
        }
        values["tos_acceptance"] = "true"
        values["external_account.routing_number"] = "110000000"
        values["external_account.account_number"] = country == "US" ? "000123456789" : "DE89370400440532013000"
        return values
    }

    /// Splits what was typed into facts to keep and mistakes to show.
    private static func check(
        _ form: [String: String], owed: [String], account: JSONValue
    ) -> (facts: [String: String], bank: JSONValue?, errors: [String: String]) {
        var facts: [String: String] = [:]
        var errors: [String: String] = [:]
        var bank: JSONValue?
        for path in owed {
            switch path {
            case "external_account":
                let isUS = account["country"] == "US"
                let number = form["external_account.account_number"] ?? ""
                let routing = form["external_account.routing_number"] ?? ""
                errors["external_account.account_number"] = OnboardingForm.problem("account_number", number)
                if isUS {
                    errors["external_account.routing_number"] = OnboardingForm.problem("routing_number", routing)
                }
                guard errors["external_account.account_number"] == nil, errors["external_account.routing_number"] == nil
                else { continue }
                bank = [
                    "object": "bank_account", "account_number": .string(number), "country": account["country"],
                    "currency": account["default_currency"], "routing_number": isUS ? .string(routing) : .null,
                ]
            case "tos_acceptance.date":
                if form["tos_acceptance"] == "true" {
                    facts["tos_acceptance.date"] = String(WallClock.milliseconds() / 1000)
                    facts["tos_acceptance.ip"] = "127.0.0.1"
                } else {
                    errors["tos_acceptance"] = "Agree to go on."
                }
            case "tos_acceptance.ip": continue
            default:
                let value = form[path] ?? ""
                if let problem = OnboardingForm.problem(path, value) {
                    errors[path] = problem
                } else {
                    facts[path] = value
                }
            }
        }
        return (facts, bank, errors)
    }
}
