import Domain
import Hummingbird
import Ledger
import Postgres
import Sellers
package import Store
package import Web

/// What a seller may be told: statements by month with the entries behind them, totals by year, commission invoices.
package struct StatementRoutes: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    package func register(on api: APIRoutes) {
        api.get("/v1/sellers/{id}/statements", scope: .ledgerRead, use: list)
        api.get("/v1/sellers/{id}/statements/{month}", scope: .ledgerRead, use: statement)
        api.get("/v1/sellers/{id}/statements/{month}/entries", scope: .ledgerRead, use: entries)
        api.get("/v1/sellers/{id}/yearly_totals/{year}", scope: .ledgerRead, use: yearlyTotals)
        api.get("/v1/sellers/{id}/commission_invoices", scope: .ledgerRead, use: invoices)
        api.get("/v1/commission_invoices/{id}", scope: .ledgerRead, use: invoice)
    }

    /// The months in which something moved.
    @Sendable func list(_ request: Request, _ context: SoukContext) async throws -> ListBody<StatementMonthBody> {
        let page = try request.page()
        let seller = try await store.requireSeller(in: context).id
        let query: PostgresQuery = """
            SELECT month, EXISTS (SELECT 1 FROM closed_months c WHERE to_char(c.month, 'YYYY-MM') = months.month) AS final
            FROM (
                SELECT DISTINCT to_char(e.effective_at AT TIME ZONE 'UTC', 'YYYY-MM') AS month
                FROM journal_entries e WHERE \(JournalSpan(concern: .seller(seller)).condition)
            ) AS months WHERE true
            """
        let months = try await store.query(query + page.keyset(on: "month")).map { row in
            StatementMonthBody(seller: seller, month: try row.get("month"), final: try row.get("final"))
        }
        return ListBody(Page(fetched: months, for: page), url: "/v1/sellers/\(seller)/statements")
    }

    @Sendable func statement(
        _ request: Request, _ context: SoukContext
    ) async throws -> Representation<StatementBody> {
        try request.refuseQuery()
        let seller = try await store.requireSeller(in: context)
        let month = try context.month()
        var table = StatementCSV()
        let statement = try await ReadStatement(store: store)(seller.id, month) { table.add($0, $1) }
        return Representation(
            json: try StatementBody(statement), page: try StatementPage(statement, of: seller).page,
            csv: try table.text(statement))
    }

    /// The entries that a statement sums up, with what each means to the seller.
    @Sendable func entries(_ request: Request, _ context: SoukContext) async throws -> ListBody<StatementEntryBody> {
        let page = try request.page()
        let seller = try await store.requireSeller(in: context).id
        let month = try context.month()
        let span = JournalSpan(from: month.first.start, to: month.end.start, concern: .seller(seller))
        let chosen = "SELECT * FROM journal_entries e WHERE " + span.condition + page.keyset(on: "e.id")
        let rows = try await store.query(JournalRow.reading(chosen)).map(JournalRow.init).sorted { $0.id > $1.id }
        let inReadingOrder = if case .before = page.cursor { Array(rows.reversed()) } else { rows }
        let bodies = try inReadingOrder.map { row in
            StatementEntryBody(row, try StatementRules.parts(of: row.entry, for: seller))
        }
        return ListBody(Page(fetched: bodies, for: page), url: "/v1/sellers/\(seller)/statements/\(month)/entries")
    }

    @Sendable func yearlyTotals(_ request: Request, _ context: SoukContext) async throws -> YearlyTotalsBody {
        try request.refuseQuery()
        let seller = try await store.requireSeller(in: context).id
        let text = try context.pathText("year")
        guard let year = BookMonth("\(text)-01")?.year else {
            throw Refusal(.parameterInvalid, "'\(text)' is no year. Give four digits, such as 2026.", parameter: "year")
        }
        return try YearlyTotalsBody(try await ReadYearlyTotals(store: store)(seller, year))
    }

    @Sendable func invoices(
        _ request: Request, _ context: SoukContext
    ) async throws -> ListBody<CommissionInvoiceBody> {
        let page = try request.page()
        let seller = try await store.requireSeller(in: context).id
        let query: PostgresQuery = """
            SELECT \(unescaped: CommissionInvoiceRecord.columns) FROM commission_invoices WHERE seller_id = \(seller)
            """
        let invoices = try await store.query(query + page.keyset()).map {
            CommissionInvoiceBody(try CommissionInvoiceRecord($0))
        }
        return ListBody(Page(fetched: invoices, for: page), url: "/v1/sellers/\(seller)/commission_invoices")
    }

    @Sendable func invoice(
        _ request: Request, _ context: SoukContext
    ) async throws -> Representation<CommissionInvoiceBody> {
        try request.refuseQuery()
        let id = try context.id(of: CommissionInvoice.self, else: .commissionInvoiceNotFound)
        let rows = try await store.query(
            "SELECT \(unescaped: CommissionInvoiceRecord.columns) FROM commission_invoices WHERE id = \(id)")
        guard let invoice = try rows.first.map(CommissionInvoiceRecord.init) else {
            throw Refusal(
                .commissionInvoiceNotFound,
                "There is no commission invoice '\(id)'. GET /v1/sellers/{id}/commission_invoices lists a seller's.",
                parameter: "id")
        }
        let seller = try await store.requireSeller(invoice.seller)
        return Representation(
            json: CommissionInvoiceBody(invoice), page: try CommissionInvoicePage(invoice, to: seller).page)
    }
}

extension SoukContext {
    /// - Throws: `parameter_invalid`.
    fileprivate func month() throws(Refusal) -> BookMonth {
        let text = try pathText("month")
        guard let month = BookMonth(text) else {
            throw Refusal(
                .parameterInvalid, "'\(text)' is no month. Give a year and a month, such as 2026-11.",
                parameter: "month")
        }
        return month
    }
}

extension Store {
    /// The seller of the path.
    fileprivate func requireSeller(in context: SoukContext) async throws -> SellerRecord {
        try await requireSeller(try context.id(of: Seller.self, else: .sellerNotFound))
    }
}
