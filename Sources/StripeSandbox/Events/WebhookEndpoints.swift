/// `/v1/webhook_endpoints`: where the platform's own events (account endpoints) and those of its connected accounts
/// (Connect endpoints) are sent.
enum WebhookEndpoints {
    static let most = 16

    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("POST /v1/webhook_endpoints", platformOnly: true, create)
        try routes.add("GET /v1/webhook_endpoints", platformOnly: true) { turn throws(StripeFailure) in
            try turn.page(of: "webhook_endpoint", url: "/v1/webhook_endpoints")
        }
        try routes.add("GET /v1/webhook_endpoints/:endpoint", platformOnly: true) { turn throws(StripeFailure) in
            try turn.fromPath("endpoint", "webhook_endpoint")
        }
        try routes.add("POST /v1/webhook_endpoints/:endpoint", platformOnly: true, update)
        try routes.add("DELETE /v1/webhook_endpoints/:endpoint", platformOnly: true, delete)
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        guard turn.world.slots(account: turn.account, type: "webhook_endpoint").count < most else {
            throw .state(nil, "You have reached the maximum of \(most) test webhook endpoints.")
        }
        let url = try checkedURL(turn.required("url"))
        let types = try checkedTypes(turn)
        let version = turn.string("api_version")
        guard version == nil || version == SandboxVersion.pinned else {
            throw .notSimulated("events of another API version than \(SandboxVersion.pinned)", param: "api_version")
        }
        let secret = "whsec_" + turn.random(32)
        let endpoint = turn.insert(
            "webhook_endpoint",
            [
                "id": .string(turn.newID("we")), "object": "webhook_endpoint",
                "api_version": .optional(version), "application": .null, "created": .int(turn.now),
                "description": turn.params["description"] ?? .null, "enabled_events": .list(types),
                "livemode": false, "metadata": try turn.mergedMetadata(.null), "status": "enabled",
                "url": .string(url), "_connect": .bool(turn.bool("connect") ?? false), "_secret": .string(secret),
            ])
        var answer = endpoint
        answer["secret"] = .string(secret)
        return answer
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        let id = try turn.fromPath("endpoint", "webhook_endpoint")["id"].string ?? ""
        let url = try turn.string("url").map(checkedURL)
        let types = turn.has("enabled_events") ? try checkedTypes(turn) : nil
        let metadata = try turn.mergedMetadata(turn.current(id)["metadata"])
        if turn.bool("disabled") == true { stopDeliveries(to: id, turn) }
        return turn.update(id) { endpoint in
            if let url { endpoint["url"] = .string(url) }
            if let types { endpoint["enabled_events"] = .list(types) }
            if let disabled = turn.bool("disabled") { endpoint["status"] = disabled ? "disabled" : "enabled" }
            if let description = turn.params["description"] { endpoint["description"] = description }
            endpoint["metadata"] = metadata
        }
    }

    static let delete: Route.Answer = { turn throws(StripeFailure) in
        let id = try turn.fromPath("endpoint", "webhook_endpoint")["id"].string ?? ""
        stopDeliveries(to: id, turn)
        turn.remove(id)
        return ["id": .string(id), "object": "webhook_endpoint", "deleted": true]
    }

    /// What was still to be tried is given up, also should the endpoint be enabled again.
    private static func stopDeliveries(to endpoint: String, _ turn: Turn) {
        for entry in turn.world.all(account: turn.world.platform, type: "_delivery")
        where entry.value["endpoint"].string == endpoint && entry.value["status"] == "pending" {
            let id = entry.value["id"].string ?? ""
            turn.cancelJob("attemptDelivery:\(id)")
            turn.update(id) { $0["status"] = "stopped" }
        }
    }

    private static func checkedURL(_ url: String) throws(StripeFailure) -> String {
        guard url.hasPrefix("http://") || url.hasPrefix("https://"), url.count > 8, !url.contains(" ") else {
            throw .parameter("url_invalid", "url", "Invalid URL: An explicit scheme (such as https) must be provided.")
        }
        return url
    }

    private static func checkedTypes(_ turn: Turn) throws(StripeFailure) -> [String] {
        let types = turn.params["enabled_events"]?.array?.compactMap(\.string) ?? []
        guard !types.isEmpty else {
            throw .parameter(
                "parameter_invalid_empty", "enabled_events", "You must name at least one event type, or '*'.")
        }
        return types
    }
}
