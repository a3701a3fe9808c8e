import Domain
import Ledger
import Orders
import Postgres
import Store

// What is held back from sellers until a date.
extension BooksCheck {
    /// Each reserve's entries, computed anew from its row.
    func reservesAgainstEntries() async throws -> [BooksFault] {
        try await factsAgainstEntries(
            "SELECT transfer_id AS id, \(unescaped: ReserveRecord.columns) FROM reserves"
        ) { row in
            let reserve = try ReserveRecord(row: row)
            return try reserve.entries().map { (reserve.transfer.rawValue, $0) }
        }
    }

    /// What the ledger has as held back from each seller, against what the rows say is still held: of each reserve whose
    /// date has not passed, what refunds and disputes have left.
    func reservesHeld() async throws -> [BooksFault] {
        try await faults(
            .reserveDiffers,
            """
            SELECT coalesce(a.seller_id, r.seller_id) || ' ' || coalesce(a.currency, r.currency) AS object,
                'the rows hold back ' || coalesce(r.total, 0) || ', the ledger says ' || coalesce(a.total, 0) AS detail
            FROM (
                SELECT split_part(code, ':', 2) AS seller_id, currency, -balance_minor AS total FROM ledger_accounts
                WHERE code LIKE 'seller:%:reserve'
            ) AS a
            FULL JOIN (
                SELECT seller_id, currency, sum(held_minor) AS total FROM reserves_held GROUP BY seller_id, currency
            ) AS r ON r.seller_id = a.seller_id AND r.currency = a.currency
            WHERE coalesce(a.total, 0) <> coalesce(r.total, 0)
            UNION ALL
            SELECT transfer_id, 'holds back ' || held_minor FROM reserves_held WHERE held_minor < 0
            ORDER BY 1
            """)
    }
}
