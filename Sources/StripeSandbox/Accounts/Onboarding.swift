/// What a seller does on the onboarding page, whichever way it is done.
enum Onboarding {
    enum Outcome: String {
        /// Everything given and verified at once.
        case complete
        /// Everything given; verification ends by itself after a while.
        case pending
        /// Left half done.
        case partial
        /// Everything given, and Stripe refuses the account.
        case rejected
    }

    static func run(_ id: String, _ outcome: Outcome, _ turn: Turn) {
        if turn.current(id)["business_type"].isNull { take(["business_type": "individual"], id, turn) }
        let account = turn.current(id)
        let country = account["country"].string ?? "US"
        let due = (account["requirements"]["currently_due"].array ?? []).compactMap(\.string)
        let given =
            outcome == .partial ? due.filter { $0.hasPrefix("business_profile.") || $0.hasSuffix("_name") } : due
        var facts: [String: String] = [:]
        for field in given where field != "external_account" {
            facts[field] = AccountFacts.testValue(field, immediate: outcome != .pending, country: country)
        }
        if outcome == .pending {
            for (field, value) in account["_provided"].object?.pairs ?? JSONObject().pairs
            where value == "222222222" || value == "1902" {
                facts[field] = AccountFacts.testValue(field, immediate: false, country: country)
            }
        }
        take(facts, id, turn)
        if outcome != .partial, ExternalAccounts.all(of: id, turn).isEmpty {
            _ = ExternalAccounts.attach(testBank(of: account, turn), to: id, makeDefault: true, turn)
        }
        if outcome == .rejected { Accounts.change(id, turn) { $0["_rejected"] = "rejected.other" } }
        if outcome != .partial { submit(id, immediate: outcome == .complete, turn) }
    }

    static func take(_ facts: [String: String], _ id: String, _ turn: Turn) {
        guard !facts.isEmpty else { return }
        Accounts.change(id, turn) { AccountFacts.take(facts, into: &$0) }
    }

    /// The seller finished the form once; verification begins when nothing is owed.
    static func submit(_ id: String, immediate: Bool, _ turn: Turn) {
        showPerson(id, turn)
        Accounts.change(id, turn) { account in
            account["details_submitted"] = true
            if immediate {
                account["_review"] = "verified"
                account["_errors"] = []
            } else {
                AccountVerification.begin(&account, turn)
            }
        }
    }

    static func testBank(of account: JSONValue, _ turn: Turn) -> JSONValue {
        let country = account["country"].string ?? "US"
        return ExternalAccounts.bankAccount(
            turn, country: country, currency: account["default_currency"].string ?? "usd",
            routing: country == "US" ? "110000000" : nil,
            number: country == "US"
                ? "000123456789" : country == "CH" ? "CH9300762011623852957" : "DE89370400440532013000",
            holder: nil, holderType: nil)
    }

    private static func showPerson(_ id: String, _ turn: Turn) {
        let account = turn.current(id)
        let who = account["business_type"] == "individual" ? "individual" : "representative"
        guard turn.world.slots(account: id, type: "person").isEmpty else { return }
        let person = Persons.object(
            id: account["_person"].string ?? turn.newID("person"), account: id, created: turn.now, who: who,
            facts: account["_provided"], relationship: ["representative": true])
        turn.emit("person.created", turn.insert("person", person, in: id), in: id)
    }
}
