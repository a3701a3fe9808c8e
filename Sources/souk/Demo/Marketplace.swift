/// The calls that the demonstration makes: as a marketplace to Souk's public API, and to the sandbox what people do in a
/// browser.
struct Marketplace: Sendable {
    let souk: JSONService
    let sandbox: JSONService

    /// Souk's work makes the sandbox do things and the other way round, so both are waited for by turns. So many turns
    /// see through the longest chain: payment, charge's booking, transfer, and what Souk reads after each.
    private static let turnsUntilQuiet = 3

    /// Waits until every event is delivered and Souk has nothing left to do.
    func untilQuiet() async throws {
        for _ in 0..<Self.turnsUntilQuiet {
            let settled: Settled = try await sandbox.post("/_sandbox/settle", Nothing())
            guard settled.settled else { throw DemoError.neverQuiet("the sandbox still has events to deliver.") }
            guard settled.pendingRetries == 0 else {
                throw DemoError.neverQuiet(
                    "\(settled.pendingRetries) events were not taken by Souk and wait for another try; see "
                        + "\(sandbox.url)/_sandbox/deliveries?status=pending.")
            }
            let _: Nothing = try await souk.get("/readyz?idle=1")
        }
    }

    private struct Settled: Decodable {
        let settled: Bool
        let pendingRetries: Int

        private enum CodingKeys: String, CodingKey {
            case settled
            case pendingRetries = "pending_retries"
        }
    }

    /// - Throws: an error that says what to start when either does not answer.
    func requireBoth() async throws {
        let _: Nothing = try await souk.get("/readyz")
        do {
            let _: Nothing = try await souk.get("/v1/admin/reconciliations?limit=1")
        } catch DemoError.refused(let refusal) where [401, 403].contains(refusal.status) {
            throw DemoError.cannotStart(
                "SOUK_ADMIN_KEY is no admin key of the Souk at \(souk.url): \(refusal.message)")
        }
        do {
            let _: Nothing = try await sandbox.get("/_sandbox/clock")
        } catch DemoError.refused {
            throw DemoError.cannotStart("What answers at \(sandbox.url) is not the Stripe sandbox. Give --sandbox-url.")
        }
    }

    func moveClock(days: Int) async throws {
        let _: Nothing = try await sandbox.post("/_sandbox/clock/advance", ["seconds": days * 86_400])
    }

    func onboard(_ account: String, completely: Bool) async throws {
        do {
            let _: Nothing = try await sandbox.post(
                "/_sandbox/accounts/\(account)/onboard", ["outcome": completely ? "complete" : "partial"])
        } catch DemoError.refused(let refusal) where refusal.status == 404 {
            throw DemoError.cannotStart(
                "The Souk at \(souk.url) makes its accounts elsewhere than in the sandbox at \(sandbox.url), which does not "
                    + "know \(account).")
        }
    }

    /// What the buyer does on Stripe's page or in the shop's own.
    /// - Returns: the bank's reason for a decline; nil where the payment went on.
    func pay(_ order: OrderAnswer, with method: String) async throws -> String? {
        let path =
            if let session = order.checkoutSession {
                "/_sandbox/checkout/sessions/\(session)/pay"
            } else {
                "/_sandbox/payment_intents/\(order.paymentIntent ?? "")/pay"
            }
        do {
            let _: Nothing = try await sandbox.post(path, ["payment_method": method])
            return nil
        } catch DemoError.refused(let refusal) where refusal.status == 402 {
            return refusal.declineCode ?? refusal.code ?? refusal.message
        }
    }

    func authenticate(_ intent: String, passes: Bool) async throws {
        let _: Nothing = try await sandbox.post(
            "/_sandbox/payment_intents/\(intent)/authenticate", ["outcome": passes ? "succeed" : "fail"])
    }

    /// Of every account of the sandbox the whole of each balance, from the sandbox's own accounting.
    func balancesAtStripe() async throws -> [AccountBalance: Int64] {
        struct Books: Decodable {
            struct Account: Decodable {
                struct Balance: Decodable { let total: Int64 }

                let account: String
                let isPlatform: Bool
                let balances: [String: Balance]

                private enum CodingKeys: String, CodingKey {
                    case account, balances
                    case isPlatform = "is_platform"
                }
            }

            let accounts: [Account]
        }
        let books: Books = try await sandbox.get("/_sandbox/books")
        var totals: [AccountBalance: Int64] = [:]
        for account in books.accounts {
            for (currency, balance) in account.balances {
                let owner = account.isPlatform ? "platform" : account.account
                totals[AccountBalance(owner: owner, currency: currency)] = balance.total
            }
        }
        return totals
    }

    func payouts(of seller: String) async throws -> [PayoutAnswer] {
        try await all("/v1/payouts?seller=\(seller)", id: \.id)
    }

    func findings(of reconciliation: String) async throws -> [FindingAnswer] {
        try await all("/v1/admin/reconciliations/\(reconciliation)/findings?status=open", id: \.id)
    }

    /// All pages of a list.
    private func all<Element: Decodable>(_ path: String, id: (Element) -> String) async throws -> [Element] {
        var found: [Element] = []
        var cursor = ""
        while true {
            let page: Listed<Element> = try await souk.get("\(path)&limit=100\(cursor)")
            found += page.data
            guard page.hasMore, let last = page.data.last else { return found }
            cursor = "&starting_after=\(id(last))"
        }
    }
}

/// A balance in one currency of `platform` or of a connected account.
struct AccountBalance: Hashable, Sendable {
    let owner: String
    let currency: String
}
