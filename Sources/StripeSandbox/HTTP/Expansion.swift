extension Turn {
    /// Puts whole objects in the place of the ids that `expand` names, at most four levels deep.
    func expanded(_ value: JSONValue) throws(StripeFailure) -> JSONValue {
        guard let paths = params["expand"]?.array, !paths.isEmpty else { return value }
        var value = value
        for path in paths {
            let names = (path.string ?? "").split(separator: ".").map(String.init)
            guard !names.isEmpty, names.count <= (names.first == "data" ? 5 : 4) else {
                throw .parameter(nil, "expand", "You cannot expand more than 4 levels of a property.")
            }
            try expand(&value, names[...], of: path.string ?? "")
        }
        return value
    }

    private func expand(
        _ value: inout JSONValue, _ names: ArraySlice<String>, of path: String
    ) throws(StripeFailure) {
        guard let name = names.first else { return }
        let rest = names.dropFirst()
        if value["object"] == "list", name == "data" {
            var data = value["data"].array ?? []
            for index in data.indices { try expand(&data[index], rest, of: path) }
            value["data"] = .array(data)
            return
        }
        if value.object?[name] == nil {
            if Self.absentUnlessSet[value["object"].string ?? ""]?.contains(name) == true { return }
            guard let included = try includable(name, of: value) else {
                throw .parameter(
                    nil, "expand[]",
                    "This property cannot be expanded (\(name)). You may want to leave '\(path)' out of expand.")
            }
            value[name] = included
        }
        switch value[name] {
        case .null: return
        case .string(let id):
            guard name != "id", let entry = world[id: id], !entry.type.hasPrefix("_") else {
                throw .parameter(nil, "expand[]", "This property cannot be expanded (\(name)).")
            }
            var object = shown(entry)
            try expand(&object, rest, of: path)
            value[name] = object
        case .array(var elements):
            for index in elements.indices {
                if let id = elements[index].string, let entry = world[id: id] { elements[index] = shown(entry) }
                try expand(&elements[index], rest, of: path)
            }
            value[name] = .array(elements)
        case .object:
            var object = value[name]
            try expand(&object, rest, of: path)
            value[name] = object
        default: throw .parameter(nil, "expand[]", "This property cannot be expanded (\(name)).")
        }
    }

    /// What can be expanded and is left out, not null, where there is nothing: a charge that was not paid has no transfer.
    private static let absentUnlessSet: [String: Set<String>] = ["charge": ["transfer"]]

    /// Parts that an answer carries only when asked for.
    private func includable(_ name: String, of value: JSONValue) throws(StripeFailure) -> JSONValue? {
        guard let id = value["id"].string, let entry = world[id: id] else { return nil }
        switch (entry.type, name) {
        case ("charge", "refunds"):
            let refunds = world.all(account: entry.account, type: "refund", field: "charge", value: id)
            return Self.embedded(refunds.reversed().map(\.value), url: "/v1/charges/\(id)/refunds")
        case ("checkout.session", "line_items"):
            return Self.embedded(
                entry.value["_line_items"].array ?? [], url: "/v1/checkout/sessions/\(id)/line_items")
        default: return nil
        }
    }

    private func shown(_ entry: World.Entry) -> JSONValue {
        entry.type == "event" ? shownEvent(entry.value) : entry.value
    }

    /// An event with the number of endpoints that have not acknowledged it yet.
    func shownEvent(_ event: JSONValue) -> JSONValue {
        var event = event
        event["pending_webhooks"] = .int(world.undelivered[event["id"].string ?? ""] ?? 0)
        return event
    }
}
