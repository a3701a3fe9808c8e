import FoundationEssentials
import Logging
import Operations
import Orders
import Sellers
import Settlement
import Store
import StripeAPI
package import Web
import Webhooks

/// What takes events in and sends them out, shared by the routes and the workers of a process.
struct EventParts: Sendable {
    let inbox: Inbox
    let outbox: Outbox
    let arrivals = WakeSignal()
    let intake: WebhookIntake
    let secrets: WebhookSecrets
    let box: EncryptedSecrets
    let rules: DestinationRules

    init(_ parts: Parts) throws {
        let configuration = parts.configuration
        inbox = Inbox(store: parts.store)
        outbox = Outbox(store: parts.store)
        secrets = WebhookSecrets([
            .platform: configuration.webhookSecrets, .connect: configuration.connectWebhookSecrets,
        ])
        intake = WebhookIntake(
            inbox: inbox, handlers: parts.handlers, livemode: configuration.livemode,
            apiVersion: StripeAPIVersion.pinned, arrivals: arrivals, logger: parts.logger)
        let keys = configuration.encryptionKeys
        box = EncryptedSecrets(keys: try keys.isEmpty ? [TrialKey.load(from: configuration.dataDirectory)] : keys)
        rules = DestinationRules(allowsPrivate: configuration.allowPrivateAddresses)
    }
}

extension APIRoutes {
    /// Every route of Souk. `openapi/souk.yaml` describes the same, and a test holds the two together.
    static func souk(
        _ parts: Parts, events: EventParts, resources: ResourceFolder, metrics: PrometheusRegistry, readiness: Readying
    ) throws -> APIRoutes {
        guard let description = FileManager.default.contents(atPath: resources.openAPI) else {
            throw ConfigurationError("\(resources.openAPI) cannot be read.")
        }
        let livemode = parts.settings.livemode
        let api = APIRoutes(
            settings: parts.settings, keys: APIKeyAuthenticator(store: parts.store, livemode: livemode),
            idempotency: IdempotencyMiddleware(store: parts.store, publicURL: parts.settings.publicURL))
        ServiceRoutes(
            metrics: metrics, description: Array(description),
            assets: try DocumentationAssets(folder: resources.documentation), readiness: readiness.callAsFunction
        ).register(on: api)
        AdminKeyRoutes(store: parts.store, livemode: livemode).register(on: api)
        parts.sellers.register(on: api)
        parts.orders.register(on: api)
        PayoutRoutes(
            store: parts.store,
            request: RequestPayout(
                store: parts.store, engine: parts.engine, stripe: parts.stripe, refreshAccount: parts.refreshAccount)
        ).register(on: api)
        PlatformBalanceRoutes(read: ReadPlatformBalance(store: parts.store, stripe: parts.stripe), livemode: livemode)
            .register(on: api)
        PlatformPayoutRoutes(parts.cash).register(on: api)
        TransferRoutes(store: parts.store).register(on: api)
        AdjustmentRoutes(store: parts.store).register(on: api)
        ReceivableRoutes(store: parts.store).register(on: api)
        LedgerRoutes(store: parts.store).register(on: api)
        StatementRoutes(store: parts.store).register(on: api)
        ReconciliationRoutes(store: parts.store, reconciliation: parts.reconciliation).register(on: api)
        FindingRoutes(store: parts.store, repair: parts.repairs).register(on: api)
        OperationRoutes(store: parts.store, decide: DecideMoneyOut(store: parts.store, engine: parts.engine))
            .register(on: api)
        LimitRoutes(store: parts.store).register(on: api)
        MoneyOutRoutes(parts.moneyOut).register(on: api)
        StripeWebhookRoutes(intake: events.intake, secrets: events.secrets).register(on: api)
        InboxRoutes(inbox: events.inbox, arrivals: events.arrivals).register(on: api)
        EventRoutes(outbox: events.outbox, livemode: livemode).register(on: api)
        EventDestinationRoutes(outbox: events.outbox, secrets: events.box, rules: events.rules).register(on: api)
        return api
    }
}

extension Souk {
    /// Every route that a process of Souk serves.
    package static func routes(onDatabase url: String) throws -> [RouteTable.Entry] {
        let configuration = try SoukConfiguration(environment: [
            "SOUK_SANDBOX": "1", "DATABASE_URL": url,
            "SOUK_ENCRYPTION_KEYS": String(repeating: "0", count: 64),
        ])
        let logger = Logger(label: "routes", factory: { _ in SwiftLogNoOpLogHandler() })
        let parts = try Parts.forCommand(configuration, logger: logger)
        let events = try EventParts(parts)
        let api = try APIRoutes.souk(
            parts, events: events, resources: try ResourceFolder.find(program: "souk"), metrics: PrometheusRegistry(),
            readiness: Readying(
                parts: parts, inbox: events.inbox, outbox: events.outbox, started: Started()))
        return api.table.entries
    }
}
