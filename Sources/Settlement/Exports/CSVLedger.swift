import Domain
import Ledger
import Web

/// One posting a line; an opening balance is a line without an entry.
struct CSVLedger: LedgerFormat {
    func beginning(
        _ span: ExportSpan, currencies: [Currency], firstDay: CalendarDay, hasOpenings: Bool
    ) -> String {
        CSV.line([
            "effective_at", "entry", "cause", "account", "name", "debit", "credit", "currency", "subject",
            "stripe_account", "seller", "order", "happened_at", "recorded_at",
        ])
    }

    func account(_ account: LedgerAccount, in currencies: [Currency], firstDay: CalendarDay) -> String { "" }

    func opening(_ balance: OpeningBalance) throws -> String {
        CSV.line(
            [balance.day.start.iso8601, nil, "opening_balance"] + (try Self.cells(balance.account, balance.amount))
                + [nil, nil, balance.account.seller?.rawValue, nil, nil, nil])
    }

    func entry(_ row: JournalRow) throws -> String {
        var text = ""
        for leg in row.entry.legs {
            text += CSV.line(
                [row.effectiveAt.iso8601, row.id.rawValue, row.entry.cause.rawValue]
                    + (try Self.cells(leg.account, leg.amount))
                    + [
                        leg.subject, row.stripeAccount, row.entry.seller?.rawValue, row.order?.rawValue,
                        row.happenedAt?.iso8601, row.recordedAt.iso8601,
                    ])
        }
        return text
    }

    private static func cells(_ account: LedgerAccount, _ amount: Money) throws -> [String?] {
        let (debit, credit) = amount.isNegative ? (nil, try amount.negated().decimal) : (amount.decimal, nil)
        return [account.code, account.journalName, debit, credit, amount.currency.symbol]
    }
}

/// One object a line: an entry as `GET /v1/ledger/entries/{id}` answers it, with each amount in decimals and each
/// account's name in journals beside.
struct JSONLinesLedger: LedgerFormat {
    private struct Leg: Encodable {
        let account: String
        let name: String
        let side: String
        let amount: Int64
        let decimal: String
        let currency: Currency
        let subject: String?

        init(_ leg: RecordedEntry.Leg) throws {
            let amount = leg.amount.isNegative ? try leg.amount.negated() : leg.amount
            account = leg.account.code
            name = leg.account.journalName
            side = (leg.amount.isNegative ? Side.credit : .debit).rawValue
            self.amount = amount.minorUnits
            decimal = amount.decimal
            currency = amount.currency
            subject = leg.subject
        }
    }

    private struct Opening: Encodable {
        let object = "opening_balance"
        let effectiveAt: Timestamp
        let posting: Leg

        private enum CodingKeys: String, CodingKey { case object, effectiveAt, posting }
    }

    private struct Entry: Encodable {
        let id: ID<JournalEntryRow>
        let object = "journal_entry"
        let cause: String
        let effectiveAt: Timestamp
        let happenedAt: Timestamp?
        let recordedAt: Timestamp
        let stripeAccount: String
        let seller: ID<Seller>?
        let order: ID<Order>?
        let postings: [Leg]

        private enum CodingKeys: String, CodingKey {
            case id, object, cause, effectiveAt, happenedAt, recordedAt, stripeAccount, seller, order, postings
        }
    }

    func beginning(
        _ span: ExportSpan, currencies: [Currency], firstDay: CalendarDay, hasOpenings: Bool
    ) -> String { "" }

    func account(_ account: LedgerAccount, in currencies: [Currency], firstDay: CalendarDay) -> String { "" }

    func opening(_ balance: OpeningBalance) throws -> String {
        let leg = RecordedEntry.Leg(account: balance.account, amount: balance.amount, subject: nil)
        return try line(Opening(effectiveAt: balance.day.start, posting: try Leg(leg)))
    }

    func entry(_ row: JournalRow) throws -> String {
        try line(
            Entry(
                id: row.id, cause: row.entry.cause.rawValue, effectiveAt: row.effectiveAt, happenedAt: row.happenedAt,
                recordedAt: row.recordedAt, stripeAccount: row.stripeAccount, seller: row.entry.seller,
                order: row.order,
                postings: try row.entry.legs.map(Leg.init)))
    }

    private func line(_ value: some Encodable) throws -> String {
        String(decoding: try JSONWriter.encode(value), as: UTF8.self) + "\n"
    }
}
