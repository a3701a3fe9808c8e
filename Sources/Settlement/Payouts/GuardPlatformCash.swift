package import Domain
import Hummingbird
import Ledger
import Postgres
import Sellers
package import Store
package import StripeAPI
package import Web

extension OperationKind {
    static let updatePlatformPayouts = OperationKind(rawValue: "update_platform_payouts")
}

/// Whether Stripe would pay sellers' money to the platform's bank, and having it not do so.
package struct GuardPlatformCash: Sendable {
    let store: Store
    let engine: OperationEngine
    let stripe: StripeClient

    package init(store: Store, engine: OperationEngine, stripe: StripeClient) {
        self.store = store
        self.engine = engine
        self.stripe = stripe
    }

    /// - Returns: what is wrong and what to do; nil where the platform neither holds anything of sellers nor is to hold
    ///   reserves back, or where it stays.
    /// - Throws: `stripe_unavailable`.
    package func risk() async throws -> String? {
        let held = try await currenciesHeldForSellers()
        let reserves = try await hasReservePolicies()
        guard reserves || !held.isEmpty else { return nil }
        let payouts = try await payouts()
        let unguarded = payouts.unguarded(among: held)
        let what: String
        if !unguarded.isEmpty {
            what = "The platform holds money of sellers in \(unguarded.map(\.code).joined(separator: ", "))"
        } else if reserves, payouts.keepsNothing {
            what = "The platform is to hold back reserves of sellers"
        } else {
            return nil
        }
        return
            "\(what), and Stripe pays the platform's balance out by itself without keeping any of it back. "
            + "`souk doctor --cash --repair` or POST /v1/admin/platform_payouts sets the schedule to manual; or set a "
            + "minimum balance at Stripe."
    }

    /// - Throws: `stripe_unavailable`.
    package func payouts() async throws -> PlatformPayouts {
        PlatformPayouts(try await stripe.send(RetrieveBalanceSettings()))
    }

    /// Has Stripe pay the platform's balance out only when asked. Repeating it changes nothing.
    /// - Throws: `stripe_refused` with Stripe's own reason, `stripe_unavailable`.
    package func payOutByHandOnly(by caller: Caller) async throws -> PlatformPayouts {
        let current = try await payouts()
        guard current.interval != "manual" else { return current }
        let operation = try await store.transaction { tx in
            try await tx.audit("platform.payouts_manual", subject: "platform", by: caller)
            return try await tx.enqueue(
                NewOperation(
                    kind: .updatePlatformPayouts, subject: "platform", askedBy: caller.apiKey, startsInline: true)
            ) { _ in OperationRequest(UpdateBalanceSettings(interval: "manual").request) }
        }
        let outcome = try await engine.perform(operation)
        if outcome.state == .failed {
            throw Refusal(.stripeRefused, outcome.reason ?? "Stripe refused to change the platform's payouts.")
        }
        return try await payouts()
    }

    private func hasReservePolicies() async throws -> Bool {
        try await !store.query("SELECT 1 FROM reserve_policies LIMIT 1").isEmpty
    }

    /// Those in which sellers are owed something that lies in the platform's balance.
    private func currenciesHeldForSellers() async throws -> Set<Currency> {
        let rows = try await store.query(
            """
            SELECT currency FROM ledger_accounts WHERE code LIKE 'seller:%:payable' OR code LIKE 'seller:%:reserve'
            GROUP BY currency HAVING sum(balance_minor) < 0
            """)
        return Set(try rows.map { try $0.get("currency") })
    }
}

extension PlatformPayouts {
    fileprivate init(_ settings: BalanceSettingsResource) {
        let payouts = settings.payments.payouts
        self.init(
            interval: payouts.schedule?.interval,
            minimumBalances: Dictionary(
                (payouts.minimumBalanceByCurrency ?? [:]).compactMap { code, amount in
                    Currency(code).map { ($0, amount) }
                }, uniquingKeysWith: { first, _ in first }))
    }
}

/// Sees `update_platform_payouts` to its end.
package struct FinishPlatformPayouts: OperationHandler {
    let stripe: StripeClient
    package let kind = OperationKind.updatePlatformPayouts

    package init(stripe: StripeClient) { self.stripe = stripe }

    /// Stripe's settings have no id, and nothing of them is kept.
    package func succeed(
        _ operation: OperationRecord, answer: [UInt8], in tx: StoreTransaction
    ) async throws -> String? { nil }

    package func refuse(
        _ operation: OperationRecord, _ refusal: OperationRefusal, in tx: StoreTransaction
    ) async throws -> AfterRefusal {
        .fail(because: "Stripe refused to change the platform's payouts: \(refusal.message)")
    }

    /// The settings themselves tell.
    package func lookUp(_ operation: OperationRecord) async throws -> LookUpResult {
        let answer = try await stripe.answer(to: RetrieveBalanceSettings().request, priority: .operation)
        let settings = try answer.decode(BalanceSettingsResource.self)
        return settings.payments.payouts.schedule?.interval == "manual" ? .found(answer.body) : .notFound
    }
}

/// `/v1/admin/platform_payouts`.
package struct PlatformPayoutRoutes: Sendable {
    let cash: GuardPlatformCash

    package init(_ cash: GuardPlatformCash) { self.cash = cash }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/platform_payouts", scope: .admin, use: retrieve)
        api.post("/v1/admin/platform_payouts", scope: .admin, use: set)
    }

    struct SetBody: Decodable, Sendable {
        enum Interval: String, Decodable, Sendable { case manual }

        let interval: Interval
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> PlatformPayoutsBody {
        try request.refuseQuery()
        return PlatformPayoutsBody(try await cash.payouts(), risk: try await cash.risk())
    }

    @Sendable func set(_ request: Request, _ context: SoukContext) async throws -> PlatformPayoutsBody {
        _ = try await request.decode(as: SetBody.self, context: context)
        let payouts = try await cash.payOutByHandOnly(by: context.caller)
        return PlatformPayoutsBody(payouts, risk: try await cash.risk())
    }
}

struct PlatformPayoutsBody: ResponseEncodable, Sendable {
    struct Minimum: Encodable, Sendable {
        let currency: Currency
        let amount: Int64
    }

    let object = "platform_payouts"
    let interval: String?
    let minimumBalances: [Minimum]
    /// What is wrong and what to do; null where sellers' money stays.
    let risk: String?

    init(_ payouts: PlatformPayouts, risk: String?) {
        interval = payouts.interval
        minimumBalances = payouts.minimumBalances.sorted { $0.key < $1.key }.map {
            Minimum(currency: $0.key, amount: $0.value)
        }
        self.risk = risk
    }

    private enum CodingKeys: String, CodingKey { case object, interval, minimumBalances, risk }
}
