import App
import Foundation
import Postgres
import Logging
import TestSupport
import Testing

/// The books of a month are closed once it is over and proven; what becomes known later counts for the next.
@Suite(.database, .serialized) struct CloseMonthTests {
    @Test("a month is refused while it runs, closed with an audit row, and a late row counts for the next")
    func closing() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            try await souk.keepMoney(of: sale.account)
            let month = try await souk.month()
            await #expect { try await souk.close(month.name) } throws: { "\($0)".contains("is not over yet") }
            await #expect { try await souk.close("2026-13") } throws: { "\($0)".contains("is no month") }

            // Made in the last minutes of the month, and not known to Souk: Stripe's rows cannot be read for a while.
            try await souk.advance(to: month.next - 600)
            try await souk.settle()
            _ = try await souk.control(
                "PUT", "/faults",
                [
                    "rules": [
                        ["match": "GET /v1/balance_transactions", "kind": "status", "status": 503, "rate": 1],
                        ["match": "GET /v1/payment_intents/*", "kind": "status", "status": 503, "rate": 1],
                    ], "webhooks": ["lose": 1],
                ]
            ).expecting(200)
            let refund = try await souk.stripe(
                "POST", "/v1/refunds", [("charge", sale.charge), ("amount", "1000"), ("reverse_transfer", "true")]
            ).expecting(200).string("id")
            try await souk.advance(to: month.next + 60)
            #expect(try await souk.close(month.name).contains(month.name))
            #expect(try await souk.close(month.name).contains("were closed before"))
            let audited = try await TestDatabase.current.postgres.query(
                "SELECT count(*) AS n FROM audit_log WHERE action = 'month.closed' AND caller = 'shell'")
            #expect(try audited.first?.get("n", as: Int64.self) == 1)
            let asClosed = try await souk.trialBalance("at=\(month.next - 1)")

            _ = try await souk.control("PUT", "/faults", [:]).expecting(200)
            try await souk.readBalances()
            let late = try await TestDatabase.current.postgres.query(
                "SELECT id FROM journal_entries WHERE cause = \("refund:\(refund)")")
            let id: String = try #require(late.first).get("id")
            let entry = try await souk.call("GET", "/v1/ledger/entries/\(id)").expecting(200)
            #expect(entry["effective_at"].int == month.next)
            #expect((month.next - 600..<month.next).contains(entry["happened_at"].int ?? 0))

