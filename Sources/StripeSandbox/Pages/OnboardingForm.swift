/// The fields of the onboarding page: exactly what the account owes, each with its own check.
enum OnboardingForm {
    struct Section {
        let title: String
        let text: String?
        let fields: [FormField]
    }

    /// The form for what is owed, by the field paths of `currently_due` or `eventually_due`.
    static func sections(owed: [String], account: JSONValue, _ state: FormState) -> [Section] {
        let isUS = account["country"] == "US"
        return parts.compactMap { part in
            let fields = owed.filter { part.holds($0) }.sorted { rank($0) < rank($1) }
                .flatMap { Self.fields($0, isUS: isUS, owed: owed, state) }
            return fields.isEmpty ? nil : Section(title: part.title, text: part.text, fields: fields)
        }
    }

    private struct Part {
        let title: String
        let text: String?
        let prefixes: [String]

        func holds(_ path: String) -> Bool {
            let head = String(path.prefix { $0 != "." })
            return prefixes.isEmpty ? !parts.contains { $0.prefixes.contains(head) } : prefixes.contains(head)
        }
    }

    private static let testPerson = "For tests: born on 1 1 1902 is verified at once, on 1 1 1900 is refused."

    private static let parts = [
        Part(title: "Your business", text: nil, prefixes: ["business_type", "business_profile"]),
        Part(title: "The company", text: "As it is registered.", prefixes: ["company"]),
        Part(title: "About you", text: testPerson, prefixes: ["individual"]),
        Part(title: "Who represents the business", text: testPerson, prefixes: ["representative"]),
        Part(title: "Owners", text: "Whoever owns a quarter of it or more.", prefixes: ["owners"]),
        Part(title: "Further details", text: nil, prefixes: []),
        Part(title: "Bank account", text: "Where your payouts go.", prefixes: ["external_account"]),
        Part(title: "Agreement", text: nil, prefixes: ["tos_acceptance"]),
    ]

    private static let order = """
        business_type mcc url product_description name first_name last_name title email phone day month year line1 city \
        state postal_code tax_id ssn_last_4 id_number
        """.split(separator: " ").map(String.init)

    private static func leaf(_ path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }
    private static func rank(_ path: String) -> Int { order.firstIndex(of: leaf(path)) ?? order.count }

    private static func fields(
        _ path: String, isUS: Bool, owed: [String], _ state: FormState
    ) -> [FormField] {
        switch path {
        case "business_type":
            return [
                FormField(
                    state, path, "Type of business",
                    choices: [
                        "individual": "Individual or sole trader", "company": "Company",
                        "non_profit": "Non-profit organisation", "government_entity": "Public body",
                    ])
            ]
        case "external_account":
            let number = "external_account.account_number"
            guard isUS else {
                return [
                    FormField(state, number, "IBAN or account number", hint: "DE89370400440532013000 is paid.")
                ]
            }
            return [
                FormField(
                    state, "external_account.routing_number", "Routing number", .half, keys: "numeric",
                    hint: "110000000 is the test bank."),
                FormField(
                    state, number, "Account number", .half, keys: "numeric",
                    hint: "000123456789 is paid, 000111111116 fails."),
            ]
        case "tos_acceptance.date":
            return [
                FormField(
                    state, "tos_acceptance", "I agree to the Connected Account Agreement, and what I gave is true.",
                    isCheckbox: true)
            ]
        // Taken down with the agreement, asked of nobody.
        case "tos_acceptance.ip": return []
        default: return [field(path, isUS: isUS, owed: owed, state)]
        }
    }

