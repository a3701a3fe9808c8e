/// What can be done about a finding. All but the first go through the same paths as events and feeds, and may be repeated.
package enum Repair: String, Hashable, Sendable, CaseIterable, Codable {
    /// Nothing: a person has looked at it. A difference that is still there is found anew.
    case markReviewed = "mark_reviewed"
    /// Reads the object at Stripe again, brings our copy up to it and books what follows.
    case refetch
    /// Reads what Stripe booked, and books what the journal does not have. A cause is never booked twice.
    case postMissingEntry = "post_missing_entry"
    /// Has an operation worked on now; one in review is looked up at Stripe before anything is sent.
    case resendOperation = "resend_operation"
    /// Takes an object into the books as made outside of the operation that it names.
    case adoptObject = "adopt_object"
}

/// Which repair fits a kind of finding, what it does, and what is left to a person: a pure rule.
package struct RepairPlan: Hashable, Sendable {
    /// Nil where no repair is safe.
    package let repair: Repair?
    /// What the repair does.
    package let does: String?
    /// What a person must do, instead of a repair or after it.
    package let person: String?

    init(for kind: FindingFacts.Kind, in part: ReconciliationScope?) {
        switch (part, kind) {
        case (.operations, .stuckOperation):
            self.init(
                .resendOperation,
                """
                Looks up at Stripe whether the operation has had its effect, and repeats the same bytes under the same key \
                where it has not. It closes when the operation has ended.
                """,
                person: "If it stays, its reason says what Stripe or Souk waits for: GET /v1/admin/operations/{id}.")
        case (.operations, .missingInLedger):
            self.init(
                .adoptObject,
                "Reads the object at Stripe and books what it moved as made outside Souk; no run finds it any more.",
                person: """
                    Find out who made it: another Souk on the same Stripe account, or a database that was put back to an \
                    earlier day.
                    """)
        case (.operations, .duplicate):
            self.init(
                .adoptObject,
                "Reads the second object at Stripe and books what it moved as made outside Souk; no run finds it any more.",
                person: "Decide whether the money goes back: reverse, refund or cancel the second object.")
        case (.operations, .stateMismatch):
            self.init(
                .adoptObject,
                "Reads the object at Stripe and books what it moved; the operation stays failed.",
                person: "Find out why Stripe refused the operation and has its object all the same.")
        case (.operations, .missingAtStripe):
            self.init(
                person: """
                    Ask Stripe's support about the object: what was paid must not be paid again before they have answered. \
                    Then mark it as reviewed.
                    """)
        case (.balances, .balanceDiffers):
            self.init(
                .refetch,
                "Reads the whole feed of the last day again, and counts the account's sum anew from its postings.",
                person: "If it stays, a run of the scope clearing names the rows that make the difference.")
        case (.clearing, .clearingNotZero):
            self.init(
                .refetch,
                "Reads the object and its rows at Stripe, books what is missing, and counts what waits from its postings.",
                person:
                    "If it stays, its entries show which side is wrong: a manual entry needs the shell and a reason.")
        case (.clearing, .unknownBalanceTransaction):
            self.init(
                person: """
                    Stripe booked a row of a kind that this version of Souk does not know. Its money is in suspense; install \
                    a version that knows the kind.
                    """)
        case (.transfers, .missingInLedger), (.payouts, .missingInLedger), (.clearing, .missingInLedger):
            self.init(
                .postMissingEntry,
                "Reads the object and its rows at Stripe, stores them, and books what the journal does not have.",
                person: nil)
        case (_, .amountMismatch), (_, .currencyMismatch), (_, .stateMismatch):
            self.init(
                .refetch,
                "Reads the object and its rows at Stripe and brings our copy up to it; entries are never changed.",
                person: "If it stays, Stripe says something else than it said when it was booked: ask Stripe's support."
            )
        case (_, .missingAtStripe):
            self.init(
                person: """
                    Stripe does not show an object that was booked. Ask Stripe's support; nothing is taken out of the books \
                    before they have answered. Then mark it as reviewed.
                    """)
        case (_, .madeAtStripe):
            self.init(person: "It is booked already. Read what it says, and mark it as reviewed.")
        default: self.init(person: "Read what it says, and mark it as reviewed.")
        }
    }

    private init(_ repair: Repair?, _ does: String?, person: String?) {
        self.repair = repair
        self.does = does
        self.person = person
    }

    private init(person: String) { self.init(nil, nil, person: person) }
}
