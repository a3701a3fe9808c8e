import Domain
import Ledger
import Testing

@Suite struct JournalNameTests {
    private static let seller: ID<Seller> = {
        var random = SeededGenerator(seed: 1)
        return ID(milliseconds: 1_700_000_000_000, using: &random)
    }()

    private static let all: [LedgerAccount] = {
        let owners =
            [BalanceOwner.platform] + ["1Ab", "1AB", "1_Ab", "1-Ab"].map { .connected(StripeAccountID("acct_\($0)")) }
        var accounts: [LedgerAccount] = [
            .disputesOpen, .applicationFeeRevenue, .billingRevenue, .recoveredStripeFees, .taxCollected,
            .buyerRefundsDue, .stripeFees, .disputeFees, .refundLoss, .disputeLoss, .writeOffLoss, .promotionExpense,
            .sellerAdjustmentExpense, .fxConversion, .fxGainLoss, .platformBank, .openingEquity, .externalEquity,
            .suspense, .sellerPayable(seller), .sellerReserve(seller), .sellerFunds(seller), .sellerReceivable(seller),
        ]
        for owner in owners { accounts += [.stripeBalance(owner), .stripeReserved(owner), .transit(owner)] }
        for kind in LedgerAccount.Clearing.allCases { accounts.append(.clearing(kind)) }
        return accounts
    }()

    @Test("every account has a name of its own that beancount takes, and hledger takes all that beancount takes")
    func names() {
        let names = Self.all.map(\.journalName)
        #expect(Set(names).count == names.count)
        for name in names {
            let parts = name.split(separator: ":", omittingEmptySubsequences: false)
            #expect(["Assets", "Liabilities", "Equity", "Income", "Expenses"].contains(String(parts[0])), "\(name)")
            for part in parts { #expect(part.wholeMatch(of: /[A-Z0-9][A-Za-z0-9\-]*/) != nil, "\(name)") }
        }
    }

    @Test("an account grows on the side that its root has in accounting programs")
    func roots() {
        for account in Self.all where !account.returnsToZero && account != .suspense {
            let root = account.journalName.prefix { $0 != ":" }
            let side: Side = ["Assets", "Expenses"].contains(root) ? .debit : .credit
            #expect(account.normalSide == side, "\(account.code)")
        }
        #expect(
            LedgerAccount.stripeBalance(.connected(StripeAccountID("acct_1Ab"))).journalName == "Assets:Stripe:Acct-1Ab"
        )
        #expect(LedgerAccount.clearing(.applicationFee).journalName == "Assets:Clearing:Application-Fee")
    }
}
