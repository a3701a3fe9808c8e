import TestSupport
import Hummingbird
import Logging
import ServiceLifecycle
import Synchronization

/// Stands in for Stripe where a test must hold the moment: it knows the few endpoints of a payment, changes only when a
/// test says so, and remembers what it was asked. The sandbox is not used here because it moves by itself.
final class ScriptedStripe: Sendable {
    struct Asked: Sendable {
        /// `POST /v1/refunds`
        let line: String
        let form: [String: String]
        let idempotencyKey: String?
    }

    struct World: Sendable {
        var sessions: [String: Session] = [:]
        var intents: [String: Intent] = [:]
        var asked: [Asked] = []
        var count = 0
        var isAway = false
        /// Refuses the next such request with Stripe's code.
        var refusals: [String: String] = [:]
        /// Runs when the line is asked, before the answer: another's hand in a race.
        var interventions: [String: @Sendable (inout World) -> Void] = [:]
    }

    private let world = Mutex(World())

    var asked: [Asked] { world.withLock { $0.asked } }
    func asked(_ line: String) -> [Asked] { asked.filter { $0.line == line } }
    func change<Result: Sendable>(_ body: @Sendable (inout World) throws -> Result) rethrows -> Result {
        try world.withLock { try body(&$0) }
    }

    func application(onRunning: @escaping @Sendable (Int) -> Void, logger: Logger) -> some ApplicationProtocol {
        Application(
            responder: CallbackResponder<BasicRequestContext> { request, _ in try await self.answer(request) },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in onRunning(channel.localAddress?.port ?? 0) }, logger: logger)
    }

    private func answer(_ request: Request) async throws -> Response {
        let body = String(buffer: try await request.body.collect(upTo: 1 << 20))
        let line = "\(request.method.rawValue) \(request.uri.path)"
        let key = request.headers.first { $0.name.canonicalName == "idempotency-key" }?.value
        let (status, json): (Int, String) = world.withLock { world in
            let form = Self.decoded(body)
            world.asked.append(Asked(line: line, form: form, idempotencyKey: key))
            if let intervene = world.interventions.removeValue(forKey: line) { intervene(&world) }
            if world.isAway { return (500, #"{"error":{"type":"api_error","message":"away"}}"#) }
            if let code = world.refusals.removeValue(forKey: line) { return Self.refusal(code) }
            return world.answer(request.method.rawValue, request.uri.path, form)
        }
        return Response(
            status: .init(code: status), headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: json)))
    }

    static func refusal(_ code: String) -> (Int, String) {
        (400, #"{"error":{"type":"invalid_request_error","code":"\#(code)","message":"\#(code)"}}"#)
    }

    private static func decoded(_ form: String) -> [String: String] {
        var values: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                .map { percentDecoded($0) }
            values[parts[0]] = parts.count > 1 ? parts[1] : ""
        }
        return values
    }
}

private func percentDecoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
        guard byte == UInt8(ascii: "%"), let high = rest.next(), let low = rest.next() else {
            bytes.append(byte)
            continue
        }
        bytes.append(UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16) ?? 0)
    }
    return String(decoding: bytes, as: UTF8.self)
}

extension ScriptedStripe {
    struct Session: Sendable {
        let id: String
        let operation: String
        let order: String
        let form: [String: String]
        var status = "open"
        var intent: String?

        func json(expanding intents: [String: Intent]) -> String {
            let intent = self.intent.flatMap { intents[$0]?.json } ?? "null"
            return """
                {"id":"\(id)","object":"checkout.session","mode":"payment","status":"\(status)",
                 "payment_status":"\(status == "complete" ? "paid" : "unpaid")",
                 "url":\(status == "open" ? "\"https://checkout.example/\(id)\"" : "null"),"currency":"usd",
                 "payment_intent":\(intent),"metadata":{"souk_order":"\(order)","souk_operation":"\(operation)"},
                 "livemode":false,"expires_at":86400,"created":1000}
                """
        }
    }

    struct Intent: Sendable {
        let id: String
        let operation: String
        let order: String
        let amount: Int
        var fee: Int
        let destination: String
        var status = "requires_payment_method"
        /// Nil unless less than the amount was captured.
        var captured: Int?
        var charge: Charge?
        var declined = false
        var cancellationReason: String?

        var json: String {
            let error =
                #"{"type":"card_error","code":"card_declined","decline_code":"generic_decline","message":"No."}"#
            return """
                {"id":"\(id)","object":"payment_intent","amount":\(amount),"currency":"usd","status":"\(status)",
                 "client_secret":"\(id)_secret_x","latest_charge":\(charge.map { $0.json(of: self) } ?? "null"),
                 "last_payment_error":\(declined ? error : "null"),
                 "cancellation_reason":\(cancellationReason.map { "\"\($0)\"" } ?? "null"),
                 "metadata":{"souk_order":"\(order)","souk_operation":"\(operation)"},"livemode":false,"created":1000}
                """
        }

        mutating func pay(_ number: Int) {
            status = "succeeded"
            charge = Charge(id: "ch_\(number)")
        }
    }

