package import Domain
import Ledger
import Postgres
package import Store

/// Writes the commission invoices of closed months, oldest first: one for each seller and currency in which the
/// platform's fee moved. Each month is invoiced once, in one transaction, and two who try at once do it one after the
/// other, so that numbers have no gaps.
package struct IssueCommissionInvoices: Sendable {
    let store: Store

    package init(store: Store) { self.store = store }

    /// Invoices this month, if it is closed, and the closed months before it that have no invoices yet. Repeating it
    /// changes nothing.
    ///
    /// - Returns: the numbers of the invoices that were written now, in order.
    package func callAsFunction(upTo month: BookMonth, by caller: Caller) async throws -> [String] {
        var numbers: [String] = []
        while let issued = try await issueNext(upTo: month, by: caller) { numbers += issued }
        return numbers
    }

    /// - Returns: nil once every closed month is invoiced.
    private func issueNext(upTo last: BookMonth, by caller: Caller) async throws -> [String]? {
        try await store.transaction { tx in
            // Readers go on; another who issues waits here, and then finds the month invoiced.
            try await tx.execute("LOCK TABLE commission_invoices IN SHARE ROW EXCLUSIVE MODE")
            guard let month = try await tx.nextToInvoice(upTo: last) else { return nil }
            // No more entries take effect in a closed month, so that what is read here is all.
            let fees = try await tx.fees(of: month)
            let issued = try await tx.write(fees, of: month)
            try await tx.execute(
                "UPDATE closed_months SET invoiced_at = \(tx.now) WHERE month = \(month.firstDay)::date")
            try await tx.audit(
                "month.invoiced", subject: month.description, by: caller, details: ["invoices": "\(issued.count)"])
            return issued
        }
    }
}

private struct SellerFees {
    let seller: ID<Seller>
    let totals: StatementTotals
}

extension StoreTransaction {
    fileprivate func nextToInvoice(upTo last: BookMonth) async throws -> BookMonth? {
        try await query(
            """
            SELECT to_char(month, 'YYYY-MM') AS month FROM closed_months
            WHERE invoiced_at IS NULL AND month <= \(last.firstDay)::date ORDER BY closed_months.month LIMIT 1
            """
        ).first.flatMap { BookMonth(try $0.get("month")) }
    }

    /// In the order of sellers and currencies, which is that of the numbers.
    fileprivate func fees(of month: BookMonth) async throws -> [SellerFees] {
        var totals: [ID<Seller>: [Currency: StatementTotals]] = [:]
        let span = JournalSpan(from: month.first.start, to: month.end.start, concern: .applicationFees)
        try await connection.eachEntry(span) { row in
            for seller in row.entry.sellers {
                for part in try StatementRules.parts(of: row.entry, for: seller) where part.line == .platformFee {
                    let currency = part.amount.currency
                    try totals[seller, default: [:]][currency, default: StatementTotals(opening: .zero(currency))]
                        .add(part)
                }
            }
        }
        return totals.sorted { $0.key < $1.key }.flatMap { seller, byCurrency in
            byCurrency.sorted { $0.key < $1.key }.map { SellerFees(seller: seller, totals: $0.value) }
        }
    }

    fileprivate func write(_ fees: [SellerFees], of month: BookMonth) async throws -> [String] {
        try await query(
            """
            INSERT INTO commission_invoices
                (id, year, sequence, seller_id, month, currency, charged_minor, refunded_minor, issued_at)
            SELECT id, \(Int64(month.year)), place + (
                    SELECT coalesce(max(sequence), 0) FROM commission_invoices WHERE year = \(Int64(month.year))
                ), seller_id, \(month.firstDay)::date, currency, charged, refunded, \(now)
            FROM unnest(
                \(fees.map { _ in makeID(CommissionInvoice.self).rawValue }), \(fees.map(\.seller.rawValue)),
                \(fees.map(\.totals.currency.code)), \(fees.map(\.totals.feesCharged.minorUnits)),
                \(fees.map(\.totals.feesRefunded.minorUnits))
            ) WITH ORDINALITY AS given (id, seller_id, currency, charged, refunded, place)
            ORDER BY place
            RETURNING sequence
            """
        ).map { try $0.get("sequence", as: Int64.self) }.sorted().map {
            CommissionInvoiceRecord.number($0, in: month.year)
        }
    }
}
