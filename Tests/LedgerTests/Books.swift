import Domain
import Ledger
import Testing

/// A journal in memory that refuses a cause it has seen, and knows every balance.
struct Books {
    struct Key: Hashable {
        let account: LedgerAccount
        let currency: Currency
        let subject: String?
    }

    private(set) var causes: Set<Cause> = []
    /// Debits less credits.
    private(set) var balances: [Key: Int64] = [:]

    mutating func post(_ entry: JournalEntry?) {
        guard let entry, causes.insert(entry.cause).inserted else { return }
        for posting in entry.postings {
            let key = Key(account: posting.account, currency: posting.amount.currency, subject: posting.subject)
            balances[key, default: 0] += posting.signedMinorUnits
        }
    }

    /// In the account's normal direction, over all subjects.
    func balance(_ account: LedgerAccount, _ currency: Currency = .usd) -> Int64 {
        let debits = balances.filter { $0.key.account == account && $0.key.currency == currency }.values.reduce(0, +)
        return account.normalSide == .debit ? debits : -debits
    }

    /// Clearing that has not come back to zero, by subject.
    var uncleared: [Key: Int64] { balances.filter { $0.key.account.returnsToZero && $0.value != 0 } }

    var sum: Int64 { balances.values.reduce(0, +) }
}

/// Rows of Stripe's books, written the short way.
struct Rows {
    let owner: BalanceOwner
    let seller: ID<Seller>?
    private var count = 0

    init(owner: BalanceOwner, seller: ID<Seller>? = nil) {
        self.owner = owner
        self.seller = seller
    }

    mutating func row(
        _ category: String, _ amount: Int64, fees: [(String, Int64)] = [], _ subject: BalanceTransaction.Subject,
        applicationFee: String? = nil, currency: Currency = .usd, balanceType: String = "payments"
    ) throws -> JournalEntry? {
        count += 1
        return try BalanceTransactionRules.entry(
            for: BalanceTransaction(
                id: StripeBalanceTransactionID("txn_\(owner)_\(count)"), owner: owner, seller: seller, order: nil,
                amount: Money(amount, currency), net: Money(amount - fees.reduce(0) { $0 + $1.1 }, currency),
                fees: fees.map { .init(type: $0.0, amount: $0.1) }, applicationFee: applicationFee,
                category: category, balanceType: balanceType, subject: subject, created: Timestamp(seconds: 0)))
    }
}
