import Domain
import Testing

/// One row of the table: facts about an account, the status and what a seller can act on.
struct StatusCase: Sendable, CustomTestStringConvertible {
    let name: String
    let account: AccountFacts?
    var isDeauthorized = false
    let status: SellerStatus
    let attention: [String]
    let canBeCharged: Bool
    var testDescription: String { name }
}

private let deadline = Timestamp(seconds: 1_800_000_000)

private func facts(
    charges: Bool = true, payouts: Bool = true, submitted: Bool = true, transfers: CapabilityStatus? = .active,
    cardPayments: CapabilityStatus? = .active, _ requirements: AccountRequirements = .none,
    future: AccountRequirements = .none
) -> AccountFacts {
    var capabilities: [String: CapabilityStatus] = [:]
    capabilities["transfers"] = transfers
    capabilities["card_payments"] = cardPayments
    return AccountFacts(
        country: "US", defaultCurrency: "usd", email: nil, businessType: "individual", chargesEnabled: charges,
        payoutsEnabled: payouts, detailsSubmitted: submitted, capabilities: capabilities, requirements: requirements,
        futureRequirements: future)
}

private func off(_ requirements: AccountRequirements, submitted: Bool = true) -> AccountFacts {
    facts(
        charges: false, payouts: false, submitted: submitted, transfers: .inactive, cardPayments: .inactive,
        requirements)
}

private let document = "individual.verification.document"
private let expired = RequirementError(
    code: "verification_document_expired", reason: "The document has expired.", requirement: document)

private let table: [StatusCase] = [
    .init(
        name: "no account yet", account: nil, status: .onboarding, attention: ["awaiting_account"],
        canBeCharged: false),
    .init(
        name: "form never finished", account: off(.init(currentlyDue: ["external_account"]), submitted: false),
        status: .onboarding, attention: ["finish_onboarding"], canBeCharged: false),
    .init(
        name: "form never finished and late",
        account: off(
            .init(currentlyDue: ["external_account"], pastDue: ["external_account"], disabledReason: .pastDue),
            submitted: false),
        status: .onboarding, attention: ["finish_onboarding"], canBeCharged: false),
    .init(name: "everything works", account: facts(), status: .active, attention: [], canBeCharged: true),
    .init(
        name: "everything works, more is owed at some volume",
        account: facts(.init(eventuallyDue: ["individual.ssn_last_4"])), status: .active, attention: [],
        canBeCharged: true),
    .init(
        name: "everything works while a document is checked",
        account: facts(.init(pendingVerification: [document])), status: .active, attention: ["under_review"],
        canBeCharged: true),
    .init(
        name: "works, owes by a date", account: facts(.init(currentlyDue: [document], currentDeadline: deadline)),
        status: .actionRequired, attention: ["owes_by"], canBeCharged: true),
    .init(
        name: "works, owes without a date", account: facts(.init(currentlyDue: [document])), status: .actionRequired,
        attention: ["owes_now"], canBeCharged: true),
    .init(
        name: "works, one field wrong and another owed by a date",
        account: facts(
            .init(currentlyDue: [document, "individual.id_number"], currentDeadline: deadline, errors: [expired])),
        status: .actionRequired, attention: ["owes_now", "owes_by"], canBeCharged: true),
    .init(
        name: "works, owes by a date in the future requirements",
        account: facts(future: .init(currentlyDue: ["company.tax_id"], currentDeadline: deadline)), status: .active,
        attention: ["owes_by"], canBeCharged: true),
    .init(
        name: "past due", account: off(.init(currentlyDue: [document], pastDue: [document], disabledReason: .pastDue)),
        status: .actionRequired, attention: ["owes_now"], canBeCharged: false),
    .init(
        name: "payouts stopped for a missing bank account",
        account: facts(
            payouts: false,
            .init(currentlyDue: ["external_account"], pastDue: ["external_account"], disabledReason: .pastDue)),
        status: .actionRequired, attention: ["owes_now"], canBeCharged: true),
    .init(
        name: "capabilities want more and Stripe names no field", account: off(.init(disabledReason: .actionRequired)),
        status: .actionRequired, attention: ["owes_now"], canBeCharged: false),
    .init(
        name: "given, being checked",
        account: off(.init(pendingVerification: [document], disabledReason: .pendingVerification)),
        status: .underReview, attention: ["under_review"], canBeCharged: false),
    .init(
        name: "given, capability pending",
        account: facts(charges: false, payouts: false, transfers: .pending, cardPayments: .pending),
        status: .underReview, attention: ["under_review"], canBeCharged: false),
    .init(
        name: "Stripe reviews the account", account: off(.init(disabledReason: .underReview)), status: .underReview,
        attention: ["under_review"], canBeCharged: false),
    .init(
        name: "checked and owing at once",
        account: off(
            .init(currentlyDue: ["external_account"], pendingVerification: [document], disabledReason: .pastDue)),
        status: .actionRequired, attention: ["owes_now", "under_review"], canBeCharged: false),
    .init(
        name: "charges work, payouts do not, nobody says why", account: facts(payouts: false), status: .restricted,
        attention: [], canBeCharged: true),
    .init(
        name: "transfers lost while the flags are on", account: facts(transfers: .inactive), status: .restricted,
        attention: [], canBeCharged: false),
    .init(
        name: "transfers never asked for", account: facts(transfers: nil), status: .restricted, attention: [],
        canBeCharged: false),
    .init(
        name: "listed", account: off(.init(currentlyDue: [document], disabledReason: .listed)), status: .disabled,
        attention: ["disabled"], canBeCharged: false),
    .init(
        name: "paused by the platform before the form was finished",
        account: off(.init(disabledReason: .platformPaused), submitted: false), status: .disabled,
        attention: ["disabled"], canBeCharged: false),
    .init(
        name: "other", account: off(.init(disabledReason: .other)), status: .disabled, attention: ["disabled"],
        canBeCharged: false),
    .init(
        name: "a reason that is new to us", account: off(.init(disabledReason: .init(rawValue: "moon_phase"))),
        status: .disabled, attention: ["disabled"], canBeCharged: false),
    .init(
        name: "a new reason with something to give",
        account: off(.init(currentlyDue: [document], disabledReason: .init(rawValue: "moon_phase"))),
        status: .actionRequired, attention: ["owes_now"], canBeCharged: false),
    .init(
        name: "nothing works and Stripe says nothing", account: off(.none), status: .disabled, attention: [],
        canBeCharged: false),
    .init(
        name: "rejected by Stripe", account: off(.init(disabledReason: .init(rawValue: "rejected.fraud"))),
        status: .rejected, attention: ["rejected"], canBeCharged: false),
    .init(
        name: "rejected before the form was finished",
        account: off(.init(disabledReason: .init(rawValue: "rejected.platform_other")), submitted: false),
        status: .rejected, attention: ["rejected"], canBeCharged: false),
    .init(
        name: "rejected, with the flags still on",
        account: facts(.init(disabledReason: .init(rawValue: "rejected.listed"))), status: .rejected,
        attention: ["rejected"], canBeCharged: false),
    .init(
        name: "left the platform", account: facts(), isDeauthorized: true, status: .disconnected,
        attention: ["deauthorized"], canBeCharged: false),
    .init(
        name: "left the platform after a rejection",
        account: off(.init(disabledReason: .init(rawValue: "rejected.fraud"))), isDeauthorized: true,
        status: .disconnected, attention: ["deauthorized"], canBeCharged: false),
]

