import Domain
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
            case ("GET", "receipts", 2): return notice("Receipt", "This is the receipt of \(parts[1]).")
            case ("GET", "done", 1): return notice("Done", "You can close this page.")
            default: return notice("Not found", "The sandbox has no such page.", status: 404)
            }
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
        answer.headers.append(("Cache-Control", "no-store"))
        return answer
    }

    func notice(_ title: String, _ text: String, status: Int = 200) -> SandboxAnswer {
        html("notice", NoticePage(title: title, text: text), title: title, status: status)
    }

    static func redirect(_ url: String) -> SandboxAnswer {
        var answer = SandboxAnswer(status: 303, body: [])
        answer.headers.append(("Location", url))
        answer.contentType = "text/plain"
        return answer
    }

    static func shown(_ amount: Int64, _ code: String) -> String {
        Currency(code).map { Money(amount, $0).description } ?? "\(amount) \(code)"
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
            func lines(_ type: String) -> [ExpressPage.Line] {
                turn.world.all(account: account, type: type).suffix(20).reversed().map { entry in
                    ExpressPage.Line(
                        status: entry.value["status"].string ?? "",
                        amount: Self.shown(entry.value["amount"].int ?? 0, entry.value["currency"].string ?? ""))
                }
            }
            return ExpressPage(
                account: account,
                balances: balances.map {
                    ExpressPage.Balance(
                        available: Self.shown($0.value.available, $0.key),
                        pending: Self.shown($0.value.pending, $0.key))
                }, payouts: lines("payout"), payments: lines("charge"))
        }
        return html("express", page, title: "Express dashboard")
    }
}
