/// What Stripe finds when it looks at the facts of an account: the values are in docs/sandbox.md, "Test
/// identities".
enum AccountVerification {
    /// Facts that fail, with the error that the requirements then carry.
    static func errors(in provided: JSONObject) -> [JSONValue] {
        var errors: [JSONValue] = []
        func fail(_ field: String, _ code: String, _ reason: String) {
            errors.append(["code": .string(code), "reason": .string(reason), "requirement": .string(field)])
        }
        for (field, value) in provided.pairs {
            let text = value.string ?? ""
            switch (field.split(separator: ".").last.map(String.init) ?? field, text) {
            case ("id_number", "111111111"):
                fail(field, "verification_failed_id_number_match", "The ID number does not match the person.")
            case ("tax_id", "111111111"), ("tax_id", "111111112"):
                fail(field, "verification_failed_tax_id_match", "The tax ID does not match the business.")
            case ("line1", "address_no_match"):
                fail(field, "verification_failed_address_match", "The address could not be verified.")
            case ("line1", "address_line1_no_match"):
                fail(field, "verification_failed_address_match", "The first line of the address could not be verified.")
            case ("url", "https://inaccessible.stripe.com"):
                fail(field, "invalid_url_website_inaccessible", "The website could not be reached.")
            case ("url", "https://disallowed.stripe.com"):
                fail(field, "invalid_url_denylisted", "The website may not be used.")
            case ("name", "mismatch_business_name"), ("name", "disallowed_name"):
                fail(field, "verification_failed_name_match", "The name could not be verified.")
            case ("document", "file_identity_document_failure"):
                fail(field, "verification_document_not_readable", "The document could not be read.")
            default: continue
            }
        }
        return errors
    }

    private static func isDOB(_ provided: JSONObject, year: String) -> Bool {
        ["individual", "representative"].contains { who in
            provided["\(who).dob.year"]?.string == year && provided["\(who).dob.month"]?.string == "1"
                && provided["\(who).dob.day"]?.string == "1"
        }
    }

    /// Begins the check of a submitted account: at once for the immediate test values, else after a while.
    static func begin(_ account: inout JSONValue, _ turn: Turn) {
        let provided = account["_provided"].object ?? [:]
        guard AccountRequirements.asked(of: account).allSatisfy({ provided[$0] != nil || $0 == "external_account" }),
            account["_review"] != "verified"
        else { return }
        let values = provided.values.compactMap(\.string)
        if isDOB(provided, year: "1902") || values.contains("222222222") {
            conclude(&account)
        } else {
            account["_review"] = "pending"
            turn.schedule(
                .verifyAccount, account["id"].string ?? "", after: turn.behaviour.verificationSeconds * 1000,
                in: turn.world.platform)
        }
    }

    static func finish(_ id: String, _ turn: Turn) {
        guard turn.current(id)["_review"] == "pending" else { return }
        Accounts.change(id, turn) { conclude(&$0) }
    }

    private static func conclude(_ account: inout JSONValue) {
        let provided = account["_provided"].object ?? [:]
        if isDOB(provided, year: "1900") {
            account["_rejected"] = "rejected.listed"
            return
        }
        let errors = errors(in: provided)
        account["_errors"] = .array(errors)
        account["_review"] = errors.isEmpty ? "verified" : "failed"
    }
}
