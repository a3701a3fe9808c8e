import Domain
import FoundationEssentials
import Ledger
import Postgres
import Store

/// A balance transaction with everything that its row in `balance_transactions` holds.
struct StoredRow: Sendable {
    let row: BalanceTransaction
    let type: String
    let sourceID: String?
    let availableAt: Timestamp

    static let columns = """
        stripe_account, id, type, category, balance_type, currency, amount_minor, net_minor, fees, subject_kind, \
        subject_id, application_fee_id, source_id, seller_id, order_id, created_at, available_at, presented_currency, \
        presented_minor
        """

    init(row: BalanceTransaction, type: String, sourceID: String?, availableAt: Timestamp) {
        self.row = row
        self.type = type
        self.sourceID = sourceID
        self.availableAt = availableAt
    }

    init(_ columns: PostgresRow) throws {
        let currency: Currency = try columns.get("currency")
        let fees: String = try columns.get("fees")
        row = BalanceTransaction(
            id: try columns.get("id"), owner: BalanceOwner(code: try columns.get("stripe_account")),
            seller: try columns.get("seller_id"), order: try columns.get("order_id"),
            amount: Money(try columns.get("amount_minor"), currency), presented: try Self.presented(columns),
            net: Money(try columns.get("net_minor"), currency),
            fees: try JSONDecoder().decode([FeeForm].self, from: Data(fees.utf8)).map(\.fee),
            applicationFee: try columns.get("application_fee_id"), category: try columns.get("category"),
            balanceType: try columns.get("balance_type"),
            subject: BalanceTransaction.Subject(
                kind: try columns.get("subject_kind"), id: try columns.get("subject_id")),
            created: try columns.get("created_at"))
        type = try columns.get("type")
        sourceID = try columns.get("source_id")
        availableAt = try columns.get("available_at")
    }

    private static func presented(_ columns: PostgresRow) throws -> Money? {
        guard let currency: Currency = try columns.get("presented_currency") else { return nil }
        return Money(try columns.get("presented_minor"), currency)
    }

    /// What stands in the column of fees.
    func feesText() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(row.fees.map(FeeForm.init)), as: UTF8.self)
    }

    /// Fees as they stand in the column.
    struct FeeForm: Codable {
        let type: String
        let amount: Int64

        init(_ fee: BalanceTransaction.Fee) {
            type = fee.type
            amount = fee.amount
        }

        var fee: BalanceTransaction.Fee { BalanceTransaction.Fee(type: type, amount: amount) }
    }
}

extension BalanceTransaction.Subject {
    init(kind: String, id: String?) {
        switch (kind, id) {
        case ("charge", let id?): self = .charge(id)
        case ("transfer", let id?): self = .transfer(id)
        case ("application_fee", let id?): self = .applicationFee(id)
        case ("refund", let id?): self = .refund(id)
        case ("dispute", let id?): self = .dispute(id)
        case ("payout", let id?): self = .payout(id)
        case ("topup", let id?): self = .topup(id)
        case ("reserve", let id?): self = .reserve(id)
        case ("external", _): self = .external
        default: self = .none
        }
    }

    var kind: String {
        switch self {
        case .charge: "charge"
        case .transfer: "transfer"
        case .applicationFee: "application_fee"
        case .refund: "refund"
        case .dispute: "dispute"
        case .payout: "payout"
        case .topup: "topup"
        case .reserve: "reserve"
        case .external: "external"
        case .none: "none"
        }
    }

    var id: String? {
        switch self {
        case .charge(let id), .transfer(let id), .applicationFee(let id), .refund(let id), .dispute(let id),
            .payout(let id), .topup(let id), .reserve(let id):
            id
        case .external, .none: nil
        }
    }
}

extension StoreTransaction {
    /// Stores rows and books them: a row that is there already changes nothing.
    /// - Returns: those that were new.
    func record(_ rows: [StoredRow]) async throws -> Set<StripeBalanceTransactionID> {
        guard !rows.isEmpty else { return [] }
        let fees = try rows.map { try $0.feesText() }
        let inserted = try await query(
            """
            INSERT INTO balance_transactions
                (stripe_account, id, type, category, balance_type, currency, amount_minor, fee_minor, net_minor, fees,
                 subject_kind, subject_id, application_fee_id, source_id, seller_id, order_id, created_at, available_at,
                 presented_currency, presented_minor)
            SELECT stripe_account, id, type, category, balance_type, currency, amount_minor, fee_minor, net_minor,
                fees::jsonb, subject_kind, subject_id, application_fee_id, source_id, seller_id, order_id, created_at,
                available_at, presented_currency, presented_minor
            FROM unnest(
                \(rows.map(\.row.owner.code)), \(rows.map(\.row.id.rawValue)), \(rows.map(\.type)),
                \(rows.map(\.row.category)), \(rows.map(\.row.balanceType)), \(rows.map(\.row.amount.currency.code)),
                \(rows.map(\.row.amount.minorUnits)), \(rows.map { $0.row.fees.reduce(0) { $0 + $1.amount } }),
                \(rows.map(\.row.net.minorUnits)), \(fees), \(rows.map(\.row.subject.kind)),
                \(rows.map(\.row.subject.id)), \(rows.map(\.row.applicationFee)), \(rows.map(\.sourceID)),
                \(rows.map(\.row.seller?.rawValue)), \(rows.map(\.row.order?.rawValue)), \(rows.map(\.row.created)),
                \(rows.map(\.availableAt)), \(rows.map(\.row.presented?.currency.code)),
                \(rows.map(\.row.presented?.minorUnits))
            ) AS given (stripe_account, id, type, category, balance_type, currency, amount_minor, fee_minor, net_minor,
                fees, subject_kind, subject_id, application_fee_id, source_id, seller_id, order_id, created_at,
                available_at, presented_currency, presented_minor)
            ORDER BY stripe_account, id
            ON CONFLICT (stripe_account, id) DO NOTHING
            RETURNING stripe_account, id
            """)
        let fresh = Set(
            try inserted.map { row in
                Cause.balanceTransaction(try row.get("id"), of: BalanceOwner(code: try row.get("stripe_account")))
            })
        let entries = try rows.map(\.row)
            .filter { fresh.contains(.balanceTransaction($0.id, of: $0.owner)) }
            .flatMap { try BalanceTransactionRules.entries(for: $0) }
        try await append(entries)
        return Set(rows.map(\.row).filter { fresh.contains(.balanceTransaction($0.id, of: $0.owner)) }.map(\.id))
    }
}
