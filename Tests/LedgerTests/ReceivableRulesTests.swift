import Domain
import Ledger
import Testing

@Suite struct ReceivableRulesTests {
    @Test("A debt that is given up is the platform's loss, and the seller owes it no more", arguments: Seeds.forThisRun)
    func writtenOff(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let amount = Money(Int64.random(in: 1...99_999_999, using: &random), .usd)
        let seller = ID<Seller>(milliseconds: 1, using: &random)
        let id = ID<WriteOff>(milliseconds: 2, using: &random)
        let entry = try ReceivableRules.writtenOff(
            id, seller: seller, amount: amount, at: Timestamp(seconds: 1_790_000_000))
        #expect(entry.cause.rawValue == "written_off:\(id)")
        #expect(
            Dictionary(entry.postings.map { ($0.account, $0.signedMinorUnits) }, uniquingKeysWith: +) == [
                .writeOffLoss: amount.minorUnits, .sellerReceivable(seller): -amount.minorUnits,
            ], "seed \(seed)")
    }

    @Test("What comes back of a debt that was given up undoes the loss", arguments: Seeds.forThisRun)
    func recovered(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let amount = Money(Int64.random(in: 1...99_999_999, using: &random), .usd)
        let seller = ID<Seller>(milliseconds: 1, using: &random)
        let id = ID<WriteOffRecovery>(milliseconds: 2, using: &random)
        let entry = try ReceivableRules.writeOffRecovered(
            id, seller: seller, amount: amount, at: Timestamp(seconds: 1_790_000_000))
        #expect(entry.cause.rawValue == "write_off_recovered:\(id)")
        #expect(
            Dictionary(entry.postings.map { ($0.account, $0.signedMinorUnits) }, uniquingKeysWith: +) == [
                .writeOffLoss: -amount.minorUnits, .sellerReceivable(seller): amount.minorUnits,
            ], "seed \(seed)")
    }

    @Test("Stripe fills a seller's balance out of the platform's: both rows meet, and the seller owes it")
    func collected() throws {
        var random = SeededGenerator(seed: 1)
        let seller = ID<Seller>(milliseconds: 1, using: &random)
        let account = BalanceOwner.connected(StripeAccountID("acct_1"))
        func row(_ amount: Int64, _ owner: BalanceOwner, _ seller: ID<Seller>?) -> BalanceTransaction {
            BalanceTransaction(
                id: StripeBalanceTransactionID("txn_\(owner.code)"), owner: owner, seller: seller, order: nil,
                amount: Money(amount, .usd), net: Money(amount, .usd), fees: [], applicationFee: nil,
                category: "connect_collection_transfer", balanceType: "payments", subject: .transfer("connct_1"),
                created: Timestamp(seconds: 1_790_000_000))
        }
        let entries =
            try BalanceTransactionRules.entries(for: row(-9000, .platform, nil))
            + BalanceTransactionRules.entries(for: row(9000, account, seller))
        #expect(
            entries.map(\.cause.rawValue) == [
                "balance_transaction:platform:txn_platform", "balance_transaction:acct_1:txn_acct_1",
                "collected:acct_1:txn_acct_1",
            ])
        let balances = Dictionary(
            entries.flatMap(\.postings).map { ($0.account, $0.signedMinorUnits) }, uniquingKeysWith: +)
        #expect(
            balances == [
                .stripeBalance(.platform): -9000, .stripeBalance(account): 9000, .clearing(.transfer): 0,
                .sellerReceivable(seller): 9000, .sellerFunds(seller): -9000,
            ])
    }
}
