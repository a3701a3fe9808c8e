import App
import FoundationEssentials
import Logging
import Testing

@Suite struct SoukConfigurationTests {
    private static let sandboxed = ["SOUK_SANDBOX": "1", "DATABASE_URL": "postgresql:///souk"]

    private static let live = [
        "DATABASE_URL": "postgresql:///souk", "STRIPE_SECRET_KEY": "sk_live_1",
        "STRIPE_WEBHOOK_SECRETS": "whsec_a, whsec_b",
        "STRIPE_CONNECT_WEBHOOK_SECRETS": "whsec_c",
        "SOUK_ENCRYPTION_KEYS": String(repeating: "0f", count: 32), "SOUK_PUBLIC_URL": "https://pay.example.com/",
    ]

    @Test func defaults() throws {
        let configuration = try SoukConfiguration(environment: Self.sandboxed.merging(["PATH": "/bin"]) { $1 })
        try configuration.checkServing()
        #expect(configuration.host == "127.0.0.1" && configuration.port == 8080)
        #expect(configuration.publicURL == "http://127.0.0.1:8080")
        #expect(configuration.stripeAPIBase == "http://127.0.0.1:12111")
        #expect(configuration.roles == [.api, .worker])
        #expect(configuration.dataDirectory == ".souk")
        #expect(!configuration.livemode)
    }

    @Test func liveDeployment() throws {
        let configuration = try SoukConfiguration(environment: Self.live)
        try configuration.checkServing()
        #expect(configuration.livemode)
        #expect(configuration.webhookSecrets == ["whsec_a", "whsec_b"])
        #expect(configuration.publicURL == "https://pay.example.com")
        #expect(configuration.encryptionKeys == [[UInt8](repeating: 15, count: 32)])
        #expect(configuration.stripeAPIBase == "https://api.stripe.com")
    }

    @Test("flags win over the environment, which wins over the file; secrets come from files of their own")
    func sources() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "souk-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: "souk.env")
        try Data("# trial\nSOUK_PORT=1\nSOUK_HOST=\"::1\"\n\nSOUK_LOG_LEVEL = debug\n".utf8).write(to: file)
        let secret = folder.appending(path: "key")
        try Data("sk_test_from_file\n".utf8).write(to: secret)
        let environment = Self.sandboxed.merging(
            ["SOUK_CONFIG_FILE": file.path, "STRIPE_SECRET_KEY_FILE": secret.path, "SOUK_PORT": "2", "SOUK_HOST": ""]
        ) { $1 }
        let configuration = try SoukConfiguration(flags: [.logLevel: "error"], environment: environment)
        #expect(configuration.port == 2 && configuration.host == "::1" && configuration.logLevel == .error)
        #expect(configuration.stripeSecretKey == "sk_test_from_file")
        let origins = Dictionary(uniqueKeysWithValues: configuration.shown.map { ($0.name, $0.origin) })
        #expect(origins["SOUK_PORT"] == "environment" && origins["SOUK_HOST"] == "file")
        #expect(origins["SOUK_LOG_LEVEL"] == "flag" && origins["SOUK_ROLES"] == "default")
    }

    @Test func secretsAreNeverShown() throws {
        let shown = try SoukConfiguration(environment: Self.live).shown
        #expect(shown.count == Setting.allCases.count)
        for line in shown {
            #expect(!line.value.contains("live") && !line.value.contains("whsec") && !line.value.contains("0f0f"))
        }
        #expect(shown.contains { $0.name == "STRIPE_SECRET_KEY" && $0.value == "(set)" })
        #expect(shown.contains { $0.name == "SOUK_SMTP_URL" && $0.value == "(not set)" })
    }

    @Test(
        "a setting that cannot be used is refused, and the message names it",
        arguments: [
            ("SOUK_PROT", "1"), ("SOUK_PORT", "99999"), ("SOUK_PORT", "http"), ("SOUK_RATE_LIMIT", "-1"),
            ("SOUK_ADDRESS_RATE_LIMIT", "many"), ("SOUK_TRUSTED_PROXIES", "17"), ("SOUK_ROLES", "api,king"),
            ("SOUK_LOG_LEVEL", "loud"), ("SOUK_SWEEP_SECONDS", "0"), ("SOUK_RECONCILE_WINDOW", "03:00"),
            ("SOUK_FRAUD_WARNINGS", "hold"),
            ("SOUK_PUBLIC_URL", "pay.example.com"),
            ("SOUK_SANDBOX", "maybe"),
            ("SOUK_ENCRYPTION_KEYS", "0f0f"), ("STRIPE_SECRET_KEY", "pk_test_1"),
            ("SOUK_CONFIG_FILE", "/nowhere/souk.env"),
            ("SOUK_PORT_FILE", "/etc/hostname"),
        ])
    func refused(_ name: String, _ value: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try SoukConfiguration(environment: Self.sandboxed.merging([name: value]) { $1 })
        }
        let named = name == "SOUK_CONFIG_FILE" ? "/nowhere/souk.env" : name
        #expect(error?.description.contains(named) == true, "\(error?.description ?? "accepted")")
    }

    @Test(
        "Souk does not start without what protects it",
        arguments: [
            "DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS", "STRIPE_CONNECT_WEBHOOK_SECRETS",
            "SOUK_ENCRYPTION_KEYS",
        ])
    func incomplete(_ missing: String) throws {
        let configuration = try SoukConfiguration(environment: Self.live.filter { $0.key != missing })
        let error = #expect(throws: ConfigurationError.self) { try configuration.checkServing() }
        #expect(error?.description.contains(missing) == true)
    }

    @Test func theSandboxRefusesALiveKey() throws {
        let configuration = try SoukConfiguration(environment: Self.live.merging(["SOUK_SANDBOX": "1"]) { $1 })
        #expect(throws: ConfigurationError.self) { try configuration.checkServing() }
    }

    @Test func secretsAreNoFlags() {
        #expect(throws: ConfigurationError.self) {
            try SoukConfiguration(flags: [.adminKey: "souk_test_x"], environment: Self.sandboxed)
        }
    }
}
