package import Domain
import Hummingbird
import Ledger
import Postgres
package import Store
package import StripeAPI
import Web

/// What is in a seller's balance at Stripe right now, beside what the books have for the seller. Stripe's side is never
/// kept: it is read when it is needed.
package struct ReadSellerBalance: Sendable {
    let store: Store
    let stripe: StripeClient

    package init(store: Store, stripe: StripeClient) {
        self.store = store
        self.stripe = stripe
    }

    /// - Throws: `seller_not_found`, `seller_not_ready`, `stripe_unavailable`.
    package func callAsFunction(_ id: ID<Seller>) async throws -> SellerBalance {
        let account = try await store.requireSeller(id).requireConnectedAccount(to: "have a balance")
        let balance = try await stripe.send(RetrieveBalance(account: account))
        var books: [LedgerAccount: [Money]] = [:]
        let accounts: [LedgerAccount] = [
            .sellerFunds(id), .sellerPayable(id), .sellerReserve(id), .sellerReceivable(id),
        ]
        let rows = try await store.query(
            """
            SELECT code, currency, balance_minor FROM ledger_accounts
            WHERE code = ANY (\(accounts.map(\.code))) ORDER BY code, currency
            """)
        for row in rows {
            guard let account = LedgerAccount(code: try row.get("code")) else { continue }
            let debits: Int64 = try row.get("balance_minor")
            books[account, default: []].append(
                Money(account.normalSide == .debit ? debits : -debits, try row.get("currency")))
        }
        return SellerBalance(
            seller: id, account: account, stripe: balance, funds: books[.sellerFunds(id)] ?? [],
            payable: books[.sellerPayable(id)] ?? [], reserve: books[.sellerReserve(id)] ?? [],
            receivable: books[.sellerReceivable(id)] ?? [])
    }
}

package struct SellerBalance: Sendable {
    let seller: ID<Seller>
    let account: StripeAccountID
    let stripe: BalanceResource
    /// By the books, each on its normal side.
    let funds: [Money]
    let payable: [Money]
    let reserve: [Money]
    let receivable: [Money]
}

/// Amounts are in minor units and may be negative, for each currency.
struct SellerBalanceBody: ResponseEncodable, Sendable {
    struct Amount: Encodable, Sendable {
        let amount: Int64
        let currency: Currency

        init(_ amount: BalanceResource.Amount) {
            self.amount = amount.amount
            currency = amount.currency
        }

        init(_ money: Money) {
            amount = money.minorUnits
            currency = money.currency
        }
    }

    struct Books: Encodable, Sendable {
        let funds: [Amount]
        let payable: [Amount]
        let reserve: [Amount]
        let receivable: [Amount]
    }

    let object = "balance"
    let seller: ID<Seller>
    let stripeAccount: StripeAccountID
    let available: [Amount]
    let pending: [Amount]
    let instantAvailable: [Amount]
    let ledger: Books
    let livemode: Bool

    init(_ balance: SellerBalance) {
        seller = balance.seller
        stripeAccount = balance.account
        available = balance.stripe.available.map(Amount.init)
        pending = balance.stripe.pending.map(Amount.init)
        instantAvailable = (balance.stripe.instantAvailable ?? []).map(Amount.init)
        ledger = Books(
            funds: balance.funds.map(Amount.init), payable: balance.payable.map(Amount.init),
            reserve: balance.reserve.map(Amount.init), receivable: balance.receivable.map(Amount.init))
        livemode = balance.stripe.livemode
    }

    private enum CodingKeys: String, CodingKey {
        case object, seller, stripeAccount, available, pending, instantAvailable, ledger, livemode
    }
}

extension SellerRoutes {
    @Sendable func balance(_ request: Request, _ context: SoukContext) async throws -> SellerBalanceBody {
        try request.refuseQuery()
        let id = try context.id(of: Seller.self, else: .sellerNotFound)
        return SellerBalanceBody(try await ReadSellerBalance(store: store, stripe: stripe)(id))
    }
}
