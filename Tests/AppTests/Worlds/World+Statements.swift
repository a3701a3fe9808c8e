import Domain
import Foundation
import Postgres
import TestSupport

/// What sellers are told of the world that was lived: read through the API, held against the journal itself.
extension World {
    /// Each seller's months add up from their entries and follow on each other, and all fees are somebody's.
    func checkStatements() async throws {
        var fees: [String: Int] = [:]
        for row in try await query("SELECT id FROM sellers ORDER BY id") {
            let seller: String = try row.get("id")
            var balances: [String: Int] = [:]
            for month in try await months(of: seller).sorted() {
                let path = "/v1/sellers/\(seller)/statements/\(month)"
                let answer = try await souk.call("GET", path).expecting(200)
                let parts = try await parts("\(path)/entries")
                let atEnd = try await ledger(of: seller, before: answer["to"].int ?? 0)
                for totals in answer["currencies"].array ?? [] {
                    let currency = totals["currency"].string ?? ""
                    func line(_ name: String) -> Int { totals[name].int ?? 0 }
                    for name in Self.statementLines + ["payouts"] where line(name) != parts["\(currency) \(name)"] ?? 0
                    {
                        throw Failure("\(path): \(name) is \(line(name)), its entries sum to \(parts)")
                    }
                    let net = Self.statementLines.map(line).reduce(0, +)
                    guard line("net") == net, line("opening_balance") == balances[currency] ?? 0,
                        line("closing_balance") == line("opening_balance") + net + line("payouts"),
                        line("closing_balance") == atEnd[currency] ?? 0
                    else {
                        throw Failure(
                            "\(path): \(totals.text); the month before ended at \(balances), the ledger ends at \(atEnd)"
                        )
                    }
                    balances[currency] = line("closing_balance")
                    fees[currency, default: 0] -= line("platform_fee")
                }
            }
        }
        for row in try await query(
            "SELECT currency, -balance_minor AS earned FROM ledger_accounts WHERE code = 'revenue:application_fees'")
        {
            let (currency, earned): (String, Int64) = (try row.get("currency"), try row.get("earned"))
            guard fees[currency] ?? 0 == Int(earned) else {
                throw Failure("statements show fees of \(fees[currency] ?? 0) \(currency), the ledger \(earned)")
            }
        }
        tally.count("statements add up to the ledger", in: "invariants checked")
    }

    private static let statementLines = [
        "gross", "refunds", "disputes", "platform_fee", "stripe_fee", "fx", "adjustments", "other",
    ]

    private func months(of seller: String) async throws -> [String] {
        let answer = try await souk.call("GET", "/v1/sellers/\(seller)/statements?limit=100").expecting(200)
        return (answer["data"].array ?? []).compactMap { $0["month"].string }
    }

    /// The sums of all parts, by currency and line.
    private func parts(_ path: String) async throws -> [String: Int] {
        var sums: [String: Int] = [:]
        var cursor = ""
        while true {
            let page = try await souk.call("GET", "\(path)?limit=100\(cursor)").expecting(200)
            let entries = page["data"].array ?? []
            for part in entries.flatMap({ $0["parts"].array ?? [] }) {
                sums["\(part["currency"].string ?? "") \(part["line"].string ?? "")", default: 0] +=
                    part["amount"].int ?? 0
            }
            guard page["has_more"].bool == true, let last = entries.last?["id"].string else { return sums }
            cursor = "&starting_after=\(last)"
        }
    }

    /// What the seller's accounts hold at a moment, by currency.
    private func ledger(of seller: String, before moment: Int) async throws -> [String: Int] {
        let rows = try await query(
            """
            SELECT a.currency, -sum(p.amount_minor)::bigint AS balance
            FROM postings p
            JOIN ledger_accounts a ON a.id = p.account_id AND a.code LIKE \("seller:\(seller):%")
            JOIN journal_entries e ON e.id = p.entry_id
            WHERE e.effective_at < to_timestamp(\(Int64(moment))) GROUP BY a.currency
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { (try $0.get("currency"), Int(try $0.get("balance", as: Int64.self))) })
    }
}
