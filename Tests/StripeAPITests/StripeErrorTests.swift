import Domain
import StripeAPI
import Testing
import Transport

@Suite struct StripeErrorTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let error: String
        let kind: StripeError.Kind
        let code: ErrorCode
        let outcome: OperationOutcome

        init(
            _ status: Int, _ error: String, _ kind: StripeError.Kind, _ code: ErrorCode, _ outcome: OperationOutcome
        ) {
            self.status = status
            self.error = error
            self.kind = kind
            self.code = code
            self.outcome = outcome
        }

        var testDescription: String { "\(status) \(error)" }
        var answer: StripeAnswer {
            StripeAPITests.answer(status, error.isEmpty ? "" : #"{"error":{\#(error)}}"#, [("Request-Id", "req_1")])
        }
    }

    static let rows = [
        Row(400, #""type":"invalid_request_error""#, .invalidRequest, .stripeRefused, .definiteRefusal),
        Row(
            400, #""type":"invalid_request_error","code":"balance_insufficient""#, .invalidRequest, .stripeRefused,
            .definiteRefusal),
        Row(400, #""type":"idempotency_error""#, .idempotencyMismatch, .stripeRefused, .idempotencyBug),
        Row(409, #""type":"idempotency_error""#, .idempotencyMismatch, .stripeRefused, .idempotencyBug),
        Row(401, #""type":"invalid_request_error""#, .authentication, .stripeUnavailable, .indefinite),
        Row(
            402, #""type":"card_error","code":"card_declined","decline_code":"generic_decline""#, .cardDeclined,
            .stripeRefused, .definiteRefusal),
        Row(403, #""type":"invalid_request_error""#, .permission, .stripeRefused, .definiteRefusal),
        Row(
            403, #""type":"invalid_request_error","code":"account_invalid""#, .accountInaccessible, .stripeRefused,
            .definiteRefusal),
        Row(
            404, #""type":"invalid_request_error","code":"resource_missing""#, .notFound, .stripeRefused,
            .definiteRefusal),
        Row(
            409, #""type":"invalid_request_error","code":"idempotency_key_in_use""#, .keyInUse, .stripeUnavailable,
            .indefinite),
        Row(409, #""type":"invalid_request_error""#, .conflict, .stripeUnavailable, .indefinite),
        Row(424, #""type":"api_error""#, .dependencyFailed, .stripeUnavailable, .indefinite),
        Row(
            429, #""type":"invalid_request_error","code":"rate_limit""#, .rateLimited, .stripeUnavailable, .indefinite),
        Row(
            429, #""type":"invalid_request_error","code":"lock_timeout""#, .objectLocked, .stripeUnavailable,
            .indefinite),
        Row(500, #""type":"api_error""#, .stripeFailure, .stripeUnavailable, .indefinite),
        Row(502, "", .stripeFailure, .stripeUnavailable, .indefinite),
        Row(503, #""type":"api_error""#, .stripeFailure, .stripeUnavailable, .indefinite),
        Row(504, "", .stripeFailure, .stripeUnavailable, .indefinite),
        Row(400, #""type":"a_new_type","code":"a_new_code""#, .invalidRequest, .stripeRefused, .definiteRefusal),
        Row(403, "", .unexpected, .stripeUnavailable, .indefinite),
        Row(404, #""message":"not Stripe's""#, .unexpected, .stripeUnavailable, .indefinite),
        Row(302, "", .unexpected, .stripeUnavailable, .indefinite),
        Row(418, #""type":"invalid_request_error""#, .unexpected, .stripeUnavailable, .indefinite),
    ]

    @Test("every status and type of Stripe's table has its kind, its code and its outcome", arguments: rows)
    func table(row: Row) {
        let error = StripeError(row.answer)
        #expect(error.kind == row.kind)
        #expect(error.code == row.code)
        #expect(error.status == row.status)
        #expect(error.requestID == "req_1")
        #expect(OperationOutcome(row.answer, sinceFirstSend: .seconds(60)) == row.outcome)
    }

    @Test("after 23 hours a refusal proves nothing", arguments: [400, 402, 403, 404])
    func lateRefusal(status: Int) {
        let late = answer(status, #"{"error":{"type":"invalid_request_error"}}"#)
        #expect(OperationOutcome(late, sinceFirstSend: .seconds(23 * 3600 - 1)) == .definiteRefusal)
        #expect(OperationOutcome(late, sinceFirstSend: .seconds(23 * 3600)) == .indefinite)
    }

    @Test("a stored failure is looked up, a stored success is a success")
    func replays() {
        let replayed = [("Idempotent-Replayed", "true")]
        for status in [500, 502, 503, 504] {
            #expect(OperationOutcome(answer(status, "", replayed), sinceFirstSend: .zero) == .replayed5xx)
            #expect(OperationOutcome(answer(status), sinceFirstSend: .zero) == .indefinite)
        }
        #expect(OperationOutcome(answer(200, "{}", replayed), sinceFirstSend: .seconds(1)) == .succeeded)
        let declined = answer(402, #"{"error":{"type":"card_error"}}"#, replayed)
        #expect(OperationOutcome(declined, sinceFirstSend: .seconds(1)) == .definiteRefusal)
    }

    @Test("no answer is never a refusal", arguments: [TransportError.Kind.connect, .timeout, .connectionLost, .tls])
    func noAnswer(kind: TransportError.Kind) {
        for sent in [true, false] {
            let error = TransportError(kind, requestMayHaveBeenSent: sent, message: "")
            #expect(OperationOutcome(error) == .indefinite)
        }
    }

    @Test("every field that we act on is read")
    func fields() {
        let error = StripeError(
            answer(
                402,
                """
                {"error":{"type":"card_error","code":"card_declined","decline_code":"lost_card","advice_code":"do_not_try_again",
                "param":"payment_method","message":"Your card has been lost.","charge":"ch_1","new_field":{"a":1},
                "payment_intent":{"id":"pi_1","object":"payment_intent","status":"requires_payment_method"}}}
                """, [("Request-Id", "req_9"), ("Idempotent-Replayed", "true"), ("Retry-After", "3")]))
        #expect(error.type == .card && error.stripeCode == .cardDeclined && error.declineCode == .lostCard)
        #expect(error.adviceCode == "do_not_try_again" && error.stripeParameter == "payment_method")
        #expect(error.charge == "ch_1" && error.paymentIntent == "pi_1")
        #expect(error.requestID == "req_9" && error.isReplay && error.retryAfter == .seconds(3))
        #expect(error.message == "The card was declined.", "a payer is not told that the card was reported lost")
        #expect(!"\(error)".contains("Your card"), "logs do not quote Stripe's sentence")
    }
}
