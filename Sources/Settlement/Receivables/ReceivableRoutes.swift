import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import Web

/// What sellers owe the platform and the platform owes them, and giving a debt up.
package struct ReceivableRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/receivables", scope: .ledgerRead, use: list)
        api.get("/v1/payables", scope: .ledgerRead, use: listPayables)
        api.post("/v1/sellers/{id}/write_off", scope: .admin, use: writeOff)
    }

    struct Filter: Decodable, Sendable {
        let seller: ID<Seller>?
        let currency: Currency?
    }

    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<OpenSumBody> {
        let (page, filter) = try request.list(filteredBy: Filter.self)
        return try await list(.receivable, page, of: filter.seller, in: filter.currency)
    }

    struct PayableFilter: Decodable, Sendable {
        let seller: ID<Seller>?
        let currency: Currency?
        let sellerStatus: SellerStatus?
    }

    @Sendable func listPayables(_ request: Request, _ context: SoukContext) async throws -> ListBody<OpenSumBody> {
        let (page, filter) = try request.list(filteredBy: PayableFilter.self)
        return try await list(.payable, page, of: filter.seller, in: filter.currency, whoAre: filter.sellerStatus)
    }

    private func list(
        _ kind: OpenSumBody.Kind, _ page: PageRequest, of seller: ID<Seller>?, in currency: Currency?,
        whoAre status: SellerStatus? = nil
    ) async throws -> ListBody<OpenSumBody> {
        var query = OpenSumBody.query(of: kind)
        if let seller { query += " AND seller = \(seller)" }
        if let currency { query += " AND currency = \(currency)" }
        if let status { query += " AND seller_status = \(status.rawValue)" }
        query += page.keyset()
        let now = try await store.clock.now()
        let rows = try await store.query(query).map { try OpenSumBody(row: $0, of: kind, at: now) }
        return ListBody(Page(fetched: rows, for: page), url: "/v1/\(kind)s")
    }

    struct WriteOffRequest: Decodable, Sendable {
        let currency: Currency
        let reason: String
    }

    @Sendable func writeOff(_ request: Request, _ context: SoukContext) async throws -> EditedResponse<WriteOffBody> {
        let seller = try context.id(of: Seller.self, else: .sellerNotFound)
        let body = try await request.decode(as: WriteOffRequest.self, context: context)
        try ReasonBody.check(body.reason)
        let made = try await WriteOffReceivable(store: store)(
            seller, body.currency, because: body.reason, by: context.caller, claim: context.idempotency)
        return EditedResponse(status: .created, response: made)
    }
}

/// What stands open between a seller and the platform in one currency.
struct OpenSumBody: Encodable, Sendable {
    enum Kind: String, Sendable {
        /// What the platform paid for the seller and has not got back.
        case receivable
        /// What the platform has not transferred: shares that wait for their release, or for a seller who cannot be paid.
        case payable

        /// With which a balance of its accounts becomes a positive amount.
        fileprivate var sign: Int64 { self == .receivable ? 1 : -1 }
    }

    let kind: Kind
    /// The seller's and the currency's: one row for each.
    let id: String
    let seller: ID<Seller>
    let sellerStatus: String
    let currency: Currency
    let amount: Int64
    /// Since when the oldest part of it stands open: what was paid has paid the oldest first.
    let since: Timestamp
    let ageDays: Int64

    /// Of what opens and what closes in the order of effect, the first that all closing together does not reach is the oldest
    /// that is open.
    static func query(of kind: Kind) -> PostgresQuery {
        """
        SELECT id, seller, currency, amount, since, seller_status FROM (
            SELECT split_part(a.code, ':', 2) || ':' || a.currency AS id, split_part(a.code, ':', 2) AS seller,
                a.currency, \(kind.sign) * a.balance_minor AS amount, s.status AS seller_status, (
                    SELECT min(d.effective_at) FROM (
                        SELECT e.effective_at, sum(\(kind.sign) * p.amount_minor) OVER (ORDER BY e.effective_at, e.id) AS opened
                        FROM postings p JOIN journal_entries e ON e.id = p.entry_id
                        WHERE p.account_id = a.id AND \(kind.sign) * p.amount_minor > 0
                    ) AS d
                    WHERE d.opened > (
                        SELECT coalesce(-sum(\(kind.sign) * p.amount_minor), 0) FROM postings p
                        WHERE p.account_id = a.id AND \(kind.sign) * p.amount_minor < 0)) AS since
            FROM ledger_accounts a JOIN sellers s ON s.id = split_part(a.code, ':', 2)
            WHERE a.code LIKE 'seller:%:' || \(kind.rawValue) AND \(kind.sign) * a.balance_minor > 0
        ) AS open WHERE true
        """
    }

    init(row: PostgresRow, of kind: Kind, at now: Timestamp) throws {
        self.kind = kind
        id = try row.get("id")
        seller = try row.get("seller")
        sellerStatus = try row.get("seller_status")
        currency = try row.get("currency")
        amount = try row.get("amount")
        since = try row.get("since")
        ageDays = max(0, (now.seconds - since.seconds) / 86_400)
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, seller, sellerStatus, currency, amount, since, ageDays
    }

    func encode(to encoder: any Encoder) throws {
        var body = encoder.container(keyedBy: CodingKeys.self)
        try body.encode(id, forKey: .id)
        try body.encode(kind.rawValue, forKey: .object)
        try body.encode(seller, forKey: .seller)
        // It may be why the seller has not been paid.
        if kind == .payable { try body.encode(sellerStatus, forKey: .sellerStatus) }
        try body.encode(currency, forKey: .currency)
        try body.encode(amount, forKey: .amount)
        try body.encode(since, forKey: .since)
        try body.encode(ageDays, forKey: .ageDays)
    }
}

struct WriteOffBody: ResponseEncodable, Sendable {
    let id: ID<WriteOff>
    let object = "write_off"
    let seller: ID<Seller>
    let amount: Int64
    let currency: Currency
    let reason: String
    let created: Timestamp

    static let columns = "id, seller_id, currency, amount_minor, reason, created_at"

    init(row: PostgresRow) throws {
        id = try row.get("id")
        seller = try row.get("seller_id")
        amount = try row.get("amount_minor")
        currency = try row.get("currency")
        reason = try row.get("reason")
        created = try row.get("created_at")
    }

    private enum CodingKeys: String, CodingKey { case id, object, seller, amount, currency, reason, created }
}
