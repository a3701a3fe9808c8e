extension SoukConfiguration {
    /// Any test key will do in the sandbox.
    static let sandboxKey = "sk_test_sandbox"

    /// Whether Stripe is a sandbox on this machine, in this process or another.
    var usesSandbox: Bool {
        sandbox || ["http://127.0.0.1:", "http://localhost:", "http://[::1]:"].contains { stripeAPIBase.hasPrefix($0) }
    }

    /// - Throws: `ConfigurationError` if there is none.
    var requiredDatabaseURL: String {
        get throws(ConfigurationError) {
            guard let databaseURL else {
                throw ConfigurationError("DATABASE_URL is not set. scripts/run makes a private database and sets it.")
            }
            return databaseURL
        }
    }

    /// Every setting with its value and where it came from, one to a line; secrets only as set or not set.
    package var printed: String { shown.map { "\($0.name)=\($0.value)  # \($0.origin)" }.joined(separator: "\n") }
}
