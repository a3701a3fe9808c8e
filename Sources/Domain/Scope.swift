/// What an API key may do. A `write` scope includes reading the same things; `admin` includes everything.
package enum Scope: String, Sendable, CaseIterable, Codable, Comparable {
    case sellersRead = "sellers:read"
    case sellersWrite = "sellers:write"
    case feesRead = "fees:read"
    case feesWrite = "fees:write"
    case ordersRead = "orders:read"
    case ordersWrite = "orders:write"
    case refundsWrite = "refunds:write"
    case transfersRead = "transfers:read"
    case transfersWrite = "transfers:write"
    case payoutsWrite = "payouts:write"
    case disputesRead = "disputes:read"
    case disputesWrite = "disputes:write"
    case billingRead = "billing:read"
    case billingWrite = "billing:write"
    case eventsRead = "events:read"
    case eventsWrite = "events:write"
    case ledgerRead = "ledger:read"
    case admin

    /// The scopes of which any one is enough where this one is required.
    package var grantedBy: Set<Scope> {
        switch self {
        case .sellersRead: [.sellersRead, .sellersWrite, .admin]
        case .feesRead: [.feesRead, .feesWrite, .admin]
        case .ordersRead: [.ordersRead, .ordersWrite, .refundsWrite, .admin]
        case .transfersRead: [.transfersRead, .transfersWrite, .payoutsWrite, .admin]
        case .disputesRead: [.disputesRead, .disputesWrite, .admin]
        case .billingRead: [.billingRead, .billingWrite, .admin]
        case .eventsRead: [.eventsRead, .eventsWrite, .admin]
        case .sellersWrite, .feesWrite, .ordersWrite, .refundsWrite, .transfersWrite, .payoutsWrite, .disputesWrite,
            .billingWrite, .eventsWrite, .ledgerRead, .admin:
            [self, .admin]
        }
    }

    package static func < (left: Scope, right: Scope) -> Bool { left.rawValue < right.rawValue }
}
