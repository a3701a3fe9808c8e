package import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import StripeAPI
package import Web

/// What the platform may pay out of its own balance at Stripe at most, in one currency, with every term of the sum.
///
/// What is owed to sellers and tax offices lies in the same balance, and Stripe does not know that: whoever pays out more
/// pays with sellers' money.
package struct PlatformBalance: Hashable, Sendable {
    package let currency: Currency
    /// Stripe's, read now.
    package let available: Int64
    package let sellerPayable: Int64
    package let sellerReserve: Int64
    package let taxCollected: Int64
    /// What Stripe holds back for sellers whose balance is below zero; read now.
    package let connectReserved: Int64
    /// Money that operations on their way to Stripe will take. Of transfers only what gives sellers again what was taken from
    /// them: the rest is in `sellerPayable` until Stripe has made them.
    package let operationsInFlight: Int64

    /// Below zero the platform owes more than it has.
    package var payoutLimit: Int64 {
        available - sellerPayable - sellerReserve - taxCollected - connectReserved - operationsInFlight
    }
}

package struct ReadPlatformBalance: Sendable {
    let store: Store
    let stripe: StripeClient

    package init(store: Store, stripe: StripeClient) {
        self.store = store
        self.stripe = stripe
    }

    /// In the order of currencies.
    /// - Throws: `stripe_unavailable`.
    package func callAsFunction() async throws -> [PlatformBalance] {
        // What is owed is read after what is there: money that comes in between is not counted twice.
        let balance = try await stripe.send(RetrieveBalance())
        let owed = try await owed()
        let inFlight = try await inFlight()
        func sum(_ amounts: [BalanceResource.Amount]?, in currency: Currency) -> Int64 {
            (amounts ?? []).filter { $0.currency == currency }.reduce(0) { $0 + $1.amount }
        }
        let currencies = Set(balance.available.map(\.currency)).union(owed.keys).union(inFlight.keys)
        return currencies.sorted().map { currency in
            PlatformBalance(
                currency: currency, available: sum(balance.available, in: currency),
                sellerPayable: owed[currency]?.payable ?? 0, sellerReserve: owed[currency]?.reserve ?? 0,
                taxCollected: owed[currency]?.tax ?? 0, connectReserved: sum(balance.connectReserved, in: currency),
                operationsInFlight: inFlight[currency] ?? 0)
        }
    }

    private func owed() async throws -> [Currency: (payable: Int64, reserve: Int64, tax: Int64)] {
        let rows = try await store.query(
            """
            SELECT currency,
                coalesce(-sum(balance_minor) FILTER (WHERE code LIKE 'seller:%:payable'), 0)::bigint AS payable,
                coalesce(-sum(balance_minor) FILTER (WHERE code LIKE 'seller:%:reserve'), 0)::bigint AS reserve,
                coalesce(-sum(balance_minor) FILTER (WHERE code = \(LedgerAccount.taxCollected.code)), 0)::bigint AS tax
            FROM ledger_accounts GROUP BY currency
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { row in
                (
                    try row.get("currency") as Currency,
                    (try row.get("payable"), try row.get("reserve"), try row.get("tax"))
                )
            })
    }

    /// Refunds, fee refunds and payouts of the platform that were sent or may be sent any moment, by their own words. A
    /// refund that names no amount takes what is left of its charge.
    private func inFlight() async throws -> [Currency: Int64] {
        let rows = try await store.query(
            """
            WITH calls AS (
                SELECT path, convert_from(body, 'UTF8') AS form FROM stripe_operations
                WHERE state IN ('pending', 'sent') AND stripe_account IS NULL
                    AND (path IN ('/v1/refunds', '/v1/payouts') OR path LIKE '/v1/application\\_fees/%/refunds')
            ), said AS (
                SELECT substring(form FROM '(?:^|&)amount=([0-9]+)')::bigint AS amount,
                    coalesce(substring(form FROM '(?:^|&)charge=([^&]+)'), split_part(path, '/', 4)) AS object,
                    substring(form FROM '(?:^|&)currency=([a-z]+)') AS currency
                FROM calls
            )
            SELECT coalesce(said.currency, c.currency) AS currency,
                sum(coalesce(said.amount, c.amount_minor - coalesce(r.refunded, 0)))::bigint AS amount
            FROM said
            LEFT JOIN charges c ON c.id = said.object OR c.application_fee_id = said.object
            LEFT JOIN LATERAL (
                SELECT sum(amount_minor) AS refunded FROM refunds
                WHERE charge_id = c.id AND stands
            ) r ON true
            WHERE coalesce(said.currency, c.currency) IS NOT NULL
            GROUP BY 1
            UNION ALL
            SELECT currency, sum(amount_minor - payable_minor)::bigint FROM transfers
            WHERE state = 'pending' AND amount_minor > payable_minor GROUP BY 1
            """)
        var inFlight: [Currency: Int64] = [:]
        for row in rows { inFlight[try row.get("currency"), default: 0] += try row.get("amount", as: Int64.self) }
        return inFlight
    }
}

/// `GET /v1/admin/platform_balance`.
package struct PlatformBalanceRoutes: Sendable {
    let read: ReadPlatformBalance
    let livemode: Bool

    package init(read: ReadPlatformBalance, livemode: Bool) {
        self.read = read
        self.livemode = livemode
    }

    package func register(on api: APIRoutes) {
        api.get("/v1/admin/platform_balance", scope: .admin, use: retrieve)
    }

    @Sendable func retrieve(_ request: Request, _ context: SoukContext) async throws -> PlatformBalanceBody {
        try request.refuseQuery()
        return PlatformBalanceBody(
            currencies: try await read().map(PlatformBalanceBody.InCurrency.init), livemode: livemode)
    }
}

/// Amounts are in minor units.
package struct PlatformBalanceBody: ResponseEncodable, Sendable {
    struct InCurrency: Encodable, Sendable {
        let currency: Currency
        let available: Int64
        let sellerPayable: Int64
        let sellerReserve: Int64
        let taxCollected: Int64
        let connectReserved: Int64
        let operationsInFlight: Int64
        let payoutLimit: Int64

        init(_ balance: PlatformBalance) {
            currency = balance.currency
            available = balance.available
            sellerPayable = balance.sellerPayable
            sellerReserve = balance.sellerReserve
            taxCollected = balance.taxCollected
            connectReserved = balance.connectReserved
            operationsInFlight = balance.operationsInFlight
            payoutLimit = balance.payoutLimit
        }

        private enum CodingKeys: String, CodingKey {
            case currency, available, sellerPayable, sellerReserve, taxCollected, connectReserved, operationsInFlight,
                payoutLimit
        }
    }

    let object = "platform_balance"
    let currencies: [InCurrency]
    let livemode: Bool

    private enum CodingKeys: String, CodingKey { case object, currencies, livemode }
}
