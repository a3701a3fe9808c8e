/// Which facts an account owes, and what follows for its capabilities and flags.
enum AccountRequirements {
    static let none = hash()

    static func hash(
        due: [String] = [], eventually: [String] = [], past: [String] = [], pending: [String] = [],
        errors: [JSONValue] = [], deadline: Int64? = nil, disabled: String? = nil
    ) -> JSONValue {
        [
            "alternatives": [], "current_deadline": .optional(deadline), "currently_due": .list(due),
            "disabled_reason": .optional(disabled), "errors": .array(errors), "eventually_due": .list(eventually),
            "past_due": .list(past), "pending_verification": .list(pending),
        ]
    }

    /// Every fact that Stripe asks this account for, provided or not, in the order of the onboarding form.
    static func asked(of account: JSONValue) -> [String] {
        let country = account["country"].string ?? "US"
        let address =
            country == "US" || Country.withStates.contains(country)
            ? ["city", "line1", "postal_code", "state"] : ["city", "line1", "postal_code"]
        func person(_ who: String) -> [String] {
            address.map { "\(who).address.\($0)" } + ["day", "month", "year"].map { "\(who).dob.\($0)" }
                + ["email", "first_name", "last_name", "phone"].map { "\(who).\($0)" }
                + (country == "US" ? ["\(who).ssn_last_4"] : [])
        }
        var fields = ["business_profile.mcc", "business_profile.url", "business_type", "external_account"]
        switch account["business_type"].string {
        case nil: fields += ["representative.first_name", "representative.last_name"]
        case "individual": fields += person("individual")
        default:
            fields += address.map { "company.address.\($0)" }
            fields += ["company.name", "company.owners_provided", "company.phone", "company.tax_id"]
            fields += ["owners.email", "owners.first_name", "owners.last_name"]
            fields += person("representative")
            fields += ["representative.relationship.executive", "representative.relationship.title"]
        }
        return fields + ["tos_acceptance.date", "tos_acceptance.ip"]
    }

    /// Works out requirements, capabilities and flags anew from what is provided, requested and decided.
    static func refresh(_ account: inout JSONValue) {
        let provided = account["_provided"].object ?? [:]
        let hasBank = !(account["external_accounts"]["data"].array ?? []).isEmpty
        let errors = account["_errors"].array ?? []
        let wanted = (account["_requested"].object ?? [:]).pairs.filter { $0.1 == true }.map(\.0)
        var due: [String] = []
        if !wanted.isEmpty {
            due = asked(of: account).filter { field in
                field == "external_account" ? !hasBank : provided[field] == nil
            }
        }
        for field in (account["_extra_due"].array ?? []).compactMap(\.string)
            + errors.compactMap({ $0["requirement"].string })
        where !due.contains(field) {
            due.append(field)
        }
        due.sort()
        let isSubmitted = account["details_submitted"] == true
        let isPending = isSubmitted && due.isEmpty && account["_review"] == "pending"
        let pending =
            isPending ? [account["business_type"] == "individual" ? "individual.id_number" : "company.tax_id"] : []
        let past = account["_past_due"] == true || !errors.isEmpty ? due : []
        let isBlocked = !due.isEmpty && account["_deadline"].int == nil
        var disabled = account["_rejected"].string
        if disabled == nil {
            if wanted.isEmpty {
                disabled = "action_required.requested_capabilities"
            } else if isBlocked || !past.isEmpty {
                disabled = "requirements.past_due"
            } else if isPending {
                disabled = "requirements.pending_verification"
            } else if !isSubmitted {
                disabled = "requirements.past_due"
            }
        }
        account["requirements"] = hash(
            due: due, eventually: eventually(due, account), past: past, pending: pending, errors: errors,
            deadline: account["_deadline"].int, disabled: disabled)
        var capabilities = JSONObject()
        for name in wanted.sorted() {
            capabilities[name] =
                disabled == nil ? "active" : disabled == "requirements.pending_verification" ? "pending" : "inactive"
        }
        account["capabilities"] = .object(capabilities)
        let isActive = disabled == nil && !capabilities.isEmpty
        account["charges_enabled"] = .bool(
            isActive && (capabilities["card_payments"] == "active" || capabilities["transfers"] == "active"))
        let bankWorks = (account["external_accounts"]["data"].array ?? []).contains { $0["status"] != "errored" }
        account["payouts_enabled"] = .bool(
            bankWorks && (isActive || (account["_rejected"].string != nil && account["_payouts_stay"] == true)))
    }

    /// What may become due with volume: the full number of a US person stays open after the last four digits.
    private static func eventually(_ due: [String], _ account: JSONValue) -> [String] {
        guard account["country"] == "US", account["business_type"] == "individual",
            account["_provided"]["individual.id_number"] == .null, account["_review"] != "verified"
        else { return due }
        return (due + ["individual.id_number"]).sorted()
    }
}