            // The closed month stays as it was; the next one has the refund; what was recorded before does not.
            #expect(try await souk.trialBalance("at=\(month.next - 1)") == asClosed)
            let next = try await souk.trialBalance("at=\(month.next + 86_400)")
            #expect(next["revenue:application_fees"] == 900)
            #expect(asClosed["revenue:application_fees"] == 1000)
            let paidAt = try await recordedSecond(of: "charge_paid:\(sale.charge)")
            try #require(paidAt < (try await recordedSecond(of: "refund:\(refund)")))
            #expect(try await souk.trialBalance("as_recorded=\(paidAt)")["revenue:application_fees"] == 1000)
            try await souk.expectSoundBooks()
            try await souk.expectZeroDifference()
        }
    }

    private func recordedSecond(of cause: String) async throws -> Int64 {
        let rows = try await TestDatabase.current.postgres.query(
            """
            SELECT floor(extract(epoch FROM recorded_at))::bigint AS second FROM journal_entries WHERE cause = \(cause)
            """)
        return try #require(rows.first).get("second")
    }

    @Test("a row that is changed in a closed month is found, and whoever seals it anew gets another seal")
    func seals() async throws {
        try await RunningSouk.with { souk in
            try await souk.keepMoney(of: try await souk.paidSale().account)
            let month = try await souk.month()
            #expect(try await souk.call("GET", "/v1/ledger/proof").expecting(200)["seal"] == .null)
            try await souk.advance(to: month.next + 60)
            let said = try await souk.close(month.name)
            let seal = try await souk.call("GET", "/v1/ledger/proof").expecting(200)["seal"]
            let hash = try #require(seal["hash"].string)
            #expect(seal["month"].string == month.name)
            #expect(said.contains(hash))
            #expect(try await souk.close(month.name).contains(hash))
            let next = try await souk.month()
            try await souk.advance(to: next.next + 60)
            _ = try await souk.close(next.name)
            let noted = try await souk.call("GET", "/v1/ledger/proof").expecting(200)["seal"]["hash"].string
            #expect(noted != hash)

            // Nothing but the seals tells of a minute.
            let postgres = TestDatabase.current.postgres
            try await postgres.withConnection { connection in
                try await connection.executeScript(
                    """
                    SET session_replication_role = replica;
                    UPDATE journal_entries SET effective_at = effective_at - interval '1 minute'
                    WHERE cause LIKE 'charge_paid:%';
                    RESET session_replication_role
                    """)
            }
            let faults = try #require(
                try await souk.call("GET", "/v1/ledger/proof").expecting(200)["faults"].array)
            #expect(faults.map { $0["kind"].string } == ["closed_month_changed"])
            #expect(faults.first?["subject"].string == month.name)

            let reseal: PostgresQuery = """
                UPDATE closed_months c SET seal = (ledger_seal(month, coalesce((
                    SELECT seal FROM closed_months b WHERE b.month < c.month ORDER BY month DESC LIMIT 1), ''))).seal
                """
            try await postgres.execute(reseal + " WHERE to_char(month, 'YYYY-MM') = \(month.name)")
            let later = try #require(
                try await souk.call("GET", "/v1/ledger/proof").expecting(200)["faults"].array)
            #expect(later.map { $0["subject"].string } == [next.name])
            try await postgres.execute(reseal + " WHERE to_char(month, 'YYYY-MM') = \(next.name)")
            let forged = try await souk.call("GET", "/v1/ledger/proof").expecting(200)
            #expect(forged["sound"].bool == true)
            #expect(forged["seal"]["hash"].string != noted)
        }
    }

    @Test("books with a fault are not closed")
    func unsound() async throws {
        try await RunningSouk.with { souk in
            _ = try await souk.paidSale()
            let month = try await souk.month()
            try await souk.advance(to: month.next + 60)
            try await TestDatabase.current.postgres.execute(
                "UPDATE ledger_accounts SET balance_minor = balance_minor + 1 WHERE code = 'fees:stripe'")
            await #expect { try await souk.close(month.name) } throws: { "\($0)".contains("balance_wrong") }
            let closed = try await TestDatabase.current.postgres.query("SELECT count(*) AS n FROM closed_months")
            #expect(try closed.first?.get("n", as: Int64.self) == 0)
        }
    }
}

extension RunningSouk {
    /// As `souk close-month` does.
    fileprivate func close(_ month: String) async throws -> String {
        try await closeMonth(shellConfiguration(), month: month, logger: TestDatabase.logger)
    }

    /// No payout arrives while nothing is told of it.
    fileprivate func keepMoney(of account: String) async throws {
        for owner in [nil, account] { try await payOutByHandOnly(owner) }
    }

    /// Business time, in seconds.
    func now() async throws -> Int {
        try #require(try await control("GET", "/clock").expecting(200)["now"].int)
    }

    fileprivate func advance(to moment: Int) async throws {
        let seconds = try await moment - now()
        _ = try await control("POST", "/clock/advance", ["seconds": .int(seconds)]).expecting(200)
        _ = try await control("POST", "/settle").expecting(200)
    }

    /// The month of business time, and the moment at which the next one begins.
    fileprivate func month() async throws -> (name: String, next: Int) {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let now = Date(timeIntervalSince1970: TimeInterval(try await now()))
        let month = try #require(calendar.dateInterval(of: .month, for: now))
        let parts = calendar.dateComponents([.year, .month], from: now)
        let name = "\(parts.year ?? 0)-\((parts.month ?? 0) < 10 ? "0" : "")\(parts.month ?? 0)"
        return (name, Int(month.end.timeIntervalSince1970))
    }

    /// Balances in US dollars by account, but those of zero.
    fileprivate func trialBalance(_ query: String) async throws -> [String: Int] {
        let answer = try await call("GET", "/v1/ledger/trial_balance?\(query)").expecting(200)
        let lines = (answer["accounts"].array ?? []).filter { $0["currency"].string == "usd" && $0["balance"].int != 0 }
        return Dictionary(
            lines.compactMap { line in line["code"].string.map { ($0, line["balance"].int ?? 0) } },
            uniquingKeysWith: +)
    }
}
