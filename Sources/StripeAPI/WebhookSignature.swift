import Cryptography
package import Domain

/// Stripe's signature scheme, for what Stripe sends us, for what the sandbox sends us, and for what we send to
/// marketplaces: `t=<unix>,v1=<hex>`, HMAC-SHA256 over `<unix>.<raw body>` with the whole secret as key.
package enum WebhookSignature {
    package static let headerName = "Stripe-Signature"
    /// Stripe's default. Here it binds in both directions: the official libraries let any future time pass.
    package static let toleranceSeconds: Int64 = 300

    /// Checks a delivery on its raw bytes. Any `v1` may match any of the secrets, so that a secret can be rolled.
    ///
    /// - Returns: when the sender says it signed.
    /// - Throws: why the delivery is not believed; the order of the checks is fixed, the signature before the time.
    @discardableResult
    package static func verify(
        header: String?,
        body: [UInt8],
        secrets: [String],
        now: Timestamp,
        tolerance: Int64 = toleranceSeconds
    ) throws(WebhookSignatureError) -> Timestamp {
        let usable = secrets.filter { $0.contains { !$0.isWhitespace } }
        guard !usable.isEmpty else { throw .noSecret }
        guard let header, !header.isEmpty else { throw .headerMissing }
        let parts = try parse(header)
        var isGenuine = false
        for secret in usable {
            let expected = Array(code(body: body, secret: secret, seconds: parts.seconds).utf8)
            for candidate in parts.candidates where constantTimeEqual(Array(candidate.utf8), expected) {
                isGenuine = true
            }
        }
        guard isGenuine else { throw .mismatch }
        let (age, overflow) = now.seconds.subtractingReportingOverflow(parts.seconds)
        guard !overflow, age <= tolerance else { throw .tooOld }
        guard age >= -tolerance else { throw .tooNew }
        return Timestamp(seconds: parts.seconds)
    }

    /// The header for a body that is sent now. While a secret is rolled, both sign: one `v1` each.
    package static func sign(body: [UInt8], secrets: [String], at time: Timestamp) -> String {
        let codes = secrets.map { "v1=" + code(body: body, secret: $0, seconds: time.seconds) }
        return (["t=\(time.seconds)"] + codes).joined(separator: ",")
    }

    package static func sign(body: [UInt8], secret: String, at time: Timestamp) -> String {
        sign(body: body, secrets: [secret], at: time)
    }

    private static func code(body: [UInt8], secret: String, seconds: Int64) -> String {
        var code = HMACSHA256(key: Array(secret.utf8))
        code.update("\(seconds).".utf8)
        code.update(body)
        return Hex.encode(code.finalize())
    }

    /// Splits as the official library does: pairs by comma, name from value by the first `=`, the first `t` counts.
    private static func parse(
        _ header: String
    ) throws(WebhookSignatureError) -> (seconds: Int64, candidates: [Substring]) {
        var time: Substring?
        var candidates: [Substring] = []
        for item in header.split(separator: ",", omittingEmptySubsequences: false) {
            let fields = item.split(separator: "=", omittingEmptySubsequences: false)
            guard fields.count >= 2 else { continue }
            switch fields[0] {
            case "t": time = time ?? fields[1]
            case "v1": candidates.append(fields[1])
            default: continue
            }
        }
        guard let time else { throw .timestampMissing }
        guard !time.isEmpty, time.utf8.allSatisfy({ (48...57).contains($0) }), let seconds = Int64(time),
            seconds <= Int64.max / 1000
        else { throw .timestampMalformed }
        guard !candidates.isEmpty else { throw .signatureMissing }
        return (seconds, candidates)
    }
}

/// Why a delivery is not believed.
package enum WebhookSignatureError: String, CodedError, Hashable, CaseIterable {
    case noSecret = "no_secret"
    case headerMissing = "header_missing"
    case timestampMissing = "timestamp_missing"
    case timestampMalformed = "timestamp_malformed"
    /// No candidate of scheme `v1`.
    case signatureMissing = "signature_missing"
    case mismatch
    case tooOld = "too_old"
    case tooNew = "too_new"

    package var code: ErrorCode { .webhookSignatureInvalid }
    package var parameter: String? { nil }

    package var message: String {
        switch self {
        case .noSecret: "No webhook secret is configured for this address."
        case .headerMissing: "The header Stripe-Signature is missing."
        case .timestampMissing: "Stripe-Signature has no time (t=…)."
        case .timestampMalformed: "The time in Stripe-Signature is not a number of seconds."
        case .signatureMissing: "Stripe-Signature has no signature of scheme v1."
        case .mismatch:
            "No signature in Stripe-Signature belongs to this body and one of the configured secrets. Check that the "
                + "secret of this endpoint is configured, and that nothing on the way changes the body."
        case .tooOld: "The signature is older than the tolerance: a repeated delivery, or a clock that is wrong."
        case .tooNew: "The signature is from the future, past the tolerance: a clock is wrong."
        }
    }
}
