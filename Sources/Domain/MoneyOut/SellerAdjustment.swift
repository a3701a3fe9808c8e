/// Why the platform gives a seller money that no order brought.
package enum AdjustmentReason: String, Hashable, Sendable, CaseIterable, Codable {
    case goodwill, bonus, correction
}

/// Where an adjustment stands. The names are those of the API.
package enum AdjustmentStatus: String, Hashable, Sendable, CaseIterable, Codable {
    /// Above a limit: the seller is owed nothing by it until a second person agrees.
    case needsApproval = "needs_approval"
    /// The seller is owed it, and the transfer is on its way or waits.
    case owed
    case paid
    /// A person refused it, and it was never owed.
    case refused

    /// - Parameters:
    ///   - isOwed: whether the books have it as owed to the seller, now or before it was paid.
    ///   - transfer: the state of its transfer.
    package init(isOwed: Bool, transfer: TransferState) {
        self =
            switch transfer {
            case .paid: .paid
            case .canceled: .refused
            case .held, .pending: isOwed ? .owed : .needsApproval
            }
    }
}
