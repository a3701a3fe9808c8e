import Domain
import Postgres
import Store

/// What the platform charged a seller in a closed month in one currency, less what it gave back. Numbered without gaps
/// within the year of its month, and never changed.
struct CommissionInvoiceRecord: Sendable {
    let id: ID<CommissionInvoice>
    let seller: ID<Seller>
    let month: BookMonth
    let sequence: Int64
    let charged: Money
    let refunded: Money
    let total: Money
    let issuedAt: Timestamp

    /// `2026-000042`.
    var number: String { Self.number(sequence, in: month.year) }
    /// Whether more was given back than was charged.
    var isCreditNote: Bool { total.isNegative }

    static let columns =
        "id, seller_id, to_char(month, 'YYYY-MM') AS month, sequence, currency, charged_minor, refunded_minor, issued_at"

    init(_ row: PostgresRow) throws {
        let currency: Currency = try row.get("currency")
        let month: String = try row.get("month")
        guard let month = BookMonth(month) else { throw Refusal(.internalError, "'\(month)' is no month.") }
        id = try row.get("id")
        seller = try row.get("seller_id")
        self.month = month
        sequence = try row.get("sequence")
        charged = Money(try row.get("charged_minor"), currency)
        refunded = Money(try row.get("refunded_minor"), currency)
        total = try charged.subtracting(refunded)
        issuedAt = try row.get("issued_at")
    }

    static func number(_ sequence: Int64, in year: Int) -> String {
        let digits = String(sequence)
        return "\(year)-\(String(repeating: "0", count: max(0, 6 - digits.count)))\(digits)"
    }
}

struct CommissionInvoiceBody: Encodable, Sendable {
    let id: ID<CommissionInvoice>
    let object = "commission_invoice"
    let number: String
    let kind: String
    let seller: ID<Seller>
    let month: String
    let currency: Currency
    let feesCharged: Int64
    let feesRefunded: Int64
    let total: Int64
    let created: Timestamp

    init(_ invoice: CommissionInvoiceRecord) {
        id = invoice.id
        number = invoice.number
        kind = invoice.isCreditNote ? "credit_note" : "invoice"
        seller = invoice.seller
        month = invoice.month.description
        currency = invoice.charged.currency
        feesCharged = invoice.charged.minorUnits
        feesRefunded = invoice.refunded.minorUnits
        total = invoice.total.minorUnits
        created = invoice.issuedAt
    }

    private enum CodingKeys: String, CodingKey {
        case id, object, number, kind, seller, month, currency, feesCharged, feesRefunded, total, created
    }
}