    struct Charge: Sendable {
        let id: String
        var status = "succeeded"
        /// Stripe has filled in balance transaction, transfer and fee.
        var isComplete = false
        var refunds: [Refund] = []
        /// Reversals of the transfer and refunds of the fee that were made alone.
        var reversals: [Return] = []
        var feeRefunds: [Return] = []

        var refunded: Int { refunds.reduce(0) { $0 + ($1.status == "failed" ? 0 : $1.amount) } }

        func json(of intent: Intent) -> String {
            let reversals =
                (refunds.compactMap { $0.reversalJSON(of: id) } + reversals.map { $0.reversalJSON(of: id) })
                .joined(separator: ",")
            let transfer = """
                {"id":"tr_\(id)","object":"transfer","amount":\(intent.captured ?? intent.amount),"amount_reversed":0,"currency":"usd",
                 "destination":"\(intent.destination)","destination_payment":"py_\(id)","reversed":false,
                 "reversals":{"data":[\(reversals)],"has_more":false},"metadata":{},"livemode":false,"created":1000}
                """
            let feeRefunds =
                (refunds.compactMap { $0.feeRefundJSON(of: id) } + feeRefunds.map { $0.feeRefundJSON(of: id) })
                .joined(separator: ",")
            let fee = """
                {"id":"fee_\(id)","object":"application_fee","account":"\(intent.destination)","amount":\(intent.fee),
                 "amount_refunded":0,"currency":"usd","charge":"py_\(id)","refunded":false,
                 "refunds":{"data":[\(feeRefunds)],"has_more":false},"livemode":false,"created":1000}
                """
            return """
                {"id":"\(id)","object":"charge","amount":\(intent.amount),"amount_captured":\(intent.captured ?? intent.amount),
                 "application_fee_amount":\(intent.fee > 0 ? String(intent.fee) : "null"),
                 "amount_refunded":\(refunded),"currency":"usd","status":"\(status)","paid":\(status == "succeeded"),
                 "captured":true,"refunded":false,"payment_intent":"\(intent.id)",
                 "balance_transaction":\(isComplete ? "\"txn_\(id)\"" : "null"),
                 "transfer":\(isComplete && !intent.destination.isEmpty ? transfer : "null"),
                 "application_fee":\(isComplete && intent.fee > 0 ? fee : "null"),
                 "transfer_data":\(intent.destination.isEmpty ? "null" : #"{"destination":"\#(intent.destination)"}"#),
                 "refunds":{"data":[\(refunds.reversed().map { $0.json(of: id) }.joined(separator: ","))],
                 "has_more":false},"metadata":{"souk_order":"\(intent.order)"},"livemode":false,"created":1000}
                """
        }
    }

    /// What came back of a transfer or a fee by a call of its own.
    struct Return: Sendable {
        let id: String
        let amount: Int
        let operation: String?

        private var metadata: String { operation.map { #""souk_operation":"\#($0)""# } ?? "" }

        func reversalJSON(of charge: String) -> String {
            """
            {"id":"\(id)","object":"transfer_reversal","amount":\(amount),"currency":"usd",
             "transfer":"tr_\(charge)","metadata":{\(metadata)},"created":2500}
            """
        }

        func feeRefundJSON(of charge: String) -> String {
            """
            {"id":"\(id)","object":"fee_refund","amount":\(amount),"currency":"usd","fee":"fee_\(charge)",
             "metadata":{\(metadata)},"created":2500}
            """
        }
    }

    struct Refund: Sendable {
        let id: String
        let amount: Int
        var status = "succeeded"
        /// Nil without `reverse_transfer`.
        var reversal: Int?
        var feeRefund: Int?
        var operation: String?
        var created = 2000

        func json(of charge: String) -> String {
            """
            {"id":"\(id)","object":"refund","amount":\(amount),"currency":"usd","status":"\(status)",
             "charge":"\(charge)","transfer_reversal":\(reversal == nil ? "null" : "\"trr_\(id)\""),
             "metadata":{\(operation.map { "\"souk_operation\":\"\($0)\"" } ?? "")},"created":\(created)}
            """
        }

        func reversalJSON(of charge: String) -> String? {
            reversal.map {
                """
                {"id":"trr_\(id)","object":"transfer_reversal","amount":\($0),"currency":"usd",
                 "transfer":"tr_\(charge)","metadata":{},"created":\(created)}
                """
            }
        }

        func feeRefundJSON(of charge: String) -> String? {
            feeRefund.map {
                """
                {"id":"fr_\(id)","object":"fee_refund","amount":\($0),"currency":"usd","fee":"fee_\(charge)",
                 "metadata":{},"created":\(created)}
                """
            }
        }
    }
}

extension ScriptedStripe.World {
    mutating func number() -> Int {
        count += 1
        return count
    }

