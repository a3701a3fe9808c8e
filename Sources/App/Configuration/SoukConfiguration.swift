import Cryptography
package import Domain
package import Logging

/// Everything that Souk is told when it starts, checked.
package struct SoukConfiguration: Sendable {
    package enum Role: String, CaseIterable, Sendable {
        /// Answers HTTP.
        case api
        /// Applies events, runs operations, delivers, sweeps.
        case worker
    }

    /// A libpq connection string; nil where none was given.
    package let databaseURL: String?
    /// nil in the sandbox, where any test key will do.
    package let stripeSecretKey: String?
    package let stripeAPIBase: String
    package let webhookSecrets: [String]
    package let connectWebhookSecrets: [String]
    /// The built-in Stripe runs in this process.
    package let sandbox: Bool
    package let sandboxPort: Int
    package let host: String
    package let port: Int
    package let logLevel: Logger.Level
    package let dataDirectory: String
    package let roles: Set<Role>
    /// Without a slash at the end.
    package let publicURL: String
    package let adminKey: String?
    /// 32 bytes each; the first one seals, all of them open.
    package let encryptionKeys: [[UInt8]]
    /// Event destinations may have private and link-local addresses.
    package let allowPrivateAddresses: Bool
    /// Between two looks for events that never arrived.
    package let sweepInterval: Duration
    /// When the daily reconciliation begins, in UTC; nil for none.
    package let reconcileWindow: DailyWindow?
    /// What is done when a bank warns that a payment may be fraudulent.
    package let fraudWarnings: FraudWarningPolicy
    /// Requests a second of one API key; 0 for no limit.
    package let rateLimit: Int
    /// Requests a second without a valid key, of one address; 0 for no limit.
    package let addressRateLimit: Int
    /// How many proxies before Souk add to `X-Forwarded-For`.
    package let trustedProxies: Int
    package let smtpURL: String?
    package let mailFrom: String?
    /// For `--print-config`: name, value (secrets hidden), origin.
    package let shown: [(name: String, value: String, origin: String)]

    /// Whether real money moves: a live Stripe key is configured.
    package var livemode: Bool { stripeSecretKey?.contains("_live_") ?? false }

    /// - Throws: `ConfigurationError`, which says what to do.
    package init(flags: [Setting: String] = [:], environment: [String: String]) throws {
        let sources = try ConfigurationSources(flags: flags, environment: environment)
        databaseURL = sources.text(.databaseURL)
        stripeSecretKey = sources.text(.stripeSecretKey)
        sandbox = try sources.flag(.sandbox)
        sandboxPort = try sources.port(.sandboxPort)
        host = sources.text(.host) ?? "127.0.0.1"
        port = try sources.port(.port)
        stripeAPIBase =
            sandbox && sources.origin(of: .stripeAPIBase) == "default"
            ? "http://127.0.0.1:\(sandboxPort)" : try sources.address(.stripeAPIBase, fallback: "")
        webhookSecrets = sources.list(.stripeWebhookSecrets)
        connectWebhookSecrets = sources.list(.stripeConnectWebhookSecrets)
        logLevel = try sources.logLevel()
        dataDirectory = sources.text(.dataDirectory) ?? ".souk"
        roles = try sources.roles()
        publicURL = try sources.address(.publicURL, fallback: "http://127.0.0.1:\(port)")
        adminKey = sources.text(.adminKey)
        encryptionKeys = try sources.encryptionKeys()
        allowPrivateAddresses = try sources.flag(.allowPrivateAddresses)
        sweepInterval = try sources.seconds(.sweepSeconds)
        reconcileWindow = try sources.window(.reconcileWindow)
        fraudWarnings = try sources.fraudWarnings()
        rateLimit = try sources.number(.rateLimit, upTo: 1_000_000)
        addressRateLimit = try sources.number(.addressRateLimit, upTo: 1_000_000)
        trustedProxies = try sources.number(.trustedProxies, upTo: 16)
        smtpURL = sources.text(.smtpURL)
        mailFrom = sources.text(.mailFrom)
        var derived: [Setting: String] = [.publicURL: publicURL]
        if sandbox { derived[.stripeAPIBase] = stripeAPIBase }
        shown = Setting.allCases.map { setting in
            let text = sources.text(setting) ?? derived[setting]
            let visible = setting.isSecret ? text.map { _ in "(set)" } : derived[setting] ?? text
            return (setting.rawValue, visible ?? "(not set)", sources.origin(of: setting))
        }
        if let key = stripeSecretKey {
            guard ["sk_test_", "sk_live_", "rk_test_", "rk_live_"].contains(where: { key.hasPrefix($0) }) else {
                throw ConfigurationError("STRIPE_SECRET_KEY must begin with sk_test_, sk_live_, rk_test_ or rk_live_.")
            }
        }
    }

    /// What `souk serve` needs before it may start.
    /// - Throws: `ConfigurationError` for the first thing that is missing or dangerous.
    package func checkServing() throws(ConfigurationError) {
        guard databaseURL != nil else {
            throw ConfigurationError("DATABASE_URL is not set. scripts/run makes a private database and sets it.")
        }
        if sandbox {
            guard !livemode else {
                throw ConfigurationError("SOUK_SANDBOX=1 is refused with a live Stripe key. Unset one of them.")
            }
            return
        }
        guard stripeSecretKey != nil else {
            throw ConfigurationError("STRIPE_SECRET_KEY is not set. To try Souk without Stripe, set SOUK_SANDBOX=1.")
        }
        guard stripeAPIBase.hasPrefix("https://") || !livemode else {
            throw ConfigurationError("STRIPE_API_BASE must begin with https:// when the Stripe key is live.")
        }
        guard !webhookSecrets.isEmpty, !connectWebhookSecrets.isEmpty else {
            throw ConfigurationError(
                """
                STRIPE_WEBHOOK_SECRETS and STRIPE_CONNECT_WEBHOOK_SECRETS must both be set outside the sandbox: without \
                them anybody could tell Souk that an order is paid. `souk webhooks ensure` makes the endpoints and prints \
                the secrets.
                """)
        }
        guard !encryptionKeys.isEmpty else {
            throw ConfigurationError(
                "SOUK_ENCRYPTION_KEYS is not set. Make one with: openssl rand -hex 32")
        }
    }
}

