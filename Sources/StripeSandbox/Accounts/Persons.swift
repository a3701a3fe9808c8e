/// `/v1/accounts/:id/persons`: who stands behind a company.
enum Persons {
    static func declare(_ routes: inout RouteBuilder) throws {
        let base = "/v1/accounts/:account/persons"
        try routes.add("POST \(base)", create)
        try routes.add("GET \(base)") { turn throws(StripeFailure) in
            let id = try Accounts.account(turn)
            let wanted = turn.params["relationship"]?.object?.pairs.filter { $0.1 == true }.map(\.0) ?? []
            return try turn.page(of: "person", url: "/v1/accounts/\(id)/persons", in: id) { person in
                wanted.allSatisfy { person["relationship"][$0] == true }
            }
        }
        try routes.add("GET \(base)/:person") { turn throws(StripeFailure) in try find(turn) }
        try routes.add("POST \(base)/:person", update)
        try routes.add("DELETE \(base)/:person") { turn throws(StripeFailure) in
            let person = try find(turn)
            turn.remove(person["id"].string ?? "")
            turn.emit("person.deleted", person, in: person["account"].string)
            return ["id": person["id"], "object": "person", "deleted": true]
        }
    }

    private static func find(_ turn: Turn) throws(StripeFailure) -> JSONValue {
        try turn.fromPath("person", "person", in: try Accounts.account(turn))
    }

    private static func facts(_ params: JSONObject, _ old: JSONValue) -> JSONValue {
        var facts = old.object ?? [:]
        for (field, value) in AccountFacts.facts(in: ["individual": .object(params)]) {
            facts[field] = .string(value)
        }
        return .object(facts)
    }

    static let create: Route.Answer = { turn throws(StripeFailure) in
        let account = try Accounts.account(turn)
        let facts = facts(turn.params, .null)
        var person = object(
            id: turn.newID("person"), account: account, created: turn.now, who: "individual", facts: facts,
            relationship: turn.params["relationship"] ?? [:])
        person["metadata"] = try turn.mergedMetadata(.null)
        person["_facts"] = facts
        let made = turn.insert("person", person, in: account)
        turn.emit("person.created", made, in: account)
        give(made, facts, turn)
        return made
    }

    static let update: Route.Answer = { turn throws(StripeFailure) in
        let old = try find(turn)
        let account = old["account"].string ?? ""
        let facts = facts(turn.params, old["_facts"])
        var relationship = old["relationship"]
        for (key, value) in turn.params["relationship"]?.object?.pairs ?? JSONObject().pairs {
            relationship[key] = value
        }
        var person = object(
            id: old["id"].string ?? "", account: account, created: old["created"].int ?? 0, who: "individual",
            facts: facts, relationship: relationship)
        person["metadata"] = try turn.mergedMetadata(old["metadata"])
        person["_facts"] = facts
        let result = person
        let new = turn.updateAndEmit(result["id"].string ?? "", "person.updated", in: account) { $0 = result }
        give(new, facts, turn)
        return new
    }

    /// A representative's or owner's facts fulfil the account's requirements of that name.
    private static func give(_ person: JSONValue, _ facts: JSONValue, _ turn: Turn) {
        var given: [String: String] = [:]
        for (role, name) in [("representative", "representative"), ("owner", "owners")]
        where person["relationship"][role] == true {
            for (field, value) in facts.object?.pairs ?? JSONObject().pairs {
                given[field.replacing("individual.", with: "\(name).")] = value.string
            }
            for (key, value) in person["relationship"].object?.pairs ?? JSONObject().pairs
            where !value.isNull && value != false {
                given["\(name).relationship.\(key)"] = value.string ?? "true"
            }
        }
        guard !given.isEmpty else { return }
        let facts = given
        Accounts.change(person["account"].string ?? "", turn) { AccountFacts.take(facts, into: &$0) }
    }

    static func object(
        id: String, account: String, created: Int64, who: String, facts: JSONValue, relationship: JSONValue
    ) -> JSONValue {
        func fact(_ name: String) -> JSONValue { facts["\(who).\(name)"] }
        func number(_ name: String) -> JSONValue { .optional(fact(name).string.flatMap { Int64($0) }) }
        var metadata = JSONObject()
        for (field, value) in facts.object?.pairs ?? JSONObject().pairs
        where field.hasPrefix("\(who).metadata.") && value != "" {
            metadata[String(field.dropFirst("\(who).metadata.".count))] = value
        }
        let document: JSONValue = [
            "back": fact("verification.document.back"), "details": .null, "details_code": .null,
            "front": fact("verification.document.front"),
        ]
        return [
            "id": .string(id), "object": "person", "account": .string(account),
            "additional_tos_acceptances": ["account": ["date": .null, "ip": .null, "user_agent": .null]],
            "address": AccountFacts.address(who, facts), "created": .int(created),
            "dob": ["day": number("dob.day"), "month": number("dob.month"), "year": number("dob.year")],
            "email": fact("email"), "first_name": fact("first_name"),
            "future_requirements": personRequirements, "id_number_provided": .bool(!fact("id_number").isNull),
            "last_name": fact("last_name"), "metadata": .object(metadata), "phone": fact("phone"),
            "relationship": [
                "authorizer": relationship["authorizer"].bool.map(JSONValue.bool) ?? false,
                "director": relationship["director"].bool.map(JSONValue.bool) ?? false,
                "executive": relationship["executive"].bool.map(JSONValue.bool) ?? false,
                "legal_guardian": relationship["legal_guardian"].bool.map(JSONValue.bool) ?? false,
                "owner": relationship["owner"].bool.map(JSONValue.bool) ?? false,
                "percent_ownership": relationship["percent_ownership"],
                "representative": relationship["representative"].bool.map(JSONValue.bool) ?? false,
                "title": relationship["title"],
            ],
            "requirements": personRequirements,
            "ssn_last_4_provided": .bool(!fact("ssn_last_4").isNull),
            "verification": [
                "additional_document": ["back": .null, "details": .null, "details_code": .null, "front": .null],
                "details": .null, "details_code": .null, "document": document, "status": "unverified",
            ],
        ]
    }

    private static let personRequirements: JSONValue = [
        "alternatives": [], "currently_due": [], "errors": [], "eventually_due": [], "past_due": [],
        "pending_verification": [],
    ]
}
