/// What can happen in a world. Every kind happens in a run, or the run fails.
enum Step: String, CaseIterable {
    case createSeller = "create a seller"
    case onboardComplete = "onboard: complete"
    case onboardPending = "onboard: pending"
    case onboardPartial = "onboard: partial"
    case onboardRejected = "onboard: rejected"
    case defaultPolicy = "fee policy: default"
    case sellerPolicy = "fee policy: of a seller"
    case categoryPolicy = "fee policy: of a category"
    case orderByCheckout = "order: Checkout"
    case orderByIntent = "order: PaymentIntent"
    case orderWithManualCapture = "order: manual capture"
    case orderWithManyLines = "order: more than 100 lines"
    case orderOfSeveralSellers = "order: several sellers, or released later"
    case payAccepted = "pay: accepted"
    case payDeclined = "pay: declined"
    case payWithAuthentication = "pay: 3-D Secure asked for"
    case passAuthentication = "3-D Secure: passed"
    case failAuthentication = "3-D Secure: failed"
    case newTry = "pay: a new try is begun"
    case expirePage = "the payment page expires"
    case authorizationRunsOut = "the authorization runs out"
    case capture = "capture"
    case captureLess = "capture: a part of what was authorized"
    case cancel = "cancel"
    case payAfterCancel = "a payment arrives for a canceled order"
    case releaseWhole = "release: whole"
    case releaseSeller = "release: of one seller"
    case releaseLines = "release: by lines"
    case holdSeller = "a seller is put on hold"
    case liftHold = "a seller's hold is lifted"
    case refund = "refund: all that remains"
    case refundAmount = "refund: an amount"
    case refundLines = "refund: lines"
    case refundTwice = "refund: two at one moment"
    case refundFailsAtBank = "a refund is sent back by the bank"
    case settleRefund = "refund: a debt to the buyer is settled"
    case cancelRefund = "a pending refund is canceled"
    case reverseOnRequest = "a transfer is reversed on request"
    case disputeCharge = "a charge is disputed"
    case endDispute = "a dispute ends"
    case appealDispute = "a lost dispute is won by appeal"
    case warnOfFraud = "a bank warns of fraud"
    case releaseFraudHold = "what a warning of fraud holds is let go"
    case refundWhole = "Dashboard: whole refund"
    case refundPart = "Dashboard: partial refund"
    case refundInThree = "Dashboard: refund, reversal and fee refund"
    case reverseAlone = "Dashboard: a reversal alone"
    case refundFeeAlone = "Dashboard: a fee refund alone"
    case advanceHours = "hours pass"
    case advanceDays = "days pass, with payouts"
    case payoutOnRequest = "a payout on request"
    case payoutSchedule = "another payout schedule"
    case payoutFailsBeforePaid = "a payout fails before it is paid"
    case payoutFailsAfterPaid = "a payout fails after it was paid"
    case changeBank = "a seller changes the bank account"
    case debitBank = "Stripe fills a seller's balance from the bank"
    case changeAccount = "a seller goes on with another account"
    case adjustSeller = "an adjustment for a seller"
    case fundPlatform = "Dashboard: the platform is topped up"
    case nettingPolicy = "a netting policy"
    case setReserve = "a reserve is set for a seller"
    case removeReserve = "a seller's reserve is ended"
    case writeOff = "a debt is given up"
    case limitMoneyOut = "a limit on what keys let out"
    case decideMoneyOut = "a second person decides"
    case holdMoneyOut = "all money out is held"
    case letMoneyOut = "money may leave again"
    case reconcile = "reconcile"
    case repairDifference = "reconcile: a difference is repaired"
    case badRequest = "a bad request"

    /// How often, relative to the others, where it is possible.
    var weight: Int {
        switch self {
        case .orderByCheckout, .orderByIntent, .orderOfSeveralSellers: 8
        case .payAccepted: 20
        case .refundAmount, .refundLines, .settleRefund: 6
        case .refundWhole, .refundPart, .refundInThree, .capture, .captureLess, .payDeclined, .payWithAuthentication: 6
        case .orderWithManualCapture, .badRequest, .cancel, .passAuthentication, .newTry, .payAfterCancel, .reconcile: 4
        case .releaseWhole, .releaseSeller, .releaseLines, .liftHold: 4
        case .holdSeller, .holdMoneyOut: 1
        case .fundPlatform, .nettingPolicy, .changeAccount: 2
        // Possible only for a balance below zero.
        case .debitBank: 8
        case .setReserve: 5
        case .removeReserve: 1
        case .limitMoneyOut: 10
        case .adjustSeller: 3
        case .letMoneyOut, .writeOff: 6
        case .cancelRefund, .reverseOnRequest, .appealDispute, .warnOfFraud: 4
        case .disputeCharge, .endDispute: 5
        // Seldom possible.
        case .releaseFraudHold, .decideMoneyOut: 12
        case .refund, .refundTwice, .refundFailsAtBank, .advanceDays, .reverseAlone, .refundFeeAlone,
            .payoutFailsAfterPaid, .failAuthentication, .expirePage, .authorizationRunsOut:
            3
        case .payoutOnRequest, .repairDifference: 5
        // Possible only after a payout came back, which happens a few times in a hundred worlds.
        case .changeBank: 12
        case .payoutSchedule, .payoutFailsBeforePaid, .createSeller, .onboardComplete, .onboardPending, .onboardPartial,
            .defaultPolicy:
            2
        case .onboardRejected, .sellerPolicy, .categoryPolicy, .orderWithManyLines, .advanceHours: 1
        }
    }
}

/// What goes wrong around a step.
enum Fault: String, CaseIterable {
    case dropAnswer = "Stripe's answer is lost"
    case rateLimit = "Stripe answers 429"
    case conflict = "Stripe answers 409"
    case serverError = "Stripe answers 500"
    case errorAfterEffect = "Stripe answers 500 after the effect"
    case doubledEvents = "events are delivered twice"
    case reorderedEvents = "events are delivered out of order"
    case lostEvents = "events are lost"
    case killedWorkers = "the workers are killed"
}