    fileprivate mutating func answer(_ method: String, _ path: String, _ form: [String: String]) -> (Int, String) {
        let parts = path.split(separator: "/").map(String.init)
        switch (method, parts.dropFirst().first, parts.count) {
        case ("POST", "checkout", 3):
            let session = ScriptedStripe.Session(
                id: "cs_\(number())", operation: form["metadata[souk_operation]"] ?? "",
                order: form["metadata[souk_order]"] ?? "", form: form)
            sessions[session.id] = session
            return (200, session.json(expanding: intents))
        case ("POST", "checkout", 5):
            guard var session = sessions[parts[3]], session.status == "open" else {
                return ScriptedStripe.refusal("checkout_session_not_open")
            }
            session.status = "expired"
            sessions[session.id] = session
            return (200, session.json(expanding: intents))
        case ("GET", "checkout", 4):
            return sessions[parts[3]].map { (200, $0.json(expanding: intents)) } ?? (404, "{}")
        case ("POST", "payment_intents", 2):
            let intent = begin(
                form, prefix: "", operation: form["metadata[souk_operation]"] ?? "",
                order: form["metadata[souk_order]"] ?? "", amount: form["amount"].flatMap { Int($0) } ?? 0)
            return (200, intent.json)
        case ("GET", "payment_intents", 3):
            return intents[parts[2]].map { (200, $0.json) } ?? (404, "{}")
        case ("POST", "payment_intents", 4):
            return act(parts[3], on: parts[2], form)
        case ("POST", "refunds", 2):
            return refund(form)
        case ("POST", "transfers", 4): return giveBack(form, of: parts[2], prefix: "tr_", \.reversals)
        case ("POST", "application_fees", 4): return giveBack(form, of: parts[2], prefix: "fee_", \.feeRefunds)
        default:
            return (404, #"{"error":{"type":"invalid_request_error","message":"not scripted: \#(path)"}}"#)
        }
    }

    /// What Checkout does when the buyer submits for the first time.
    mutating func begin(in session: String, amount: Int) -> String {
        guard let found = sessions[session] else { return "" }
        let intent = begin(
            found.form, prefix: "payment_intent_data", operation: found.operation, order: found.order, amount: amount)
        sessions[session]?.intent = intent.id
        return intent.id
    }

    private mutating func begin(
        _ form: [String: String], prefix: String, operation: String, order: String, amount: Int
    ) -> ScriptedStripe.Intent {
        func value(_ name: String, _ rest: String = "") -> String? {
            form[prefix.isEmpty ? name + rest : "\(prefix)[\(name)]\(rest)"]
        }
        let intent = ScriptedStripe.Intent(
            id: "pi_\(number())", operation: operation, order: order, amount: amount,
            fee: value("application_fee_amount").flatMap { Int($0) } ?? 0,
            destination: value("transfer_data", "[destination]") ?? "")
        intents[intent.id] = intent
        return intent
    }

    private mutating func act(_ action: String, on id: String, _ form: [String: String]) -> (Int, String) {
        guard var intent = intents[id] else { return (404, "{}") }
        let number = number()
        switch (action, intent.status) {
        case ("cancel", "requires_payment_method"), ("cancel", "requires_action"), ("cancel", "requires_capture"):
            intent.status = "canceled"
        case ("capture", "requires_capture"):
            intent.captured = form["amount_to_capture"].flatMap { Int($0) } ?? intent.amount
            intent.fee = form["application_fee_amount"].flatMap { Int($0) } ?? intent.fee
            intent.pay(number)
        default: return ScriptedStripe.refusal("payment_intent_unexpected_state")
        }
        intents[id] = intent
        return (200, intent.json)
    }

    private mutating func refund(_ form: [String: String]) -> (Int, String) {
        guard var intent = intents.values.first(where: { $0.charge?.id == form["charge"] }), let charge = intent.charge
        else { return (404, "{}") }
        let refund = ScriptedStripe.Refund(
            id: "re_\(number())", amount: form["amount"].flatMap { Int($0) } ?? intent.amount - charge.refunded,
            reversal: form["reverse_transfer"] == "true" ? intent.amount : nil,
            feeRefund: form["refund_application_fee"] == "true" ? intent.fee : nil,
            operation: form["metadata[souk_operation]"])
        intent.charge?.refunds.append(refund)
        intents[intent.id] = intent
        return (200, refund.json(of: charge.id))
    }

    private mutating func giveBack(
        _ form: [String: String], of object: String, prefix: String,
        _ list: WritableKeyPath<ScriptedStripe.Charge, [ScriptedStripe.Return]>
    ) -> (Int, String) {
        guard var intent = intents.values.first(where: { prefix + ($0.charge?.id ?? "") == object }),
            var charge = intent.charge, let amount = form["amount"].flatMap({ Int($0) })
        else { return (404, "{}") }
        let made = ScriptedStripe.Return(
            id: "\(prefix == "tr_" ? "trr" : "fr")_\(number())", amount: amount,
            operation: form["metadata[souk_operation]"])
        charge[keyPath: list].append(made)
        intent.charge = charge
        intents[intent.id] = intent
        return (200, prefix == "tr_" ? made.reversalJSON(of: charge.id) : made.feeRefundJSON(of: charge.id))
    }
}