    private static func field(_ path: String, isUS: Bool, owed: [String], _ state: FormState) -> FormField {
        switch leaf(path) {
        case "mcc":
            FormField(
                state, path, "Category code", .half, keys: "numeric", hint: "Four digits; 5734 is computer software.")
        case "url":
            FormField(state, path, "Website", .half, type: "url", autocomplete: "url", example: "https://")
        case "product_description": FormField(state, path, "What do you sell?")
        case "name": FormField(state, path, "Name of the business", autocomplete: "organization")
        case "first_name": FormField(state, path, "First name", .half, autocomplete: "given-name")
        case "last_name": FormField(state, path, "Last name", .half, autocomplete: "family-name")
        case "title": FormField(state, path, "Job title", autocomplete: "organization-title")
        case "email": FormField(state, path, "Email", .half, type: "email", autocomplete: "email")
        case "phone":
            FormField(
                state, path, "Phone", .half, type: "tel", autocomplete: "tel", hint: "0000000000 is the test number.")
        case "day": FormField(state, path, "Birth day", .third, keys: "numeric", autocomplete: "bday-day")
        case "month": FormField(state, path, "Birth month", .third, keys: "numeric", autocomplete: "bday-month")
        case "year": FormField(state, path, "Birth year", .third, keys: "numeric", autocomplete: "bday-year")
        case "line1":
            FormField(
                state, path, "Street and number", autocomplete: "address-line1",
                hint: "address_full_match is verified, address_no_match is not.")
        case "city": FormField(state, path, "City", place(path, owed), autocomplete: "address-level2")
        case "state": FormField(state, path, "State", place(path, owed), autocomplete: "address-level1")
        case "postal_code":
            FormField(state, path, isUS ? "ZIP code" : "Postal code", place(path, owed), autocomplete: "postal-code")
        case "tax_id":
            FormField(
                state, path, "Tax ID", keys: "numeric", hint: "000000000 passes, 222222222 at once, 111111111 does not."
            )
        case "ssn_last_4":
            FormField(state, path, "Last four digits of your SSN", keys: "numeric", hint: "0000 passes.")
        case "id_number":
            FormField(
                state, path, isUS ? "Social Security number" : "Personal ID number", keys: "numeric",
                hint: "000000000 passes, 222222222 at once, 111111111 does not.")
        case "executive":
            FormField(state, path, "Does this person run the business?", choices: ["true": "Yes", "false": "No"])
        case "owners_provided":
            FormField(
                state, path, "Did you name everybody who owns a quarter or more?",
                choices: ["true": "Yes", "false": "No"])
        case "document":
            FormField(
                state, path, "Identity document",
                choices: [
                    "file_identity_document_success": "A passport that can be read",
                    "file_identity_document_failure": "A passport that cannot be read",
                ])
        default: FormField(state, path, spelled(path))
        }
    }

    /// City, state and code share a line.
    private static func place(_ path: String, _ owed: [String]) -> FormField.Width {
        owed.contains(path.split(separator: ".").dropLast().joined(separator: ".") + ".state") ? .third : .half
    }

    /// `company.verification.additional` as `Verification additional`.
    private static func spelled(_ path: String) -> String {
        let words = path.split(separator: ".").map { $0.replacing("_", with: " ") }
        let text = words.dropFirst(words.count > 1 ? 1 : 0).joined(separator: " ")
        return text.prefix(1).uppercased() + text.dropFirst()
    }

    /// What is wrong with a value; nil when it may be stored. Whether it is true is found by verification later.
    static func problem(_ path: String, _ value: String) -> String? {
        guard !value.isEmpty else { return "Fill this in." }
        let digits = value.utf8.allSatisfy { (48...57).contains($0) } ? value.count : nil
        switch leaf(path) {
        case "email": return isEmail(value) ? nil : "Write an email address, such as ana@example.com."
        case "url":
            return ["https://", "http://"].contains { value.hasPrefix($0) && value.count > $0.count + 2 }
                ? nil : "Begin with https://"
        case "mcc": return digits == 4 ? nil : "A category code has four digits."
        case "day": return number(value, 1...31, "Write a day from 1 to 31.")
        case "month": return number(value, 1...12, "Write a month from 1 to 12.")
        case "year": return number(value, 1900...2012, "Write the year; you must be at least 13.")
        case "ssn_last_4": return digits == 4 ? nil : "Write four digits."
        case "id_number", "tax_id": return digits == 9 ? nil : "Write nine digits."
        case "phone":
            return value.filter(\.isNumber).count >= 7 && value.allSatisfy { $0.isNumber || "+ -()".contains($0) }
                ? nil : "Write a telephone number."
        case "routing_number": return digits == 9 ? nil : "A routing number has nine digits."
        case "account_number": return value.count >= 4 ? nil : "The account number is too short."
        case "business_type":
            return ["individual", "company", "non_profit", "government_entity"].contains(value) ? nil : "Choose one."
        case "executive", "owners_provided": return ["true", "false"].contains(value) ? nil : "Choose one."
        default: return value.count <= 200 ? nil : "Write at most 200 characters."
        }
    }

    static func isEmail(_ text: String) -> Bool { text.wholeMatch(of: /[^\s@]+@[^\s@]+\.[^\s@.]+/) != nil }

    private static func number(_ text: String, _ range: ClosedRange<Int>, _ refusal: String) -> String? {
        Int(text).map(range.contains) == true ? nil : refusal
    }
}
