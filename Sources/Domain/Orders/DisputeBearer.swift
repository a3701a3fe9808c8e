/// Who bears what a bank takes back of an order for the buyer. Frozen when the order is placed.
package enum DisputeBearer: String, Hashable, Sendable, CaseIterable, Codable {
    /// All of it is the platform's loss.
    case platform
    /// Each party gives back its own part, as for a refund: sellers their shares, the platform its fee.
    case seller
}
