import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import Web

/// Reading the books: accounts, entries, the trial balance and the proof.
package struct LedgerRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/ledger/accounts", scope: .ledgerRead, use: accounts)
        api.get("/v1/ledger/accounts/{code}/entries", scope: .ledgerRead, use: entries)
        api.get("/v1/ledger/entries/{id}", scope: .ledgerRead, use: entry)
        api.get("/v1/ledger/trial_balance", scope: .ledgerRead, use: trialBalance)
        api.get("/v1/ledger/proof", scope: .ledgerRead, use: proof)
    }

    @Sendable func accounts(_ request: Request, _ context: SoukContext) async throws -> LedgerAccountsBody {
        try request.refuseQuery()
        let rows = try await store.query(
            "SELECT code, currency, normal_side, balance_minor FROM ledger_accounts ORDER BY code, currency")
        return LedgerAccountsBody(data: try rows.map(LedgerAccountBody.init))
    }

    @Sendable func entries(_ request: Request, _ context: SoukContext) async throws -> ListBody<JournalEntryBody> {
        let page = try request.page()
        let code = try context.pathText("code")
        guard LedgerAccount(code: code) != nil else { throw Refusal.noAccount(code) }
        let query: PostgresQuery = """
            SELECT \(unescaped: JournalEntryBody.columns) FROM journal_entries e
            WHERE EXISTS (
                SELECT 1 FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
                WHERE p.entry_id = e.id AND a.code = \(code))
            """
        let rows = try await store.query(query + page.keyset(on: "e.id"))
        let bodies = try await store.journalEntries(rows)
        return ListBody(
            Page(fetched: bodies, for: page), url: "/v1/ledger/accounts/\(code)/entries")
    }

    @Sendable func entry(_ request: Request, _ context: SoukContext) async throws -> JournalEntryBody {
        try request.refuseQuery()
        let id = try context.id(of: JournalEntryRow.self, else: .journalEntryNotFound)
        let rows = try await store.query(
            "SELECT \(unescaped: JournalEntryBody.columns) FROM journal_entries e WHERE e.id = \(id)")
        guard let body = try await store.journalEntries(rows).first else {
            throw Refusal(
                .journalEntryNotFound,
                "There is no journal entry '\(id)'. GET /v1/ledger/accounts/{code}/entries lists those of an account.",
                parameter: "id")
        }
        return body
    }

    struct Moments: Decodable, Sendable {
        /// Effective time, in Unix seconds.
        let at: Timestamp?
        /// Recorded time, in Unix seconds.
        let asRecorded: Timestamp?
    }

    @Sendable func trialBalance(_ request: Request, _ context: SoukContext) async throws -> TrialBalanceBody {
        let moments = try request.query(as: Moments.self)
        // A second counts whole, as callers see it.
        let endOfSecond = Duration.milliseconds(999)
        let balance = try await ReadTrialBalance(store: store)(
            effectiveBy: moments.at?.advanced(by: endOfSecond),
            recordedBy: moments.asRecorded?.advanced(by: endOfSecond))
        return TrialBalanceBody(balance, at: moments.at, asRecorded: moments.asRecorded)
    }

    @Sendable func proof(_ request: Request, _ context: SoukContext) async throws -> ProofBody {
        try request.refuseQuery()
        return ProofBody(try await BooksCheck(store: store)(), seal: try await store.lastSeal())
    }
}

extension Refusal {
    fileprivate static func noAccount(_ code: String) -> Refusal {
        Refusal(
            .ledgerAccountNotFound,
            "There is no ledger account '\(code)'. GET /v1/ledger/accounts lists those that have moved.",
            parameter: "code")
    }
}

package struct LedgerAccountsBody: ResponseEncodable, Sendable {
    let object = "list"
    let url = "/v1/ledger/accounts"
    let hasMore = false
    let data: [LedgerAccountBody]

    private enum CodingKeys: String, CodingKey { case object, url, hasMore, data }
}

/// An account of the books; its balance is positive on its normal side.
package struct LedgerAccountBody: Encodable, Sendable {
    let object = "ledger_account"
    let code: String
    let currency: Currency
    let normalSide: String
    let balance: Int64

    init(_ row: PostgresRow) throws {
        code = try row.get("code")
        currency = try row.get("currency")
        normalSide = try row.get("normal_side")
        let debits: Int64 = try row.get("balance_minor")
        balance = normalSide == Side.debit.rawValue ? debits : -debits
    }

    private enum CodingKeys: String, CodingKey { case object, code, currency, normalSide, balance }
}

