/// What each kind of job does when its time comes.
enum Jobs {
    static func run(_ job: Job, _ turn: Turn) throws(StripeFailure) {
        switch job.kind {
        case .attemptDelivery: turn.announce(delivery: job.subject)
        case .verifyAccount: AccountVerification.finish(job.subject, turn)
        case .settleCharge: ChargeSettlement.finish(job.subject, turn)
        case .fundsAvailable: BalanceRows.release(job.subject, turn)
        case .automaticPayout: AutomaticPayouts.run(job.subject, turn)
        case .payoutSent: Payouts.sent(job.subject, turn)
        case .payoutArrived: try Payouts.arrived(job.subject, turn)
        case .collectBalance: Collections.run(job.account, job.subject, turn)
        case .debitAnswered: BankDebits.finish(job.subject, turn)
        case .topupSucceeds: Topups.finish(job.subject, turn)
        case .refundSettles: Refunds.settle(job.subject, turn)
        case .refundFails: try Refunds.fail(job.subject, reason: "expired_or_canceled_card", turn)
        case .refundFunded: try Refunds.fund(turn)
        case .openDispute:
            guard let card = TestCard.numbered(turn.current(job.subject)["_card"].string ?? ""),
                case .dispute(let reason, let isInquiry, _) = card.behaviour
            else { return }
            try Disputes.open(job.subject, reason: reason, amount: nil, isInquiry: isInquiry, turn)
        case .warnOfFraud:
            try EarlyFraudWarnings.warn(of: job.subject, fraudType: "made_with_stolen_card", turn)
        case .disputeDeadline:
            guard Disputes.isOpen(turn.current(job.subject)) else { return }
            turn.update(job.subject) { $0["evidence_details"]["past_due"] = true }
            Disputes.resolve(job.subject, won: false, turn)
        case .expireAuthorization:
            let intent = turn.current(job.subject)
            guard intent["status"] == "requires_capture" else { return }
            _ = try PaymentIntents.canceled(intent, reason: "automatic", turn)
        case .expireSession: try CheckoutSessions.expire(job.subject, turn)
        }
    }
}
