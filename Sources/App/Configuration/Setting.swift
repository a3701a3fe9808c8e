package import Configuration

/// Every setting of Souk: its name in the environment, its default, and whether its value is a secret.
package enum Setting: String, CaseIterable, Sendable {
    case databaseURL = "DATABASE_URL"
    case stripeSecretKey = "STRIPE_SECRET_KEY"
    case stripeAPIBase = "STRIPE_API_BASE"
    case stripeWebhookSecrets = "STRIPE_WEBHOOK_SECRETS"
    case stripeConnectWebhookSecrets = "STRIPE_CONNECT_WEBHOOK_SECRETS"
    case sandbox = "SOUK_SANDBOX"
    case host = "SOUK_HOST"
    case port = "SOUK_PORT"
    case configFile = "SOUK_CONFIG_FILE"
    case logLevel = "SOUK_LOG_LEVEL"
    case sandboxPort = "SOUK_SANDBOX_PORT"
    case dataDirectory = "SOUK_DATA_DIR"
    case roles = "SOUK_ROLES"
    case publicURL = "SOUK_PUBLIC_URL"
    case adminKey = "SOUK_ADMIN_KEY"
    case encryptionKeys = "SOUK_ENCRYPTION_KEYS"
    case allowPrivateAddresses = "SOUK_ALLOW_PRIVATE_ADDRESSES"
    case sweepSeconds = "SOUK_SWEEP_SECONDS"
    case reconcileWindow = "SOUK_RECONCILE_WINDOW"
    case fraudWarnings = "SOUK_FRAUD_WARNINGS"
    case rateLimit = "SOUK_RATE_LIMIT"
    case addressRateLimit = "SOUK_ADDRESS_RATE_LIMIT"
    case trustedProxies = "SOUK_TRUSTED_PROXIES"
    case smtpURL = "SOUK_SMTP_URL"
    case mailFrom = "SOUK_MAIL_FROM"

    /// Never printed; may come from a file of its own (`NAME_FILE`) and never from a flag.
    package var isSecret: Bool {
        switch self {
        case .databaseURL, .stripeSecretKey, .stripeWebhookSecrets, .stripeConnectWebhookSecrets, .adminKey,
            .encryptionKeys, .smtpURL:
            true
        case .stripeAPIBase, .sandbox, .host, .port, .configFile, .logLevel, .sandboxPort, .dataDirectory, .roles,
            .publicURL, .allowPrivateAddresses, .sweepSeconds, .reconcileWindow, .fraudWarnings, .rateLimit,
            .addressRateLimit, .trustedProxies, .mailFrom:
            false
        }
    }

    /// The value where none is given; nil where that depends on others, or where there is none.
    package var defaultText: String? {
        switch self {
        case .stripeAPIBase: "https://api.stripe.com"
        case .sandbox, .allowPrivateAddresses, .trustedProxies: "0"
        case .fraudWarnings: "none"
        case .rateLimit: "500"
        case .addressRateLimit: "100"
        case .host: "127.0.0.1"
        case .port: "8080"
        case .logLevel: "info"
        case .sandboxPort: "12111"
        case .dataDirectory: ".souk"
        case .roles: "api,worker"
        case .sweepSeconds: "300"
        case .databaseURL, .stripeSecretKey, .stripeWebhookSecrets, .stripeConnectWebhookSecrets, .configFile,
            .publicURL, .adminKey, .encryptionKeys, .reconcileWindow, .smtpURL, .mailFrom:
            nil
        }
    }

    /// The same name as swift-configuration spells it: `souk.dataDir` reads `SOUK_DATA_DIR`.
    package var key: ConfigKey { ConfigKey(rawValue.lowercased().split(separator: "_").map(String.init)) }

    /// The variable that names a file with the value.
    package var fileName: String { rawValue + "_FILE" }
}
