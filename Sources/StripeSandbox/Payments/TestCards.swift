/// The test cards that Stripe documents, and what each does.
struct TestCard: Sendable {
    enum Behaviour: Sendable, Hashable {
        case succeed
        /// The money is available at once.
        case bypassPending
        case decline(code: String, declineCode: String?)
        /// Attaching works, every charge is declined.
        case declineCharges
        /// The bank asks the buyer; what happens after that.
        case authenticate(always: Bool, after: After)
        case dispute(reason: String, isInquiry: Bool, count: Int)
        case fraudWarning
        case refundPends
        case refundFails
        case blocked
    }

    enum After: Sendable, Hashable {
        case succeed
        case decline(declineCode: String)
    }

    let number: String
    let names: [String]
    let brand: String
    let funding: String
    let behaviour: Behaviour
    var cvcCheck = "pass"
    var zipCheck: String?
    var riskLevel = "normal"

    var last4: String { String(number.suffix(4)) }

    static func named(_ name: String) -> TestCard? { byName[name] }
    static func numbered(_ number: String) -> TestCard? { byNumber[number] }

    private static let byName: [String: TestCard] = {
        var table: [String: TestCard] = [:]
        for card in all { for name in card.names { table[name] = card } }
        return table
    }()
    private static let byNumber = Dictionary(all.map { ($0.number, $0) }) { first, _ in first }

    private static func visa(_ number: String, _ name: String?, _ behaviour: Behaviour) -> TestCard {
        TestCard(
            number: number, names: name.map { [$0] } ?? [], brand: "visa", funding: "credit", behaviour: behaviour)
    }

    private static func declined(_ number: String, _ name: String, _ code: String, _ decline: String?) -> TestCard {
        visa(number, name, .decline(code: code, declineCode: decline))
    }

    static let all: [TestCard] = {
        var cards = [
            visa("4242424242424242", "visa", .succeed),
            TestCard(
                number: "4000056655665556", names: ["visa_debit"], brand: "visa", funding: "debit",
                behaviour: .succeed),
            TestCard(
                number: "5555555555554444", names: ["mastercard"], brand: "mastercard", funding: "credit",
                behaviour: .succeed),
            TestCard(
                number: "378282246310005", names: ["amex"], brand: "amex", funding: "credit", behaviour: .succeed),
            visa("4000000000000077", "bypassPending", .bypassPending),
            declined("4000000000000002", "chargeDeclined", "card_declined", "generic_decline"),
            declined("4000000000009995", "chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
            declined("4000000000009987", "chargeDeclinedLostCard", "card_declined", "lost_card"),
            declined("4000000000009979", "chargeDeclinedStolenCard", "card_declined", "stolen_card"),
            declined("4000000000000069", "chargeDeclinedExpiredCard", "expired_card", nil),
            declined("4000000000000127", "chargeDeclinedIncorrectCvc", "incorrect_cvc", nil),
            declined("4000000000000119", "chargeDeclinedProcessingError", "processing_error", nil),
            declined(
                "4000000000006975", "chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
            visa("4000000000000341", "chargeCustomerFail", .declineCharges),
            visa("4000002500003155", "authenticationRequiredOnSetup", .authenticate(always: false, after: .succeed)),
            visa("4000002760003184", "authenticationRequired", .authenticate(always: true, after: .succeed)),
            visa(
                "4000003800000446", "authenticationRequiredSetupForOffSession",
                .authenticate(always: false, after: .succeed)),
            visa(
                "4000008260003178", "authenticationRequiredChargeDeclinedInsufficientFunds",
                .authenticate(always: true, after: .decline(declineCode: "insufficient_funds"))),
            visa("4000000000003220", "threeDSecure2Required", .authenticate(always: true, after: .succeed)),
            visa(
                "4000008400001629", "threeDSecureRequiredChargeDeclined",
                .authenticate(always: true, after: .decline(declineCode: "generic_decline"))),
            visa("4000008400001280", nil, .decline(code: "processing_error", declineCode: nil)),
            visa("4000000000003055", "threeDSecureOptional", .succeed),
            visa("4000000000003097", nil, .succeed),
            visa("4000000000000259", "createDispute", .dispute(reason: "fraudulent", isInquiry: false, count: 1)),
            visa(
                "4000000000002685", "createDisputeProductNotReceived",
                .dispute(reason: "product_not_received", isInquiry: false, count: 1)),
            visa("4000000000001976", "createDisputeInquiry", .dispute(reason: "general", isInquiry: true, count: 1)),
            visa("4000000000005423", "createIssuerFraudRecord", .fraudWarning),
            visa(
                "4000004040000079", "createMultipleDisputes",
                .dispute(reason: "fraudulent", isInquiry: false, count: 2)),
            visa("4100000000000019", "radarBlock", .blocked),
            visa("4000000000007726", "pendingRefund", .refundPends),
            visa("4000000000005126", "refundFail", .refundFails),
        ]
        for (number, name, cvc, zip) in [
            ("4000000000000101", "cvcCheckFail", "fail", nil as String?),
            ("4000000000000036", "avsZipFail", "pass", "fail"),
        ] {
            var card = visa(number, name, .succeed)
            card.cvcCheck = cvc
            card.zipCheck = zip
            cards.append(card)
        }
        for (number, name, risk) in [
            ("4000000000004954", "riskLevelHighest", "highest"), ("4000000000009235", "riskLevelElevated", "elevated"),
        ] {
            var card = visa(number, name, .succeed)
            card.riskLevel = risk
            cards.append(card)
        }
        return cards
    }()
}
