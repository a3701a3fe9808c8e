package import Domain
package import Ledger
import Sellers
import StripeAPI

/// What the books of a platform with a history would begin with, read at Stripe and not written yet.
package struct OpeningPlan: Hashable, Sendable {
    /// What one balance held when the books open.
    package struct Balance: Hashable, Sendable {
        package let owner: BalanceOwner
        package let currency: Currency
        /// Available and pending.
        package let held: Money
        /// In the platform's balance for sellers' negative ones; nil for sellers, who have none.
        package let reserved: Money?
        /// On its way to the bank, and no part of the balance any more.
        package let onItsWay: Money
    }

    /// A connected account, and the seller that it belongs to or will belong to.
    package struct Account: Hashable, Sendable {
        package let id: StripeAccountID
        package let externalID: String
        /// Nil where the seller is registered already.
        let joining: Joining?

        package var isNew: Bool { joining != nil }

        struct Joining: Hashable, Sendable {
            let application: SellerApplication
            let facts: AccountFacts
        }
    }

    package let day: CalendarDay
    package let accounts: [Account]
    /// The platform's first, then in the order of accounts; each in the order of currencies.
    package let balances: [Balance]
    /// How many rows were booked since, which the balance feed will read.
    package let rowsSince: Int
    let payouts: [BalanceOwner: [PayoutResource]]

    var opensAt: Timestamp { day.start }
    var owners: [BalanceOwner] { [.platform] + accounts.map { .connected($0.id) } }
}

extension OpeningPlan.Balance {
    /// Begins with what the balance holds now; the rows since the opening are then taken off it.
    struct Draft {
        var held: Int64 = 0
        var reserved: Int64 = 0
        var onItsWay: Int64 = 0
    }

    init(_ draft: Draft, of owner: BalanceOwner, in currency: Currency) {
        self.init(
            owner: owner, currency: currency, held: Money(draft.held, currency),
            reserved: owner == .platform ? Money(draft.reserved, currency) : nil,
            onItsWay: Money(draft.onItsWay, currency))
    }
}

/// Why books cannot be opened, in words for whoever tries.
package enum OpeningError: Error, Hashable, CustomStringConvertible {
    case tooLate(CalendarDay)
    /// Rows of Stripe's have been read already.
    case begun(rows: Int64)
    case opened(CalendarDay)
    case beingRead
    case restless(BalanceOwner)
    case noSuchAccount(StripeAccountID)
    case externalIDTaken(String)

    package var description: String {
        switch self {
        case .tooLate(let day):
            "\(day) is too late: Stripe may show a balance transaction a day after it was made. Open the books on a day "
                + "that began at least 24 hours ago."
        case .begun(let rows):
            "The books have begun: \(rows) balance transactions were read already. Books are opened once, in a database "
                + "whose server has not run against Stripe yet. Make an empty one, migrate it and import into it first."
        case .opened(let day): "The books were opened on \(day) before. Nothing was changed."
        case .beingRead: "Souk is reading balances right now. Stop `souk serve`, and try again."
        case .restless(let owner):
            "The balance of \(owner) moves all the time: it could not be read at a still moment. Try again when less is "
                + "sold."
        case .noSuchAccount(let account): "Stripe shows this platform no account \(account)."
        case .externalIDTaken(let id): "The external_id '\(id)' is that of another seller or stands twice in the file."
        }
    }
}
