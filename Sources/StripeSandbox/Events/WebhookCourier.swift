import Cryptography
import Logging
import ServiceLifecycle
import Transport

/// Carries events to the endpoints: signs each attempt, repeats what was not answered with 2xx.
struct WebhookCourier: Service {
    /// Deliveries under way at one time; Stripe's own number is not published.
    private static let mostAtOnce = 16

    let engine: SandboxEngine
    let deliveries: AsyncStream<String>
    let logger: Logger

    func run() async throws {
        let client = HTTPClient()
        defer { client.shutdown() }
        await withTaskGroup(of: Void.self) { group in
            var active = 0
            for await id in deliveries.cancelOnGracefulShutdown() {
                if active >= Self.mostAtOnce {
                    await group.next()
                    active -= 1
                }
                active += 1
                group.addTask { await attempt(id, client) }
            }
            group.cancelAll()
        }
    }

    private func attempt(_ id: String, _ client: HTTPClient) async {
        if let delivery = await engine.deliveryToSend(id) {
            if delivery.delayMilliseconds > 0 { try? await Task.sleep(for: .milliseconds(delivery.delayMilliseconds)) }
            var outcome = DeliveryOutcome(status: nil, error: "lost by the fault plan")
            if !delivery.isLost {
                for _ in 0..<(delivery.isDoubled ? 2 : 1) { outcome = await send(delivery, client) }
            }
            do {
                try await engine.record(outcome, of: delivery)
            } catch {
                logger.error("delivery not recorded", metadata: ["delivery": "\(id)", "error": "\(error)"])
            }
        }
        await engine.deliveryEnded()
    }

    private func send(_ delivery: OutgoingDelivery, _ client: HTTPClient) async -> DeliveryOutcome {
        let request = HTTPRequest(
            method: .post, url: delivery.url,
            headers: [
                ("Content-Type", "application/json; charset=utf-8"), ("User-Agent", "Stripe/1.0 (Souk sandbox)"),
                ("Stripe-Signature", Self.signature(of: delivery.body, secret: delivery.secret)),
            ], body: delivery.body, timeout: delivery.timeout)
        do throws(TransportError) {
            return DeliveryOutcome(status: try await client.execute(request).status, error: nil)
        } catch {
            return DeliveryOutcome(status: nil, error: error.description)
        }
    }

    /// `t=…,v1=…` over the machine's time, not the sandbox's (docs/sandbox.md, "Events and webhooks").
    static func signature(of body: [UInt8], secret: String) -> String {
        let time = String(WallClock.milliseconds() / 1000)
        var code = HMACSHA256(key: Array(secret.utf8))
        code.update(Array("\(time).".utf8))
        code.update(body)
        return "t=\(time),v1=\(Hex.encode(code.finalize()))"
    }
}

/// One attempt to deliver, with the bytes to send.
struct OutgoingDelivery: Sendable {
    let id: String
    let url: String
    let secret: String
    let body: [UInt8]
    let timeout: Duration
    let isLost: Bool
    let isDoubled: Bool
    let delayMilliseconds: Int64
}

struct DeliveryOutcome: Sendable {
    /// nil when no answer came.
    let status: Int?
    let error: String?

    var isSuccess: Bool { status.map { (200..<300).contains($0) } ?? false }
}

extension SandboxEngine {
    /// What to send for a delivery now; nil when its endpoint is gone or disabled, which ends it.
    func deliveryToSend(_ id: String) -> OutgoingDelivery? {
        let timeout = behaviour.deliveryTimeoutSeconds
        let plan = faults.webhooks
        let isLost = faults.happens(plan.lose)
        let isDoubled = faults.happens(plan.duplicate)
        let isLate = faults.happens(plan.reorder)
        return read { world in
            guard let delivery = world[id: id]?.value, delivery["status"] == "pending",
                let endpoint = world[id: delivery["endpoint"].string ?? ""]?.value, endpoint["status"] == "enabled",
                var event = world[id: delivery["event"].string ?? ""]?.value
            else { return nil }
            event["pending_webhooks"] = .int(world.undelivered[event["id"].string ?? ""] ?? 1)
            return OutgoingDelivery(
                id: id, url: endpoint["url"].string ?? "", secret: endpoint["_secret"].string ?? "",
                body: JSONWriter.answer(event), timeout: .seconds(timeout), isLost: isLost, isDoubled: isDoubled,
                delayMilliseconds: plan.delayMilliseconds + (isLate ? 300 : 0))
        }
    }

    /// Writes down how an attempt ended and plans the next one, if any is left.
    func record(_ outcome: DeliveryOutcome, of delivery: OutgoingDelivery) throws {
        try turn { turn throws(StripeFailure) in
            let attempts = (turn.current(delivery.id)["attempts"].array ?? []).count
            let attempt: JSONValue = [
                "at": .int(WallClock.milliseconds() / 1000), "status": .optional(outcome.status.map(Int64.init)),
                "error": .optional(outcome.error),
            ]
            let pauses = turn.behaviour.retryPauses
            let isOver = delivery.isLost || attempts >= pauses.count
            let isStopped = turn.current(delivery.id)["status"] == "stopped"
            turn.update(delivery.id) { value in
                value["attempts"] = .array((value["attempts"].array ?? []) + [attempt])
                if outcome.isSuccess {
                    value["status"] = "succeeded"
                } else if !isStopped {
                    value["status"] = isOver ? "failed" : "pending"
                }
            }
            if !outcome.isSuccess, !isOver, !isStopped {
                turn.schedule(.attemptDelivery, delivery.id, after: pauses[attempts] * 1000, in: turn.world.platform)
            }
        }
    }
}
