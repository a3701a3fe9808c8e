/// A refusal as Stripe sends it: status, `error` object, and whether what the request did so far stays done.
struct StripeFailure: Error {
    let status: Int
    var body: JSONObject
    /// A declined payment keeps its failed charge; every other refusal leaves nothing behind.
    var keepsEffects = false
    /// Whether the answer is replayed under the same idempotency key: not for parameter checks, 401 and 429.
    var isSaved = true

    init(_ status: Int, type: String, code: String? = nil, param: String? = nil, _ message: String) {
        self.status = status
        body = ["type": .string(type), "message": .string(message)]
        if let code {
            body["code"] = .string(code)
            body["doc_url"] = .string("https://stripe.com/docs/error-codes/\(code.replacing("_", with: "-"))")
        }
        if let param { body["param"] = .string(param) }
    }

    /// 400: a bad or missing parameter, found before anything ran; not kept under the idempotency key.
    static func parameter(_ code: String?, _ param: String?, _ message: String) -> StripeFailure {
        var failure = StripeFailure(400, type: "invalid_request_error", code: code, param: param, message)
        failure.isSaved = false
        return failure
    }

    /// 400: the request made sense but the state refuses it.
    static func state(_ code: String?, _ message: String, param: String? = nil) -> StripeFailure {
        StripeFailure(400, type: "invalid_request_error", code: code, param: param, message)
    }

    /// 404: the object that the path names does not exist.
    static func missing(_ kind: String, _ id: String, param: String = "id") -> StripeFailure {
        StripeFailure(
            404, type: "invalid_request_error", code: "resource_missing", param: param, "No such \(kind): '\(id)'")
    }

    /// 400: an object that a parameter names does not exist.
    static func missingReference(_ kind: String, _ id: String, param: String) -> StripeFailure {
        StripeFailure(
            400, type: "invalid_request_error", code: "resource_missing", param: param, "No such \(kind): '\(id)'")
    }

    /// 400: Stripe would do this; the sandbox does not, and says so instead of pretending.
    static func notSimulated(_ what: String, param: String? = nil) -> StripeFailure {
        var failure = StripeFailure.parameter(
            "sandbox_not_simulated", param,
            "The Souk sandbox does not simulate \(what). Stripe itself knows it; leave it out here.")
        failure.body["doc_url"] = nil
        return failure
    }

    static func malformed(_ message: String) -> StripeFailure { .parameter(nil, nil, message) }
}
