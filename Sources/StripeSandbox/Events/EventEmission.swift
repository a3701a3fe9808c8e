extension Turn {
    /// Records that something happened to an object as it now is, and sends it to the endpoints that listen.
    ///
    /// An event belongs to the account of its object: the platform's go to account endpoints, those of connected
    /// accounts to Connect endpoints and carry `account` (docs/sandbox.md, "Events and webhooks").
    func emit(
        _ type: String, _ object: JSONValue, in account: String? = nil, previous: JSONObject? = nil
    ) {
        let owner = account ?? self.account
        let id = newID("evt")
        var data: JSONObject = ["object": object.withoutNotes]
        if let previous { data["previous_attributes"] = .object(previous) }
        var event: JSONObject = ["id": .string(id), "object": "event"]
        if owner != world.platform { event["account"] = .string(owner) }
        event["api_version"] = .string(SandboxVersion.pinned)
        event["created"] = .int(now)
        event["data"] = .object(data)
        event["livemode"] = false
        event["pending_webhooks"] = 0
        event["request"] = [
            "id": .optional(origin?.requestID), "idempotency_key": .optional(origin?.idempotencyKey),
        ]
        event["type"] = .string(type)
        _ = insert("event", .object(event), in: owner)
        for endpoint in world.all(account: world.platform, type: "webhook_endpoint") {
            deliver(id, type: type, of: owner, to: endpoint.value)
        }
    }

    private func deliver(_ event: String, type: String, of owner: String, to endpoint: JSONValue) {
        let isConnect = endpoint["_connect"] == true
        guard endpoint["status"] == "enabled", isConnect == (owner != world.platform),
            let enabled = endpoint["enabled_events"].array,
            enabled.contains("*") || enabled.contains(.string(type))
        else { return }
        let delivery = insert(
            "_delivery",
            [
                "id": .string(newID("dlv")), "event": .string(event), "type": .string(type),
                "endpoint": endpoint["id"], "account": .string(owner), "status": "pending", "attempts": [],
            ], in: world.platform)
        announce(delivery: delivery["id"].string ?? "")
    }

    /// The members of `old` that differ in `new`, as `previous_attributes` shows them: nested where a hash changed.
    static func differences(from old: JSONValue, to new: JSONValue) -> JSONObject {
        var previous = JSONObject()
        for (key, value) in old.object?.pairs ?? JSONObject().pairs where !key.hasPrefix("_") && new[key] != value {
            if value.object != nil, new[key].object != nil {
                previous[key] = .object(differences(from: value, to: new[key]))
            } else {
                previous[key] = value
            }
        }
        for key in new.object?.keys ?? [] where !key.hasPrefix("_") && old.object?[key] == nil {
            previous[key] = .null
        }
        return previous
    }

    /// Changes an object and emits its `.updated` event when something that is shown differs.
    @discardableResult
    func updateAndEmit(
        _ id: String, _ type: String, in account: String? = nil, _ body: (inout JSONValue) -> Void
    ) -> JSONValue {
        let old = current(id)
        let new = update(id, body)
        let previous = Self.differences(from: old, to: new)
        if !previous.isEmpty { emit(type, new, in: account, previous: previous) }
        return new
    }
}

extension JSONValue {
    /// The value without the sandbox's own notes, at every depth.
    var withoutNotes: JSONValue {
        switch self {
        case .object(let object):
            var result = JSONObject(capacity: object.count)
            for (key, value) in object.pairs where !key.hasPrefix("_") { result.append(key, value.withoutNotes) }
            return .object(result)
        case .array(let values): return .array(values.map(\.withoutNotes))
        default: return self
        }
    }
}

/// The API version that the sandbox speaks.
enum SandboxVersion {
    static let pinned = "2026-10-28.endive"
}