/// An entry of the journal with its postings.
package struct JournalEntryBody: ResponseEncodable, Sendable {
    struct PostingBody: Encodable, Sendable {
        let account: String
        let side: String
        let amount: Int64
        let currency: Currency
        let subject: String?
    }

    let id: ID<JournalEntryRow>
    let object = "journal_entry"
    let cause: String
    let effectiveAt: Timestamp
    /// When it happened, if that month was closed already; null where that is the effective time.
    let happenedAt: Timestamp?
    let recordedAt: Timestamp
    let stripeAccount: String
    let seller: ID<Seller>?
    let order: ID<Order>?
    var postings: [PostingBody]

    static let columns = """
        e.id, e.cause, e.effective_at, e.happened_at, e.recorded_at, e.stripe_account, e.seller_id, e.order_id
        """

    init(_ row: PostgresRow) throws {
        id = try row.get("id")
        cause = try row.get("cause")
        effectiveAt = try row.get("effective_at")
        happenedAt = try row.get("happened_at")
        recordedAt = try row.get("recorded_at")
        stripeAccount = try row.get("stripe_account")
        seller = try row.get("seller_id")
        order = try row.get("order_id")
        postings = []
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, cause, effectiveAt, happenedAt, recordedAt, stripeAccount, seller, order, postings
    }
}

extension Store {
    /// Entries with their postings, in two queries for any number of them.
    fileprivate func journalEntries(_ rows: [PostgresRow]) async throws -> [JournalEntryBody] {
        var bodies = try rows.map(JournalEntryBody.init)
        let postings = try await query(
            """
            SELECT p.entry_id, a.code, a.currency, p.amount_minor, p.subject
            FROM postings p JOIN ledger_accounts a ON a.id = p.account_id
            WHERE p.entry_id = ANY (\(bodies.map(\.id))) ORDER BY p.entry_id, p.position
            """)
        var byEntry: [ID<JournalEntryRow>: [JournalEntryBody.PostingBody]] = [:]
        for row in postings {
            let amount: Int64 = try row.get("amount_minor")
            byEntry[try row.get("entry_id"), default: []].append(
                JournalEntryBody.PostingBody(
                    account: try row.get("code"), side: amount > 0 ? "debit" : "credit", amount: abs(amount),
                    currency: try row.get("currency"), subject: try row.get("subject")))
        }
        for place in bodies.indices { bodies[place].postings = byEntry[bodies[place].id] ?? [] }
        return bodies
    }
}

package struct TrialBalanceBody: ResponseEncodable, Sendable {
    struct Line: Encodable, Sendable {
        let code: String
        let currency: Currency
        let normalSide: String
        let debits: Int64
        let credits: Int64
        let balance: Int64
    }

    let object = "trial_balance"
    /// Null: up to now.
    let at: Timestamp?
    let asRecorded: Timestamp?
    /// Debits less credits per currency: zero in sound books.
    let difference: [String: Int64]
    let accounts: [Line]

    init(_ balance: TrialBalance, at: Timestamp?, asRecorded: Timestamp?) {
        self.at = at
        self.asRecorded = asRecorded
        difference = Dictionary(uniqueKeysWithValues: balance.differences.map { ($0.key.code, $0.value) })
        accounts = balance.lines.map {
            Line(
                code: $0.code, currency: $0.currency, normalSide: $0.normalSide, debits: $0.debitMinor,
                credits: $0.creditMinor, balance: $0.balanceMinor)
        }
    }

    private enum CodingKeys: String, CodingKey { case object, at, asRecorded, difference, accounts }
}

/// What the books say of themselves: every fault by the id of its object.
package struct ProofBody: ResponseEncodable, Sendable {
    struct Fault: Encodable, Sendable {
        let kind: String
        let subject: String
        let detail: String
    }

    let object = "proof"
    let sound: Bool
    let faults: [Fault]
    /// Null while no month has been closed.
    let seal: BookSeal?

    init(_ found: [BooksFault], seal: BookSeal?) {
        self.seal = seal
        sound = found.isEmpty
        faults = found.map { Fault(kind: $0.kind.rawValue, subject: $0.object, detail: $0.detail) }
    }

    private enum CodingKeys: String, CodingKey { case object, sound, faults, seal }
}
