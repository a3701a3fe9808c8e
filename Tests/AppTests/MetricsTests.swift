import Foundation
import TestSupport
import Testing
import Web

@Suite(.database, .serialized) struct MetricsTests {
    @Test("docs/metrics.md lists exactly what /metrics shows, and no series holds an id or an address")
    func listed() async throws {
        try await RunningSouk.with { souk in
            let sale = try await souk.paidSale()
            _ = try await souk.stripe("POST", "/v1/refunds", [("charge", sale.charge), ("amount", "10")]).expecting(200)
            try await souk.settle()
            try await souk.expectZeroDifference()
            // What is rare has its counter shown once it has happened.
            let rare: Set<String> = [
                "souk_books_check_failures_total", "souk_rate_limited_total", "souk_operations_waiting",
            ]
            try await eventually("the books are checked and what waits is measured", atMost: .seconds(60)) {
                let text = try await souk.metrics()
                return [
                    "souk_books_faults", "souk_findings_open{kind=\"made_at_stripe\"} 1",
                    "souk_stripe_difference_minor",
                ]
                .allSatisfy { text.contains($0) }
            }
            let documented = try Self.documented()
            let shown = try await souk.metrics() + RunningSouk.processMetrics.text()
            let missing = Set(documented.keys).subtracting(Self.types(in: shown).keys)
            #expect(missing.isSubset(of: rare), "\(missing)")
            for (name, type) in Self.types(in: shown) { #expect(documented[name] == type, "\(name)") }
            for invariant in 1...9 { #expect(shown.contains("souk_books_faults{invariant=\"\(invariant)\"} 0")) }
            #expect(shown.contains("souk_stripe_difference_minor{currency=\"usd\"} 0"))
            for secret in [sale.seller, sale.account, sale.order, sale.charge, "acct_", "sel_", "@", "souk_test_"] {
                #expect(!shown.contains(secret), "/metrics holds \(secret)")
            }
        }
    }

    private static func documented() throws -> [String: String] {
        let text = try String(contentsOfFile: Repository.root + "/docs/metrics.md", encoding: .utf8)
        var names: [String: String] = [:]
        for row in text.matches(of: /\| `(souk_[a-z_]+)` \| (counter|gauge|histogram) \|/) {
            #expect(names[String(row.1)] == nil, "\(row.1) is listed twice")
            names[String(row.1)] = String(row.2)
        }
        #expect(names.count > 30)
        return names
    }

    private static func types(in text: String) -> [String: String] {
        var names: [String: String] = [:]
        for line in text.matches(of: /# TYPE (\S+) (\S+)/) { names[String(line.1)] = String(line.2) }
        return names
    }
}

extension RunningSouk {
    func metrics() async throws -> String { try await call("GET", "/metrics").expecting(200).text }
}
