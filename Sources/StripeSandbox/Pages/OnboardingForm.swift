/// The fields of the onboarding page: exactly what the account owes, each with its own check.
enum OnboardingForm {
    static let bankFields = ["external_account.account_number", "external_account.routing_number"]

    /// The form for what is owed, the field paths of `currently_due` or `eventually_due`; what the seller typed last is
    /// kept where it was wrong.
    static func fields(
        owed: [String], account: JSONValue, typed: [String: String], errors: [String: String]
    ) -> [FormField] {
        var fields: [FormField] = []
        for path in owed {
            switch path {
            case "external_account":
                let isUS = account["country"] == "US"
                if isUS {
                    fields.append(
                        field(
                            "external_account.routing_number", "Routing number", "110000000 is the test bank", typed,
                            errors))
                }
                fields.append(
                    field(
                        "external_account.account_number", isUS ? "Account number" : "IBAN or account number",
                        isUS ? "000123456789 is paid, 000111111116 fails" : "DE89370400440532013000 is paid", typed,
                        errors))
            case "tos_acceptance.date":
                var consent = field(
                    "tos_acceptance", "Agreement", "I agree to the Connected Account Agreement", typed, errors)
                consent.isCheckbox = true
                fields.append(consent)
            case "tos_acceptance.ip": continue
            case "business_type":
                var choice = field(path, "Type of business", nil, typed, errors)
                choice.choices = FormField.Choices(
                    options: ["individual", "company", "non_profit"].map { value in
                        FormField.Option(
                            value: value, text: value.replacing("_", with: " "), isChosen: typed[path] == value)
                    })
                fields.append(choice)
            default: fields.append(field(path, label(path), hint(path), typed, errors))
            }
        }
        return fields
    }

    private static func field(
        _ name: String, _ label: String, _ hint: String?, _ typed: [String: String], _ errors: [String: String]
    ) -> FormField {
        FormField(name: name, label: label, value: typed[name] ?? "", hint: hint, error: errors[name])
    }

    private static func label(_ path: String) -> String {
        let words = path.split(separator: ".").map { $0.replacing("_", with: " ") }
        let who = words.count > 1 && words[0] != "individual" ? " (\(words[0]))" : ""
        let rest = words.dropFirst(words.count > 1 ? 1 : 0).joined(separator: " ")
        return rest.prefix(1).uppercased() + rest.dropFirst() + who
    }

    private static func hint(_ path: String) -> String? {
        switch path.split(separator: ".").last {
        case "mcc": "Four digits, such as 5734"
        case "ssn_last_4": "Four digits; 0000 passes"
        case "id_number", "tax_id": "Nine digits; 000000000 passes, 222222222 at once, 111111111 does not"
        case "phone": "0000000000 is the test number"
        case "year": "1902 (with day and month 1) is verified at once"
        case "line1": "address_full_match passes, address_no_match does not"
        default: nil
        }
    }

    /// What is wrong with a value; nil when it may be stored. Whether it is true is found by verification later.
    static func problem(_ path: String, _ value: String) -> String? {
        let text = value
        guard !text.isEmpty else { return "This is required." }
        let isNumber = text.allSatisfy(\.isNumber)
        switch path.split(separator: ".").last.map(String.init) ?? path {
        case "email": return text.contains("@") && text.contains(".") ? nil : "Not an email address."
        case "url": return text.hasPrefix("https://") || text.hasPrefix("http://") ? nil : "Begin with https://"
        case "mcc": return isNumber && text.count == 4 ? nil : "A merchant category code has four digits."
        case "day": return number(text, 1...31, "a day from 1 to 31")
        case "month": return number(text, 1...12, "a month from 1 to 12")
        case "year": return number(text, 1900...2012, "a year of birth; you must be at least 13")
        case "ssn_last_4": return isNumber && text.count == 4 ? nil : "Four digits."
        case "id_number", "tax_id": return isNumber && text.count == 9 ? nil : "Nine digits."
        case "phone":
            let digits = text.filter(\.isNumber).count
            return digits >= 7 && text.allSatisfy({ $0.isNumber || "+ -()".contains($0) })
                ? nil : "Not a telephone number."
        case "routing_number": return isNumber && text.count == 9 ? nil : "A routing number has nine digits."
        case "account_number": return text.count >= 4 ? nil : "The account number is too short."
        case "business_type":
            return ["individual", "company", "non_profit", "government_entity"].contains(text) ? nil : "Choose one."
        case "executive", "owners_provided":
            return ["true", "false"].contains(text) ? nil : "Write true or false."
        default: return text.count <= 200 ? nil : "At most 200 characters."
        }
    }

    private static func number(_ text: String, _ range: ClosedRange<Int>, _ what: String) -> String? {
        Int(text).map(range.contains) == true ? nil : "Give \(what)."
    }
}
