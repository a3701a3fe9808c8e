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
}
