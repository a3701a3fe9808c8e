/// Where a transfer to a seller stands. The names are those of the API.
package enum TransferState: String, Hashable, Sendable, CaseIterable, Codable {
    /// It waits, and its amount is not computed yet.
    case held
    /// Its amount is fixed and on its way to Stripe.
    case pending
    /// Stripe has made it: the seller has the money.
    case paid
    /// When its time came nothing was left to move.
    case canceled
}

/// What was decided of the seller's share of a line.
package struct LineRelease: Hashable, Sendable {
    /// When the share is let go, or was.
    package let releasedAt: Timestamp
    package let transfer: ID<Transfer>
    package let transferState: TransferState
    /// Whether the order's own rule lets it go, which a person may do earlier; somebody's word is given once.
    package let isByRule: Bool

    package init(releasedAt: Timestamp, transfer: ID<Transfer>, transferState: TransferState, isByRule: Bool) {
        self.releasedAt = releasedAt
        self.transfer = transfer
        self.transferState = transferState
        self.isByRule = isByRule
    }

    /// The transfer that has taken the share out of the platform's hands; nil while it has not left `held`.
    package var taker: ID<Transfer>? { transferState == .held ? nil : transfer }
}
