import Logging
import StripeSandbox
import TestSupport
import Testing
import Transport

/// A sandbox of its own for one test, spoken to over real HTTP.
struct SandboxWorld: Sendable {
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPHeaders
        let bytes: [UInt8]
        let json: JSON

        var code: String? { json["error"]["code"].string }
    }

    let address: String
    let client: HTTPClient

    /// Runs a sandbox on a free port for as long as `body` does.
    static func run<Result: Sendable>(
        dataDirectory: String? = nil, seed: UInt64? = 7, behaviour: SandboxBehaviour = SandboxBehaviour(),
        _ body: @escaping @Sendable (SandboxWorld) async throws -> Result
    ) async throws -> Result {
        var logger = Logger(label: "sandbox")
        logger.logLevel = .critical
        let server = try Server(
            configuration: SandboxConfiguration(
                port: 0, dataDirectory: dataDirectory, seed: seed, behaviour: behaviour), logger: logger)
        return try await withServices(logger: logger) { services in
            await services.start(server)
            let port = try #require(await server.boundPort())
            let client = HTTPClient()
            defer { client.shutdown() }
            return try await body(SandboxWorld(address: "http://127.0.0.1:\(port)", client: client))
        }
    }

    // MARK: Requests

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ form: [(String, String)] = [], account: String? = nil,
        key: String? = nil, authorization: String? = "Bearer sk_test_souk"
    ) async throws -> Answer {
        var headers: [(String, String)] = []
        if let authorization { headers.append(("Authorization", authorization)) }
        if let account { headers.append(("Stripe-Account", account)) }
        if let key { headers.append(("Idempotency-Key", key)) }
        var url = address + path
        var body: [UInt8] = []
        let encoded = form.map { "\(Self.escape($0.0))=\(Self.escape($0.1))" }.joined(separator: "&")
        if method == .post {
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            body = Array(encoded.utf8)
        } else if !encoded.isEmpty {
            url += "?" + encoded
        }
        let response = try await client.execute(HTTPRequest(method: method, url: url, headers: headers, body: body))
        return Answer(
            status: response.status, headers: response.headers, bytes: response.body,
            json: (try? JSON(bytes: response.body)) ?? .null)
    }

    @discardableResult
    func post(
        _ path: String, _ form: [(String, String)] = [], account: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        let answer = try await send(.post, path, form, account: account)
        try #require(
            answer.status == 200, "\(path): \(String(decoding: answer.bytes, as: UTF8.self))",
            sourceLocation: sourceLocation)
        return answer.json
    }

    func get(
        _ path: String, _ query: [(String, String)] = [], account: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        let answer = try await send(.get, path, query, account: account)
        try #require(
            answer.status == 200, "\(path): \(String(decoding: answer.bytes, as: UTF8.self))",
            sourceLocation: sourceLocation)
        return answer.json
    }

    /// A control call with a JSON body.
    @discardableResult
    func control(_ method: HTTPRequest.Method, _ path: String, _ body: String = "") async throws -> Answer {
        let response = try await client.execute(
            HTTPRequest(method: method, url: address + "/_sandbox/" + path, body: Array(body.utf8)))
        return Answer(
            status: response.status, headers: response.headers, bytes: response.body,
            json: try JSON(bytes: response.body))
    }

    private static func escape(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x5B, 0x5D:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                escaped += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return escaped
    }

    // MARK: Common steps

    /// An Express seller who can be charged for and paid.
    func seller(country: String = "US", feesPayer: String = "application") async throws -> String {
        let account = try await post(
            "/v1/accounts",
            [
                ("country", country), ("email", "seller@example.com"), ("business_type", "individual"),
                ("controller[fees][payer]", feesPayer),
                ("controller[losses][payments]", feesPayer == "application" ? "application" : "stripe"),
                ("controller[stripe_dashboard][type]", feesPayer == "application" ? "express" : "full"),
                ("controller[requirement_collection]", "stripe"),
                ("capabilities[card_payments][requested]", "true"), ("capabilities[transfers][requested]", "true"),
            ])
        let onboarded = try await control(.post, "accounts/\(account.id)/onboard", #"{"outcome":"complete"}"#)
        try #require(onboarded.json["charges_enabled"] == .bool(true))
        return account.id
    }

    /// A paid intent, with its charge already in the books.
    func pay(
        _ amount: Int64, _ more: [(String, String)] = [], method: String = "pm_card_visa", account: String? = nil
    ) async throws -> JSON {
        let usual = [
            ("amount", String(amount)), ("currency", "usd"), ("payment_method", method), ("confirm", "true"),
            ("capture_method", "automatic"), ("return_url", "https://shop.example/done"),
            ("expand[]", "latest_charge"),
        ].filter { name, _ in !more.contains { $0.0 == name } }
        return try await post("/v1/payment_intents", usual + more, account: account)
    }

    /// A paid destination charge with a fee of the platform -> its intent, the charge expanded.
    func destination(
        _ seller: String, _ amount: Int64 = 10_000, fee: Int64 = 1000, method: String = "pm_card_visa"
    ) async throws -> JSON {
        try await pay(
            amount, [("application_fee_amount", String(fee)), ("transfer_data[destination]", seller)], method: method)
    }

    /// What a refused call says: its status and its code, or the parameter where it has no code.
    func refusal(
        _ path: String, _ form: [(String, String)] = [], account: String? = nil, key: String? = nil
    ) async throws -> String {
        let answer = try await send(.post, path, form, account: account, key: key)
        let error = answer.json["error"]
        return "\(answer.status) \(error["code"].string ?? error["param"].string ?? "")"
    }

    func advance(days: Int64 = 0, hours: Int64 = 0, seconds: Int64 = 0) async throws {
        try await control(.post, "clock/advance", #"{"seconds":\#(days * 86_400 + hours * 3600 + seconds)}"#)
    }

    /// Takes an account's automatic payouts off, so that its money stays while the clock moves.
    func holdPayouts(of account: String? = nil) async throws {
        try await post(
            "/v1/balance_settings", [("payments[payouts][schedule][interval]", "manual")], account: account)
    }

    /// The types of an account's last events, oldest first.
    func events(_ account: String? = nil, limit: Int = 100) async throws -> [String] {
        let list = try await get("/v1/events", [("limit", String(limit))], account: account)
        return list["data"].array.reversed().compactMap { $0["type"].string }
    }

    /// What of an account's money can be moved now, in cents.
    func available(_ account: String? = nil, currency: String = "usd") async throws -> Int64 {
        try await get("/v1/balance", account: account)["available"].array
            .filter { $0["currency"].string == currency }.reduce(0) { $0 + ($1["amount"].int ?? 0) }
    }

    /// Available, pending and held back for sellers below zero, in cents.
    func total(_ account: String? = nil, currency: String = "usd") async throws -> Int64 {
        let balance = try await get("/v1/balance", account: account)
        return (balance["available"].array + balance["pending"].array + balance["connect_reserved"].array)
            .filter { $0["currency"].string == currency }
            .reduce(0) { $0 + ($1["amount"].int ?? 0) }
    }

    /// Every row of an account, newest first.
    func allRows(_ account: String? = nil) async throws -> [JSON] {
        var rows: [JSON] = []
        while true {
            let cursor = rows.last.map { [("starting_after", $0.id)] } ?? []
            let page = try await get("/v1/balance_transactions", [("limit", "100")] + cursor, account: account)
            rows += page["data"].array
            if page["has_more"] != .bool(true) { return rows }
        }
    }

    /// Every row of an account: type, amount, fee, net; oldest first.
    func rows(_ account: String? = nil) async throws -> [String] {
        let list = try await get("/v1/balance_transactions", [("limit", "100")], account: account)
        return list["data"].array.reversed().map { row in
            "\(row["type"].string ?? "") \(row["amount"].int ?? 0) \(row["fee"].int ?? 0) \(row["net"].int ?? 0)"
        }
    }
}
