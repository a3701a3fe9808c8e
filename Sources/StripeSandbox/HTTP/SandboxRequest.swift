/// A request of Stripe's API, as far as the sandbox looks at it.
struct SandboxRequest: Sendable {
    let method: String
    let path: String
    let query: String
    let body: [UInt8]
    let contentType: String?
    let authorization: String?
    let version: String?
    let account: String?
    let idempotencyKey: String?

    /// The key of the `Authorization` header, bearer or basic; nil where there is none.
    var key: String? {
        guard let authorization else { return nil }
        let halves = authorization.split(separator: " ", maxSplits: 1)
        guard halves.count == 2 else { return nil }
        switch halves[0].lowercased() {
        case "bearer": return String(halves[1])
        case "basic":
            guard let decoded = Base64.decode(halves[1]) else { return nil }
            return String(decoding: decoded, as: UTF8.self).split(separator: ":", maxSplits: 1).first.map(String.init)
        default: return nil
        }
    }

    /// The key as error messages show it.
    var shownKey: String {
        guard let key else { return "" }
        guard key.count > 12 else { return key }
        return key.prefix(8) + String(repeating: "*", count: min(key.count - 12, 20)) + key.suffix(4)
    }

    /// Any `sk_test_` or `rk_test_` key is the platform's; a live key is refused whatever it says.
    func authenticate() throws(StripeFailure) {
        guard let key else {
            throw unauthorized(
                "You did not provide an API key. You need to provide your API key in the Authorization header, "
                    + "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').")
        }
        guard !key.hasPrefix("sk_live_"), !key.hasPrefix("rk_live_") else {
            throw unauthorized("The sandbox refuses live keys: '\(shownKey)'. Use one that begins with sk_test_.")
        }
        if key.hasPrefix("pk_") {
            throw unauthorized(
                "This API call cannot be made with a publishable API key. Please use a secret API key.",
                code: "secret_key_required")
        }
        guard key.hasPrefix("sk_test_") || key.hasPrefix("rk_test_"), key.count > 8 else {
            throw unauthorized("Invalid API Key provided: \(shownKey)")
        }
        if let version, version != SandboxVersion.pinned {
            throw .parameter(
                nil, nil,
                "Invalid Stripe API version: \(version). This sandbox simulates \(SandboxVersion.pinned) only.")
        }
    }

    private func unauthorized(_ message: String, code: String? = nil) -> StripeFailure {
        var failure = StripeFailure(401, type: "invalid_request_error", code: code, message)
        failure.isSaved = false
        return failure
    }

    func parameters() throws(StripeFailure) -> [FormPair] {
        if method == "POST" {
            guard query.isEmpty else {
                throw .malformed("Parameters of a POST request belong in its body, not in the query.")
            }
            if !body.isEmpty, let contentType, !contentType.hasPrefix("application/x-www-form-urlencoded") {
                throw .malformed(
                    "Invalid request: the body must be application/x-www-form-urlencoded, not \(contentType).")
            }
            guard let text = String(validating: body, as: UTF8.self) else {
                throw .malformed("Invalid UTF-8 in the request.")
            }
            return try FormDecoder.decode(text[...])
        }
        return try FormDecoder.decode(query[...])
    }

    /// What an idempotency key belongs to: the account that the request acts as, or all of them.
    func scopedKey(_ platform: String, _ scope: SandboxBehaviour.KeyScope) -> String? {
        idempotencyKey.map { "\(scope == .account ? account ?? platform : platform) \($0)" }
    }

    /// Method, path, acting account and the parameters, in whatever order and encoding they came, shortened by FNV-1a of
    /// 64 bits and the length.
    var fingerprint: String {
        var text = Array(account.map { "\($0) ".utf8 } ?? "".utf8)
        if let pairs = try? parameters() { text += Self.canonical(pairs).utf8 } else { text += body }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return "\(method) \(path) \(text.count) \(String(hash, radix: 16))"
    }

    private static func canonical(_ pairs: [FormPair]) -> String {
        pairs.sorted { $0.key < $1.key }.map { "\($0.key.utf8.count):\($0.key)=\(canonical($0.value))" }.joined()
    }

    private static func canonical(_ value: FormValue) -> String {
        switch value {
        case .text(let text): "\(text.utf8.count):\(text)"
        case .hash(let pairs): "{\(canonical(pairs))}"
        case .list(let values): "[\(values.map(canonical).joined())]"
        }
    }
}

/// Base64 of the Basic scheme.
enum Base64 {
    static func decode(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in text.utf8 where byte != UInt8(ascii: "=") {
            let value: UInt8
            switch byte {
            case 0x41...0x5A: value = byte - 0x41
            case 0x61...0x7A: value = byte - 0x61 + 26
            case 0x30...0x39: value = byte - 0x30 + 52
            case UInt8(ascii: "+"), UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "/"), UInt8(ascii: "_"): value = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}

/// An answer with its final bytes.
struct SandboxAnswer: Sendable {
    var status: Int
    var headers: [(String, String)] = []
    var body: [UInt8]
    var originalRequest: String?
    /// A `Content-Type` other than JSON.
    var contentType = "application/json"

    init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    init(_ failure: StripeFailure) {
        self.init(status: failure.status, body: JSONWriter.answer(["error": .object(failure.body)]))
        if failure.status == 429 {
            headers.append(("Stripe-Rate-Limited-Reason", "global-rate"))
        }
        headers.append(("Stripe-Should-Retry", failure.body["code"] == "lock_timeout" ? "true" : "false"))
        if failure.status >= 500 { headers.removeLast() }
    }

    mutating func addHeaders(for request: SandboxRequest, requestID: String) {
        headers.append(("Request-Id", requestID))
        headers.append(("Stripe-Version", request.version ?? SandboxVersion.pinned))
        headers.append(("Cache-Control", "no-cache, no-store"))
        if let account = request.account { headers.append(("Stripe-Account", account)) }
        if request.method == "POST", let key = request.idempotencyKey {
            headers.append(("Idempotency-Key", key))
            headers.append(("Original-Request", originalRequest ?? requestID))
            if status < 400 { headers.append(("Stripe-Should-Retry", "false")) }
        }
    }
}