extension ConfigurationSources {
    fileprivate func list(_ setting: Setting) -> [String] {
        (text(setting) ?? "").split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
            .filter { !$0.isEmpty }
    }

    fileprivate func flag(_ setting: Setting) throws(ConfigurationError) -> Bool {
        switch text(setting)?.lowercased() {
        case nil, "0", "false", "no": return false
        case "1", "true", "yes": return true
        case .some: throw ConfigurationError("\(setting.rawValue) must be 0 or 1.")
        }
    }

    fileprivate func number(_ setting: Setting, upTo limit: Int) throws(ConfigurationError) -> Int {
        guard let number = text(setting).flatMap({ Int($0) }), (0...limit).contains(number) else {
            throw ConfigurationError("\(setting.rawValue) must be a number from 0 to \(limit).")
        }
        return number
    }

    fileprivate func port(_ setting: Setting) throws(ConfigurationError) -> Int {
        guard let port = text(setting).flatMap({ Int($0) }), (0...65535).contains(port) else {
            throw ConfigurationError("\(setting.rawValue) must be a port number: 1 to 65535, or 0 for any free one.")
        }
        return port
    }

    fileprivate func seconds(_ setting: Setting) throws(ConfigurationError) -> Duration {
        guard let seconds = text(setting).flatMap({ Int($0) }), (1...86_400).contains(seconds) else {
            throw ConfigurationError("\(setting.rawValue) must be a number of seconds: 1 to 86400.")
        }
        return .seconds(seconds)
    }

    fileprivate func window(_ setting: Setting) throws(ConfigurationError) -> DailyWindow? {
        guard let text = text(setting) else { return nil }
        guard let window = DailyWindow(text) else {
            throw ConfigurationError("\(setting.rawValue) must be two times of day in UTC, such as 03:00-05:00.")
        }
        return window
    }

    fileprivate func fraudWarnings() throws(ConfigurationError) -> FraudWarningPolicy {
        guard let policy = text(.fraudWarnings).flatMap(FraudWarningPolicy.init(rawValue:)) else {
            let names = FraudWarningPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError("SOUK_FRAUD_WARNINGS must be one of \(names).")
        }
        return policy
    }

    fileprivate func address(_ setting: Setting, fallback: String) throws(ConfigurationError) -> String {
        var text = text(setting) ?? fallback
        while text.hasSuffix("/") { text.removeLast() }
        let scheme = ["https://", "http://"].first { text.hasPrefix($0) }
        guard let scheme, text.count > scheme.count,
            text.allSatisfy({ $0.isASCII && !$0.isWhitespace && $0 != "\"" && $0 != "<" && $0 != "?" && $0 != "#" })
        else {
            throw ConfigurationError("\(setting.rawValue) must be an address that begins with https:// or http://.")
        }
        return text
    }

    fileprivate func logLevel() throws(ConfigurationError) -> Logger.Level {
        guard let level = Logger.Level(rawValue: text(.logLevel)?.lowercased() ?? "info") else {
            let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
            throw ConfigurationError("SOUK_LOG_LEVEL must be one of \(names).")
        }
        return level
    }

    fileprivate func roles() throws(ConfigurationError) -> Set<SoukConfiguration.Role> {
        var roles: Set<SoukConfiguration.Role> = []
        for name in list(.roles) {
            guard let role = SoukConfiguration.Role(rawValue: name) else {
                throw ConfigurationError("SOUK_ROLES knows api and worker, not '\(name)'.")
            }
            roles.insert(role)
        }
        guard !roles.isEmpty else { throw ConfigurationError("SOUK_ROLES must name api, worker or both.") }
        return roles
    }

    fileprivate func encryptionKeys() throws(ConfigurationError) -> [[UInt8]] {
        var keys: [[UInt8]] = []
        for text in list(.encryptionKeys) {
            guard let key = Hex.decode(text) ?? Base64URL.decode(text), key.count == 32 else {
                throw ConfigurationError(
                    "Each of SOUK_ENCRYPTION_KEYS must be 32 bytes in hexadecimal. Make one with: openssl rand -hex 32")
            }
            keys.append(key)
        }
        return keys
    }
}
