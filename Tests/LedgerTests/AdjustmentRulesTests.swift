import Domain
import Ledger
import Testing

@Suite struct AdjustmentRulesTests {
    @Test(
        "An adjustment is the platform's expense and owed to the seller; its transfer takes it there",
        arguments: Seeds.forThisRun)
    func adjustedAndPaid(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let amount = Money(Int64.random(in: 1...99_999_999, using: &random), .usd)
        let seller = ID<Seller>(milliseconds: 1, using: &random)
        let id = ID<Adjustment>(milliseconds: 2, using: &random)
        let now = Timestamp(seconds: 1_790_000_000)
        let adjusted = try AdjustmentRules.adjusted(id, seller: seller, amount: amount, at: now)
        #expect(adjusted.cause.rawValue == "adjusted:\(id)")
        #expect(adjusted.dimensions == Dimensions(owner: .platform, seller: seller))
        let paid = try SeparateChargeRules.transferMade(
            StripeTransferID("tr_1"), seller: seller, amount: amount, payable: amount,
            dimensions: adjusted.dimensions, at: now)
        var sums: [LedgerAccount: Int64] = [:]
        for posting in adjusted.postings + paid.postings {
            sums[posting.account, default: 0] += posting.signedMinorUnits
        }
        #expect(
            sums == [
                .sellerAdjustmentExpense: amount.minorUnits, .sellerPayable(seller): 0,
                .sellerFunds(seller): -amount.minorUnits,
            ], "seed \(seed)")
    }
}
