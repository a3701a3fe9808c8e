/// What a dispute means for its order: the part of Stripe's statuses that a marketplace decides by.
package enum DisputeStage: String, Hashable, Sendable, CaseIterable {
    /// The bank asks; no money has moved, and the charge can still be refunded.
    case inquiry
    /// The money is taken, and the end is not known.
    case open
    case won
    case lost

    /// - Parameter status: Stripe's word.
    ///   What ended before money moved has no stage, and neither has a word that this version does not know.
    package init?(status: String) {
        switch status {
        case "warning_needs_response", "warning_under_review": self = .inquiry
        case "needs_response", "under_review", "appeal_needs_response", "appeal_under_review": self = .open
        case "won": self = .won
        case "lost": self = .lost
        default: return nil
        }
    }

    /// The stage of an order with these disputes: what still asks for something comes first, then what cost money.
    package static func of(order stages: [DisputeStage]) -> DisputeStage? {
        [.open, .inquiry, .lost, .won].first(where: stages.contains)
    }
}
