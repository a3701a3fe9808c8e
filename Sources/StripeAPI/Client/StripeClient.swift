import Cryptography
import Domain
package import Logging
import Metrics
package import Transport

/// Talks to Stripe, or to what stands in for it: one place for keys, versions, budget, retries and logs.
package final class StripeClient: Sendable {
    package struct Configuration: Sendable {
        /// `sk_…` or `rk_…`. Never logged.
        package var secretKey: String
        /// Without a slash at the end.
        package var baseURL: String
        package var retries: RetryPolicy
        /// The steady rate of this process. Stripe allows 100 a second in live mode and 25 in test mode, to all
        /// processes of a platform together.
        package var requestsPerSecond: Int
        /// Of one try. The lease of an operation must outlive it.
        package var timeout: Duration
        package var connectTimeout: Duration
        package var time: StripeTime

        package init(
            secretKey: String,
            baseURL: String = "https://api.stripe.com",
            retries: RetryPolicy = RetryPolicy(),
            requestsPerSecond: Int? = nil,
            timeout: Duration = .seconds(60),
            connectTimeout: Duration = .seconds(10),
            time: StripeTime = .continuous
        ) {
            self.secretKey = secretKey
            self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
            self.retries = retries
            self.requestsPerSecond =
                requestsPerSecond
                ?? Self.allowance(secretKey: secretKey, isStripe: baseURL.hasPrefix("https://api.stripe.com"))
            self.timeout = timeout
            self.connectTimeout = connectTimeout
            self.time = time
        }

        /// Nine tenths of Stripe's limits, since its second and ours do not begin together. A simulator has no limit.
        private static func allowance(secretKey: String, isStripe: Bool) -> Int {
            guard isStripe else { return 10_000 }
            return secretKey.contains("_live_") ? 90 : 22
        }
    }

    private let configuration: Configuration
    private let http: HTTPClient
    private let budget: RateBudget
    private let logger: Logger

    package init(configuration: Configuration, http: HTTPClient, logger: Logger) {
        self.configuration = configuration
        self.http = http
        self.logger = logger
        budget = RateBudget(requestsPerSecond: configuration.requestsPerSecond, time: configuration.time)
    }

    /// Whether the key belongs to live mode. Restricted keys say so too.
    package var isLivemode: Bool { configuration.secretKey.contains("_live_") }

    /// Makes the call, repeating it under one idempotency key where Stripe's rules allow.
    ///
    /// - Parameters:
    ///   - call: what to do.
    ///   - idempotencyKey: for a POST that shall be the same one when this process is asked again; else one is made.
    ///   - priority: who waits for it.
    /// - Returns: the object that Stripe answers.
    /// - Throws: `StripeError` if Stripe refused or failed, `StripeUnavailable` if no answer came,
    ///   `StripeAnswerUnreadable` if its answer lacks something, `CancellationError`.
    package func send<Call: StripeCall>(
        _ call: Call, idempotencyKey: String? = nil, priority: StripePriority = .caller
    ) async throws -> Call.Answer {
        var request = call.request
        if let idempotencyKey { request.idempotencyKey = idempotencyKey }
        return try await answer(to: request, priority: priority).decode(Call.Answer.self)
    }

    /// Like `send`, for a request whose answer is judged by the caller: a refusal is an answer here.
    package func answer(to request: StripeRequest, priority: StripePriority = .caller) async throws -> StripeAnswer {
        var request = request
        if request.method == .post, request.idempotencyKey == nil {
            request.idempotencyKey = "souk_call_" + Hex.encode(randomBytes(16))
        }
        var retriesDone = 0
        while true {
            try await budget.take(priority)
            let jitter = Double.random(in: 0...1)
            let pause: Duration
            do throws(TransportError) {
                let answer = try await exchange(request, retriesDone: retriesDone)
                let next = configuration.retries.pause(after: answer, retriesDone: retriesDone, jitter: jitter)
                guard let next else { return answer }
                pause = next
            } catch {
                if error.kind == .canceled { throw CancellationError() }
                let next = configuration.retries.pause(after: error, retriesDone: retriesDone, jitter: jitter)
                guard let next else { throw StripeUnavailable(error) }
                pause = next
            }
            retriesDone += 1
            try await configuration.time.sleep(pause)
        }
    }

    /// One try, exactly these bytes, no repetition: for the operations worker, which decides by itself what comes next.
    ///
    /// - Parameters:
    ///   - request: as it was stored.
    ///   - priority: who waits for it.
    ///   - latestStart: when it may no longer be sent, however long it has waited for its turn.
    /// - Returns: the answer, of whatever status.
    /// - Throws: `TransportError` if no whole answer came; its `requestMayHaveBeenSent` tells whether it may have arrived.
    ///   `.canceled` or `.timeout`, and then never sent, if the task is canceled while it waits for its turn, or its turn
    ///   does not come in time.
    package func sendOnce(
        _ request: StripeRequest, priority: StripePriority = .operation,
        startingBefore latestStart: ContinuousClock.Instant
    ) async throws(TransportError) -> StripeAnswer {
        let isItsTurn: Bool
        do {
            isItsTurn = try await budget.take(priority, before: latestStart)
        } catch {
            throw TransportError(
                .canceled, requestMayHaveBeenSent: false, message: "canceled while it waited for the request budget")
        }
        // Looked at once more: the process may have been stopped meanwhile.
        guard isItsTurn, ContinuousClock.now < latestStart else {
            throw TransportError(
                .timeout, requestMayHaveBeenSent: false, message: "Stripe's limits left it no turn in time")
        }
        return try await exchange(request, retriesDone: 0)
    }

    private func exchange(
        _ request: StripeRequest, retriesDone: Int
    ) async throws(TransportError) -> StripeAnswer {
        let begin = configuration.time.now()
        let outcome: Result<HTTPResponse, TransportError>
        do throws(TransportError) {
            outcome = .success(try await http.execute(httpRequest(request)))
        } catch {
            outcome = .failure(error)
        }
        let took = configuration.time.now() - begin
        switch outcome {
        case .success(let response):
            let answer = StripeAnswer(response)
            report(request, answer, took: took, retriesDone: retriesDone)
            if answer.status == 429, answer.headers["Stripe-Rate-Limited-Reason"] == "global-rate" {
                budget.pause(for: answer.retryAfter ?? .milliseconds(500))
            }
            return answer
        case .failure(let error):
            count(request, outcome: error.kind.rawValue, took: took)
            logger.warning(
                "no answer from Stripe",
                metadata: [
                    "method": "\(request.method.rawValue)", "path": "\(request.pathForLogs)", "error": "\(error)",
                    "retry": "\(retriesDone)",
                ])
            throw error
        }
    }

    private func httpRequest(_ request: StripeRequest) -> HTTPRequest {
        var headers = [
            ("Authorization", "Bearer \(configuration.secretKey)"),
            ("Stripe-Version", request.version),
            ("User-Agent", "souk"),
        ]
        if let account = request.account { headers.append(("Stripe-Account", account.rawValue)) }
        if request.method == .post {
            headers.append(("Content-Type", "application/x-www-form-urlencoded"))
            if let key = request.idempotencyKey { headers.append(("Idempotency-Key", key)) }
        }
        return HTTPRequest(
            method: request.method.http, url: configuration.baseURL + request.path, headers: headers,
            body: request.body, timeout: configuration.timeout, connectTimeout: configuration.connectTimeout)
    }

    private func report(_ request: StripeRequest, _ answer: StripeAnswer, took: Duration, retriesDone: Int) {
        count(request, outcome: "\(answer.status)", took: took)
        var metadata: Logger.Metadata = [
            "method": "\(request.method.rawValue)", "path": "\(request.pathForLogs)", "status": "\(answer.status)",
            "request_id": "\(answer.requestID ?? "none")", "took": "\(took)",
        ]
        if let account = request.account { metadata["account"] = "\(account)" }
        if retriesDone > 0 { metadata["retry"] = "\(retriesDone)" }
        if answer.isReplay { metadata["replay"] = "true" }
        if answer.isSuccess {
            logger.debug("Stripe answered", metadata: metadata)
        } else {
            metadata["error"] = "\(StripeError(answer))"
            logger.notice("Stripe refused", metadata: metadata)
        }
    }

    private func count(_ request: StripeRequest, outcome: String, took: Duration) {
        let dimensions = [("method", request.method.rawValue), ("outcome", outcome)]
        Counter(label: "souk_stripe_requests_total", dimensions: dimensions).increment()
        let (seconds, attoseconds) = took.components
        Timer(label: "souk_stripe_request_seconds").recordNanoseconds(
            seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension StripeRequest.Method {
    fileprivate var http: HTTPRequest.Method {
        switch self {
        case .get: .get
        case .post: .post
        case .delete: .delete
        }
    }
}
