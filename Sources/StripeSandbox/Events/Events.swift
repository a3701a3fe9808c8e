/// `GET /v1/events`: what happened in the acting account during the last thirty days.
enum Events {
    static func declare(_ routes: inout RouteBuilder) throws {
        try routes.add("GET /v1/events", list)
        try routes.add("GET /v1/events/:id") { turn throws(StripeFailure) in
            turn.shownEvent(try turn.fromPath("id", "event"))
        }
    }

    static let list: Route.Answer = { turn throws(StripeFailure) in
        var types: [String]?
        if let several = turn.params["types"]?.array {
            guard !turn.has("type") else {
                throw .parameter("parameters_exclusive", "type", "You may only specify one of type or types.")
            }
            guard several.count <= 20 else { throw .parameter(nil, "types", "At most 20 types may be given.") }
            types = several.compactMap(\.string)
        } else if let one = turn.string("type") {
            types = [one]
        }
        let oldest = turn.now - 30 * 86_400
        let page = try turn.page(of: "event", url: "/v1/events") { event in
            guard (event["created"].int ?? 0) >= oldest else { return false }
            if let types, !types.contains(where: { Self.matches(event["type"].string ?? "", $0) }) { return false }
            guard let wanted = turn.bool("delivery_success") else { return true }
            return wanted == (turn.world.undelivered[event["id"].string ?? ""] == nil)
        }
        var shown = page
        shown["data"] = .array((page["data"].array ?? []).map(turn.shownEvent))
        return shown
    }

    /// `charge.*` names every type that begins so.
    private static func matches(_ type: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? type.hasPrefix(pattern.dropLast()) : type == pattern
    }
}
