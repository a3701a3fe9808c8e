/// What is told about an account, by the API or by the seller on the onboarding page.
enum AccountFacts {
    /// The facts among an endpoint's parameters, by Stripe's field paths.
    static func facts(in params: JSONObject) -> [String: String] {
        var facts: [String: String] = [:]
        func walk(_ path: String, _ value: JSONValue) {
            switch value {
            case .object(let object): for (key, value) in object.pairs { walk("\(path).\(key)", value) }
            case .string(let text): facts[path] = text
            case .int(let number): facts[path] = String(number)
            case .bool(let flag): facts[path] = flag ? "true" : "false"
            default: return
            }
        }
        for key in ["business_type", "business_profile", "individual", "company", "tos_acceptance"] {
            if let value = params[key] { walk(key, value) }
        }
        return facts
    }

    /// Takes facts into an account: remembers that they were given and shows what the account object shows.
    static func take(_ facts: [String: String], into account: inout JSONValue) {
        var provided = account["_provided"].object ?? [:]
        var errors = account["_errors"].array ?? []
        for (field, value) in facts.sorted(by: { $0.key < $1.key }) {
            if provided[field] != .string(value) { account["_review"] = "none" }
            provided[field] = .string(value)
            errors.removeAll { $0["requirement"].string == field }
            account["_extra_due"] = .array((account["_extra_due"].array ?? []).filter { $0.string != field })
            let path = field.split(separator: ".").map(String.init)
            switch path[0] {
            case "business_type": account["business_type"] = .string(value)
            case "business_profile" where path.count == 2: account["business_profile"][path[1]] = .string(value)
            case "business_profile" where path.count == 3:
                if account["business_profile"][path[1]].object == nil {
                    account["business_profile"][path[1]] = Shapes.address(.null)
                }
                account["business_profile"][path[1]][path[2]] = .string(value)
            case "tos_acceptance":
                account["tos_acceptance"][path[1]] = path[1] == "date" ? .optional(Int64(value)) : .string(value)
            default: continue
            }
        }
        account["_provided"] = .object(provided)
        account["_errors"] = .array(errors)
        if (account["_extra_due"].array ?? []).isEmpty {
            account["_past_due"] = false
            account["_deadline"] = .null
        }
        if account["business_type"].string.map({ $0 != "individual" }) == true { account["company"] = company(account) }
    }

    private static func company(_ account: JSONValue) -> JSONValue {
        let facts = account["_provided"]
        var company: JSONObject = [
            "address": address("company", facts),
            "directors_provided": .bool(facts["company.directors_provided"] == "true"),
            "executives_provided": .bool(facts["company.executives_provided"] == "true"),
            "name": facts["company.name"], "owners_provided": .bool(facts["company.owners_provided"] == "true"),
            "phone": facts["company.phone"], "tax_id_provided": .bool(!facts["company.tax_id"].isNull),
            "verification": [
                "document": ["back": .null, "details": .null, "details_code": .null, "front": .null]
            ],
        ]
        if let structure = facts["company.structure"].string { company["structure"] = .string(structure) }
        return .object(company)
    }

    static func address(_ who: String, _ facts: JSONValue) -> JSONValue {
        var address = JSONObject()
        for part in ["city", "country", "line1", "line2", "postal_code", "state"] {
            address[part] = facts["\(who).address.\(part)"]
        }
        return .object(address)
    }

    /// Values that fulfil a requirement in test mode; `immediate` ones are verified at once, the others after a while.
    static func testValue(_ field: String, immediate: Bool, country: String) -> String {
        switch field {
        case "business_type": "individual"
        case "business_profile.mcc": "5734"
        case "business_profile.url": "https://accessible.stripe.com"
        case "company.name": "Oak & Sons"
        case "company.tax_id": immediate ? "222222222" : "000000000"
        case "company.owners_provided", "representative.relationship.executive": "true"
        case "representative.relationship.title": "CEO"
        case "tos_acceptance.date": "1700000000"
        case "tos_acceptance.ip": "127.0.0.1"
        default:
            switch field.split(separator: ".").last.map(String.init) ?? field {
            case "line1": "address_full_match"
            case "city": country == "US" ? "San Francisco" : "Springfield"
            case "state": country == "US" ? "CA" : "State"
            case "postal_code": country == "US" ? "94111" : "10115"
            case "day", "month": "1"
            case "year": immediate ? "1902" : "1901"
            case "email": "jenny.rosen@example.com"
            case "first_name": "Jenny"
            case "last_name": "Rosen"
            case "phone": "0000000000"
            case "ssn_last_4": "0000"
            case "id_number": immediate ? "222222222" : "000000000"
            case "document": "file_identity_document_success"
            default: "true"
            }
        }
    }
}
