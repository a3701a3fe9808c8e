/// Which modules each target may import. The build refuses other targets of this package that `Package.swift` does not
/// name; it does not see external modules, C modules and Foundation, so these tests read every import line.
/// CONTRIBUTING.md shows the same table, and a test compares the two.
enum ImportTable {
    static let server = ["Hummingbird", "Logging", "Metrics", "ServiceLifecycle"]
    /// What Hummingbird stands on, for those who answer requests below its routes.
    static let sockets = ["HTTPTypes", "NIOCore"]
    static let services = ["Logging", "Metrics", "ServiceLifecycle"]

    static let allowed: [(target: String, modules: [String])] = [
        ("Domain", ["FoundationEssentials"]),
        ("Ledger", ["Domain"]),
        ("Cryptography", ["CLibSSL"]),
        ("Postgres", ["CLibPQ", "Glibc"] + services),
        ("Transport", ["CLibCurl", "Glibc"] + services),
        ("StripeAPI", ["Domain", "Cryptography", "Transport", "FoundationEssentials"] + services),
        ("Store", ["Domain", "Ledger", "Postgres", "FoundationEssentials"] + services),
        ("Web", ["Domain", "Store", "Cryptography", "FoundationEssentials", "CoreMetrics"] + server + ["NIOCore"]),
        ("Sellers", ["Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "FoundationEssentials"] + server),
        (
            "Orders",
            ["Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "Sellers", "FoundationEssentials"] + server
        ),
        (
            "Settlement",
            [
                "Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "Sellers", "Orders",
                "FoundationEssentials",
            ] + server
        ),
        (
            "Billing",
            [
                "Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "Sellers", "Transport", "Mustache",
                "FoundationEssentials",
            ] + server
        ),
        ("Webhooks", ["Domain", "Store", "StripeAPI", "Transport", "Web", "FoundationEssentials"] + server),
        (
            "Operations",
            [
                "Domain", "Ledger", "Store", "Postgres", "StripeAPI", "Web", "Sellers", "Orders", "Settlement",
                "Billing", "Mustache", "FoundationEssentials",
            ] + server
        ),
        (
            "StripeSandbox",
            ["Domain", "StripeAPI", "Cryptography", "Transport", "Mustache", "Glibc", "FoundationEssentials"] + server
                + sockets
        ),
        (
            "App",
            [
                "Cryptography", "Postgres", "Transport", "Domain", "Ledger", "StripeAPI", "Store", "Web", "Sellers",
                "Orders", "Settlement", "Billing", "Webhooks", "Operations", "StripeSandbox", "Configuration", "Glibc",
                "UnixSignals",
                "FoundationEssentials",
            ] + server
        ),
        ("souk", ["App", "Transport", "ArgumentParser", "Configuration", "Glibc", "FoundationEssentials"] + services),
    ]

    /// Modules of the language itself, open to all.
    static let standard: Set<String> = ["Swift", "Synchronization"]

    static func modules(of target: String) -> Set<String>? {
        allowed.first { $0.target == target }.map { Set($0.modules).union(standard) }
    }

    /// The row as CONTRIBUTING.md writes it.
    static func row(_ target: String, _ modules: [String]) -> String {
        "| \(target) | \(modules.joined(separator: ", ")) |"
    }

    /// The module that a line imports, whatever stands before and behind the word `import`.
    static func importedModule(in line: some StringProtocol) -> String? {
        let pattern =
            /^\s*(?:@[A-Za-z_]+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|func|typealias|var|let|actor)\s+)?([A-Za-z_][A-Za-z0-9_]*)/
        return String(line).firstMatch(of: pattern).map { String($0.1) }
    }
}