@Suite struct SellerStatusTests {
    @Test("status, attention and readiness follow from the account's facts", arguments: table)
    func rule(row: StatusCase) {
        #expect(SellerStatus(account: row.account, isDeauthorized: row.isDeauthorized) == row.status)
        let attention = SellerAttention.all(account: row.account, isDeauthorized: row.isDeauthorized)
        #expect(attention.map(\.name) == row.attention)
        #expect(attention.allSatisfy { $0.words.hasSuffix(".") })
        let obstacle = SellerReadiness.obstacleToDestinationCharge(
            account: row.account, isDeauthorized: row.isDeauthorized, hold: nil)
        #expect((obstacle == nil) == row.canBeCharged, "\(String(describing: obstacle))")
    }

    @Test func everyStatusIsInTheTable() {
        #expect(Set(table.map(\.status)) == Set(SellerStatus.allCases))
    }

    @Test("owed fields are named once, under now or under the deadline")
    func fieldsOnce() {
        let account = facts(
            .init(
                currentlyDue: [document, "individual.id_number"], pastDue: [document], currentDeadline: deadline,
                errors: [expired]))
        let attention = SellerAttention.all(account: account, isDeauthorized: false)
        #expect(attention.map(\.fields) == [[document], ["individual.id_number"]])
        #expect(attention.map(\.deadline) == [nil, deadline])
        #expect(attention.allSatisfy { $0.sellerCanAct })
    }

    @Test("a direct charge asks for card payments, a destination charge for transfers")
    func capabilityByShape() {
        let account = facts(cardPayments: .pending)
        #expect(
            SellerReadiness.obstacleToDestinationCharge(account: account, isDeauthorized: false, hold: nil) == nil)
        #expect(
            SellerReadiness.obstacleToDirectCharge(account: account, isDeauthorized: false, hold: nil)
                == .capabilityNotActive(name: "card_payments", status: .pending))
    }

    @Test("a hold of ours stops charges whatever Stripe says, and says why")
    func hold() {
        let hold = SellerHold(reason: "documents look copied", since: Timestamp(seconds: 1))
        let obstacle = SellerReadiness.obstacleToDestinationCharge(
            account: facts(), isDeauthorized: false, hold: hold)
        #expect(obstacle == .held(reason: "documents look copied"))
        #expect(obstacle?.message.contains("documents look copied") == true)
    }

    @Test("countries are Stripe's, in capitals")
    func countries() {
        #expect(SellerCountry("US") != nil)
        #expect(SellerCountry("us") == nil)
        #expect(SellerCountry("KP") == nil)
        #expect(SellerCountry("") == nil)
        #expect(SellerCountry.all.count > 40)
        #expect(SellerCountry.all.allSatisfy { $0.code.count == 2 })
    }
}
