// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let hummingbird: Target.Dependency = .product(name: "Hummingbird", package: "hummingbird")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let metrics: Target.Dependency = .product(name: "Metrics", package: "swift-metrics")
let lifecycle: Target.Dependency = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")
let mustache: Target.Dependency = .product(name: "Mustache", package: "swift-mustache")
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let configuration: Target.Dependency = .product(name: "Configuration", package: "swift-configuration")

/// A library target of this package. What it may depend on is the import table of CONTRIBUTING.md.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

let package = Package(
    name: "souk",
    platforms: [.macOS(.v15)],
    products: [.executable(name: "souk", targets: ["souk"])],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache.git", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics.git", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration.git", from: "1.4.0", traits: []),
    ],
    targets: [
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CLibCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLibSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),

        module("Cryptography", ["CLibSSL"]),
        module("Postgres", ["CLibPQ", logging, metrics, lifecycle]),
        module("Transport", ["CLibCurl", logging, metrics, lifecycle]),
        module("Domain"),
        module("Ledger", ["Domain"]),
        module("StripeAPI", ["Domain", "Cryptography", "Transport", logging, metrics, lifecycle]),
        module("Store", ["Domain", "Ledger", "Postgres", logging, metrics, lifecycle]),
        module("Web", ["Domain", "Store", "Cryptography", hummingbird, logging, metrics, lifecycle]),
        module(
            "Sellers",
            ["Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", hummingbird, logging, metrics, lifecycle]),
        module(
            "Orders",
            [
                "Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "Sellers", hummingbird, logging, metrics,
                lifecycle,
            ]),
        module(
            "Settlement",
            [
                "Domain", "Ledger", "Postgres", "Store", "StripeAPI", "Web", "Sellers", "Orders", hummingbird,
                logging, metrics, lifecycle,
            ]),
        module(
            "Webhooks",
            ["Domain", "Store", "StripeAPI", "Transport", "Web", hummingbird, logging, metrics, lifecycle]),
        module(
            "Operations",
            [
                "Domain", "Ledger", "Store", "Postgres", "StripeAPI", "Web", "Sellers", "Orders", "Settlement",
                hummingbird, mustache, logging, metrics, lifecycle,
            ]),
        module(
            "StripeSandbox",
            [
                "Domain", "StripeAPI", "Cryptography", "Transport", hummingbird, mustache, logging, metrics,
                lifecycle,
            ]),
        module(
            "App",
            [
                "Cryptography", "Postgres", "Transport", "Domain", "Ledger", "StripeAPI", "Store", "Web", "Sellers",
                "Orders", "Settlement", "Webhooks", "Operations", "StripeSandbox", hummingbird, configuration,
                logging, metrics, lifecycle, signals,
            ]),
        .executableTarget(
            name: "souk",
            dependencies: ["App", "Transport", argumentParser, configuration, logging],
            swiftSettings: settings),

        tests("CryptographyTests", ["Cryptography"]),
        tests("RepositoryTests"),
        tests("DomainTests", ["Domain"]),
        tests("LedgerTests", ["Domain", "Ledger"]),
        tests(
            "OrdersTests",
            [
                "Orders", "Domain", "Postgres", "Store", "StripeAPI", "Transport", "Web", "TestSupport", hummingbird,
                logging, lifecycle,
            ]),
        .target(
            name: "TestSupport", dependencies: ["LocalHTTP", "Postgres", lifecycle, logging], path: "Tests/TestSupport",
            swiftSettings: settings),
        tests(
            "AppTests",
            [
                "App", "Domain", "Ledger", "Postgres", "Settlement", "Store", "StripeAPI", "Transport", "Web",
                "Webhooks",
                "LocalHTTP", "TestSupport", logging, lifecycle,
            ]),
        tests("PostgresTests", ["Postgres", "TestSupport", logging]),
        tests(
            "WebTests",
            [
                "Web", "Domain", "Store", "Postgres", "Transport", "TestSupport", hummingbird, logging, metrics,
                lifecycle,
            ]),
        tests(
            "SellersTests",
            [
                "Domain", "Postgres", "Sellers", "Store", "StripeAPI", "StripeSandbox", "TestSupport", "Transport",
                "Web", hummingbird, lifecycle, logging,
            ]),
        .target(name: "LocalHTTP", path: "Tests/LocalHTTP", swiftSettings: settings),
        tests("TransportTests", ["Transport", "LocalHTTP"]),
        .testTarget(
            name: "StripeAPITests",
            dependencies: ["StripeAPI", "Domain", "Transport", "LocalHTTP", logging], exclude: ["Fixtures"],
            swiftSettings: settings),
        tests(
            "StripeSandboxTests",
            ["Domain", "StripeSandbox", "StripeAPI", "TestSupport", "Transport", hummingbird, lifecycle, logging]),
        tests(
            "WebhooksTests",
            [
                "Cryptography", "Domain", "Postgres", "Store", "StripeAPI", "TestSupport", "Transport", "Web",
                "Webhooks", hummingbird, lifecycle, logging,
            ]),
    ],
    swiftLanguageModes: [.v6]
)

// Benchmarks need what is visible only within the package, so they are targets of it, but only when asked for.
if Context.environment["SOUK_BENCHMARKS"] != nil {
    func benchmark(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
        .executableTarget(
            name: "\(name)Benchmark", dependencies: dependencies, path: "Benchmarks/\(name)", swiftSettings: settings)
    }
    package.dependencies.append(
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"))
    // What only tests use imports Testing, which no release build has.
    package.targets.removeAll { $0.type == .test || $0.path?.hasPrefix("Tests/") == true }
    package.targets += [
        benchmark("Postgres", ["Postgres", logging]),
        benchmark("Transport", ["Transport", .product(name: "AsyncHTTPClient", package: "async-http-client")]),
        benchmark("Ledger", ["Domain", "Ledger", "Postgres", "Store", logging]),
        benchmark("EmptyServer", [hummingbird]),
    ]
}
