import Mustache

/// The hosted pages: onboarding, Checkout, 3-D Secure and the Express dashboard. What they do is what the control
/// calls do; they only ask a person first.
struct Pages: Sendable {
    private let templates: MustacheLibrary

    init() throws {
        var templates = MustacheLibrary()
        for (name, text) in PageTemplates.all { try templates.register(text, named: name) }
        self.templates = templates
    }

    func answer(
        _ method: String, _ path: String, _ query: String, _ body: [UInt8], _ engine: SandboxEngine
    ) async -> SandboxAnswer {
        let parts = path.split(separator: "/").map(String.init)
        do {
            let form = method == "POST" ? try Self.form(body) : [:]
            switch (method, parts.first, parts.count) {
            case ("GET", "setup", 3): return try await open(link: parts[2], of: parts[1], engine)
            case (_, "setup", 4): return try await onboard(method, link: parts[2], of: parts[1], form, engine)
            case (_, "c", 3): return try await checkout(method, parts[2], form, engine)
            case (_, "authenticate", 2): return try await authenticate(method, parts[1], form, engine)
            case ("GET", "express", 3): return try await express(parts[2], of: parts[1], engine)
            case ("GET", "receipts", 2): return notice("Your receipt", "For the payment \(parts[1]).")
            case ("GET", "done", 1): return notice("Done", "You can close this page.")
            default: throw StripeFailure.missing("page", path)
            }
        } catch let failure as StripeFailure where failure.status == 404 {
            return notice(
                "There is no such page", "The address may be incomplete, or from another sandbox.", status: 404)
        } catch let failure as StripeFailure {
            return notice("This did not work", failure.body["message"]?.string ?? "", status: failure.status)
        } catch {
            return notice("This did not work", "The sandbox could not store the change: \(error)", status: 500)
        }
    }

    static func form(_ body: [UInt8]) throws(StripeFailure) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in try FormDecoder.decode(Substring(String(decoding: body, as: UTF8.self))) {
            if case .text(let text) = pair.value { fields[pair.key] = text }
        }
        return fields
    }

    // MARK: Answers

    func html(_ template: String, _ model: Any, title: String, status: Int = 200) -> SandboxAnswer {
        let body = templates.render(model, withTemplate: template) ?? ""
        let page = templates.render(PageFrame(title: title, body: body), withTemplate: "page") ?? ""
        var answer = SandboxAnswer(status: status, body: Array(page.utf8))
        answer.contentType = "text/html; charset=utf-8"
        answer.headers += [
            ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff"),
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
            ),
        ]
        return answer
    }

    func notice(
        _ title: String, _ text: String, link: NoticePage.Link? = nil, status: Int = 200
    ) -> SandboxAnswer {
        html("notice", NoticePage(title: title, text: text, link: link), title: title, status: status)
    }

    static func redirect(_ url: String) -> SandboxAnswer {
        var answer = SandboxAnswer(status: 303, body: [])
        answer.headers.append(("Location", url))
        answer.contentType = "text/plain"
        return answer
    }

    /// How an account calls itself to buyers and sellers.
    static func name(of account: String, in world: World) -> String {
        world[id: account]?.value["business_profile"]["name"].string
            ?? (account == world.platform ? "The marketplace" : "The shop")
    }

    // MARK: Express dashboard

    private func express(_ token: String, of account: String, _ engine: SandboxEngine) async throws -> SandboxAnswer {
        let page = try await engine.turn { turn throws(StripeFailure) in
            let id = "login_" + token
            guard turn.current(id)["account"].string == account, turn.current(id)["state"] == "new" else {
                throw .state(nil, "This login link was used already. Ask for a new one.")
            }
            turn.update(id) { $0["state"] = "used" }
            let balances = (turn.world.balances[account] ?? [:]).sorted { $0.key < $1.key }
            func lines(_ type: String, by date: String) -> [ExpressPage.Line] {
                turn.world.all(account: account, type: type).suffix(20).reversed().map { entry in
                    let (status, tone) = Self.spoken(entry.value["status"].string ?? "")
                    return ExpressPage.Line(
                        date: ShownText.day(entry.value[date].int ?? 0), status: status, tone: tone,
                        amount: ShownText.amount(
                            entry.value["amount"].int ?? 0, entry.value["currency"].string ?? ""))
                }
            }
            let (payouts, payments) = (lines("payout", by: "arrival_date"), lines("charge", by: "created"))
            return ExpressPage(
                platform: Self.name(of: turn.world.platform, in: turn.world), account: account,
                balances: balances.map {
                    ExpressPage.Balance(
                        available: ShownText.amount($0.value.available, $0.key),
                        pending: ShownText.amount($0.value.pending, $0.key))
                }, payouts: payouts, payments: payments, hasPayouts: !payouts.isEmpty, hasPayments: !payments.isEmpty)
        }
        return html("express", page, title: "Your earnings")
    }

    private static func spoken(_ status: String) -> (text: String, tone: String) {
        switch status {
        case "pending": ("Scheduled", "")
        case "in_transit": ("On its way", "")
        case "paid": ("Paid", "good")
        case "succeeded": ("Received", "good")
        case "failed": ("Failed", "bad")
        case "canceled": ("Canceled", "bad")
        default: (status, "")
        }
    }
}
