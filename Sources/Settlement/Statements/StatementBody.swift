import Domain
import Hummingbird
import Ledger
import Web

struct StatementMonthBody: Encodable, Sendable {
    let object = "statement_month"
    let seller: ID<Seller>
    let month: String
    let final: Bool
    let url: String

    init(seller: ID<Seller>, month: String, final: Bool) {
        self.seller = seller
        self.month = month
        self.final = final
        url = "/v1/sellers/\(seller)/statements/\(month)"
    }

    private enum CodingKeys: String, CodingKey { case object, seller, month, final, url }
}

/// A statement as callers see it: signed amounts, positive to the seller's good.
struct StatementBody: Encodable, Sendable {
    struct Totals: Encodable, Sendable {
        let currency: Currency
        let openingBalance: Int64
        let gross: Int64
        let refunds: Int64
        let disputes: Int64
        let platformFee: Int64
        /// Null: Souk does not know it.
        let taxOnPlatformFee: Int64?
        let stripeFee: Int64
        let fx: Int64
        let adjustments: Int64
        let other: Int64
        let net: Int64
        let payouts: Int64
        let closingBalance: Int64
        let salesCount: Int64
        /// What of the closing balance is held back, the earliest date first.
        let reserves: [Reserve]

        init(_ totals: StatementTotals, reserves: [SellerStatement.Reserve]) throws {
            currency = totals.currency
            self.reserves = reserves.filter { $0.amount.currency == totals.currency }.map(Reserve.init)
            openingBalance = totals.opening.minorUnits
            gross = totals[.gross].minorUnits
            refunds = totals[.refunds].minorUnits
            disputes = totals[.disputes].minorUnits
            platformFee = totals[.platformFee].minorUnits
            taxOnPlatformFee = nil
            stripeFee = totals[.stripeFee].minorUnits
            fx = totals[.fx].minorUnits
            adjustments = totals[.adjustments].minorUnits
            other = totals[.other].minorUnits
            net = try totals.net.minorUnits
            payouts = totals[.payouts].minorUnits
            closingBalance = try totals.closing.minorUnits
            salesCount = totals.salesCount
        }

        private enum CodingKeys: String, CodingKey {
            case currency, openingBalance, gross, refunds, disputes, platformFee, taxOnPlatformFee, stripeFee, fx,
                adjustments, other, net, payouts, closingBalance, salesCount, reserves
        }
    }

    struct Reserve: Encodable, Sendable {
        let order: ID<Order>
        let amount: Int64
        let releaseAt: Timestamp

        init(_ reserve: SellerStatement.Reserve) {
            order = reserve.order
            amount = reserve.amount.minorUnits
            releaseAt = reserve.releaseAt
        }

        private enum CodingKeys: String, CodingKey { case order, amount, releaseAt }
    }

    let object = "statement"
    let seller: ID<Seller>
    let month: String
    /// The moments at which the month begins and ends.
    let from: Timestamp
    let to: Timestamp
    let final: Bool
    let entriesURL: String
    let currencies: [Totals]

    init(_ statement: SellerStatement) throws {
        seller = statement.seller
        month = statement.month.description
        from = statement.month.first.start
        to = statement.month.end.start
        final = statement.isFinal
        entriesURL = "/v1/sellers/\(seller)/statements/\(month)/entries"
        currencies = try statement.currencies.map { try Totals($0, reserves: statement.reserves) }
    }

    private enum CodingKeys: String, CodingKey { case object, seller, month, from, to, final, entriesURL, currencies }
}

/// An entry of the journal as part of a statement. One without parts leaves what the seller has as it was.
struct StatementEntryBody: Encodable, Sendable {
    struct Part: Encodable, Sendable {
        let line: String
        let amount: Int64
        let currency: Currency
    }

    let id: ID<JournalEntryRow>
    let object = "statement_entry"
    let cause: String
    let effectiveAt: Timestamp
    let order: ID<Order>?
    let parts: [Part]

    init(_ row: JournalRow, _ parts: [StatementRules.Part]) {
        id = row.id
        cause = row.entry.cause.rawValue
        effectiveAt = row.effectiveAt
        order = row.order
        self.parts = parts.map {
            Part(line: $0.line.rawValue, amount: $0.amount.minorUnits, currency: $0.amount.currency)
        }
    }

    private enum CodingKeys: String, CodingKey { case id, object, cause, effectiveAt, order, parts }
}

struct YearlyTotalsBody: ResponseEncodable, Sendable {
    struct Totals: Encodable, Sendable {
        let gross: Int64
        let salesCount: Int64
        let refunds: Int64
        let disputes: Int64
        let platformFee: Int64
        let stripeFee: Int64

        init(_ totals: StatementTotals) {
            gross = totals[.gross].minorUnits
            salesCount = totals.salesCount
            refunds = totals[.refunds].minorUnits
            disputes = totals[.disputes].minorUnits
            platformFee = totals[.platformFee].minorUnits
            stripeFee = totals[.stripeFee].minorUnits
        }
    }

    struct Month: Encodable, Sendable {
        let month: String
        let totals: Totals
    }

    struct OfCurrency: Encodable, Sendable {
        let currency: Currency
        let totals: Totals
        let months: [Month]
    }

    let object = "yearly_totals"
    let seller: ID<Seller>
    let year: Int
    let final: Bool
    let currencies: [OfCurrency]

    init(_ year: YearlyTotals) throws {
        seller = year.seller
        self.year = year.year
        final = year.isFinal
        currencies = year.currencies.map { currency in
            OfCurrency(
                currency: currency.whole.currency, totals: Totals(currency.whole),
                months: currency.months.enumerated().map { place, totals in
                    Month(month: BookMonth(year: year.year, month: place + 1).description, totals: Totals(totals))
                })
        }
    }

    private enum CodingKeys: String, CodingKey { case object, seller, year, final, currencies }
}

/// Every amount of a statement in one table: for each currency the opening balance, the parts in the order of time, the
/// closing balance, which is the sum of the lines above it.
struct StatementCSV {
    private var lines: [Currency: String] = [:]

    mutating func add(_ row: JournalRow, _ parts: [StatementRules.Part]) {
        for part in parts {
            lines[part.amount.currency, default: ""] += CSV.line([
                part.amount.currency.symbol, part.line.rawValue, part.amount.decimal, row.effectiveAt.iso8601,
                row.id.rawValue, row.entry.cause.rawValue, row.order?.rawValue,
            ])
        }
    }

    func text(_ statement: SellerStatement) throws -> String {
        var text = CSV.line(["currency", "line", "amount", "effective_at", "entry", "cause", "order"])
        for totals in statement.currencies {
            let symbol = totals.currency.symbol
            let (start, end) = (statement.month.first.start, statement.month.end.start)
            text += CSV.line([symbol, "opening_balance", totals.opening.decimal, start.iso8601, nil, nil, nil])
            text += lines[totals.currency] ?? ""
            text += CSV.line([symbol, "closing_balance", try totals.closing.decimal, end.iso8601, nil, nil, nil])
        }
        return text
    }
}
