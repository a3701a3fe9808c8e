import Domain
import Ledger
import Logging
import Metrics
import Operations
import Orders
import Postgres
import Sellers
import Settlement
import Store
import StripeAPI
import Transport
import Web
import Webhooks

/// The parts of Souk, put together once for every command: what the server runs and what the command line calls.
struct Parts: Sendable {
    let configuration: SoukConfiguration
    let postgres: PostgresClient
    let store: Store
    let stripe: StripeClient
    let engine: OperationEngine
    let handlers: EventHandlers
    var reconciliation: RunReconciliation
    let repairs: RepairFinding
    let endpoints: WebhookEndpoints
    let copies: ObjectCopies
    let refreshAccount: RefreshAccount
    let sellers: SellerRoutes
    let orders: OrdersFeature
    let feed: ReadBalanceFeed
    let requestFeed: RequestBalanceFeed
    let follow: FollowRows
    let itemize: ItemizePayouts
    let refreshPayout: RefreshPayout
    let settings: WebSettings
    let logger: Logger

    /// `stripeURL` and `publicURL` are given apart from the configuration, because ports may be known late.
    init(
        _ configuration: SoukConfiguration, postgres: PostgresClient, clock: any BusinessClock, http: HTTPClient,
        stripeURL: String, publicURL: String, logger: Logger
    ) {
        self.configuration = configuration
        self.postgres = postgres
        self.logger = logger
        store = Store(postgres: postgres, clock: clock)
        stripe = StripeClient(
            configuration: StripeClient.Configuration(
                secretKey: configuration.stripeSecretKey ?? SoukConfiguration.sandboxKey, baseURL: stripeURL,
                timeout: OperationEngine.sendTimeout),
            http: http, logger: logger)
        settings = WebSettings(
            livemode: configuration.livemode, publicURL: publicURL,
            rateLimits: RateLimits(
                perKey: configuration.rateLimit, perAddress: configuration.addressRateLimit,
                trustedProxies: configuration.trustedProxies))
        copies = ObjectCopies(store: store)
        engine = OperationEngine(
            store: store, sender: StripeOperationSender(stripe: stripe),
            handlers: OrdersFeature.handlers(stripe: stripe) + [
                FinishAccountCreation(stripe: stripe), FinishRejection(stripe: stripe),
                FinishPayoutSchedule(stripe: stripe), FinishPayout(stripe: stripe),
                FinishPlatformPayouts(stripe: stripe),
                FinishAdjustment(stripe: stripe, balance: ReadPlatformBalance(store: store, stripe: stripe)),
            ], logger: logger)
        refreshAccount = RefreshAccount(store: store, copies: copies, stripe: stripe)
        sellers = SellerRoutes(
            store: store, engine: engine, stripe: stripe, refreshAccount: refreshAccount, settings: settings)
        orders = OrdersFeature(
            store: store, engine: engine, copies: copies, stripe: stripe, publicURL: publicURL,
            fraudWarnings: configuration.fraudWarnings)
        feed = ReadBalanceFeed(store: store, stripe: stripe)
        requestFeed = RequestBalanceFeed(store: store)
        reconciliation = RunReconciliation(store: store, stripe: stripe, logger: logger)
        refreshPayout = RefreshPayout(store: store, copies: copies, stripe: stripe)
        follow = FollowRows(
            store: store, payments: orders.refresh, payouts: refreshPayout, disputes: orders.refreshDispute,
            logger: logger)
        itemize = ItemizePayouts(store: store, stripe: stripe, logger: logger)
        repairs = RepairFinding(
            store: store, stripe: stripe, engine: engine, reconciliation: reconciliation, payments: orders.refresh,
            disputes: orders.refreshDispute, payouts: refreshPayout, itemize: itemize, follow: follow, logger: logger)
        handlers = .souk(
            account: refreshAccount, connection: RecordConnection(store: store), payment: orders.refresh,
            dispute: orders.refreshDispute, fraudWarning: orders.refreshFraudWarning, payout: refreshPayout,
            feed: requestFeed)
        endpoints = WebhookEndpoints(stripe: stripe, handlers: handlers, publicURL: publicURL)
    }

    /// The switch for everything that leaves.
    var moneyOut: HoldMoneyOut { HoldMoneyOut(store: store, engine: engine) }

    /// What keeps sellers' money with the platform.
    var cash: GuardPlatformCash { GuardPlatformCash(store: store, engine: engine, stripe: stripe) }

    /// Connected accounts whose events and balances matter.
    func connectedAccounts() async throws -> [StripeAccountID] {
        try await store.query(
            "SELECT stripe_account FROM seller_accounts WHERE NOT deauthorized ORDER BY seller_id, stripe_account"
        ).map { try $0.get("stripe_account") }
    }
}
