import Domain
import Testing

/// What is taken back of a seller's transfers, and what a seller has coming again.
@Suite struct RecoveryPlanTests {
    private static func transfer(_ number: Int) -> ID<Transfer> {
        var random = SeededGenerator(seed: UInt64(number))
        return ID<Transfer>(milliseconds: Int64(number), using: &random)
    }

    private func source(_ number: Int, wanted: Int64, left: Int64) -> RecoveryPlan.Source {
        RecoveryPlan.Source(
            transfer: number == 0 ? nil : Self.transfer(number), wanted: Money(wanted, .usd), left: Money(left, .usd))
    }

    private func amounts(_ sources: [RecoveryPlan.Source], debt: Int64) throws -> [Int64] {
        try RecoveryPlan(over: sources, debt: Money(debt, .usd)).parts.map(\.amount.minorUnits)
    }

    @Test("each transfer gives what it moved")
    func each() throws {
        let plan = try RecoveryPlan(
            over: [source(1, wanted: 700, left: 6300), source(2, wanted: 300, left: 2700)], debt: Money(1000, .usd))
        #expect(plan.parts.map(\.amount.minorUnits) == [700, 300])
        #expect(plan.parts.map(\.transfer) == [Self.transfer(1), Self.transfer(2)])
    }

    @Test("never more than the seller owes: what was taken before is not taken again")
    func debt() throws {
        #expect(try amounts([source(1, wanted: 700, left: 6300)], debt: 400) == [400])
        #expect(try amounts([source(1, wanted: 700, left: 6300)], debt: 0) == [])
        #expect(try amounts([source(1, wanted: 700, left: 6300)], debt: -50) == [])
    }

    @Test("what one transfer lacks comes out of the seller's others, and never more than there is")
    func spill() throws {
        #expect(try amounts([source(0, wanted: 900, left: 0), source(1, wanted: 0, left: 500)], debt: 900) == [500])
        #expect(
            try amounts([source(1, wanted: 900, left: 200), source(2, wanted: 0, left: 800)], debt: 900) == [200, 700])
        #expect(try amounts([source(1, wanted: 900, left: -5)], debt: 900) == [])
    }

    @Test("a seller's discount that goes back lowers what is taken")
    func discount() throws {
        #expect(
            try amounts([source(1, wanted: 1000, left: 1000), source(2, wanted: -300, left: 0)], debt: 700) == [700])
        #expect(try amounts([source(1, wanted: -300, left: 1000)], debt: 100) == [])
    }

    @Test(
        "whatever the transfers: no part beyond its transfer, no sum beyond the debt, nothing left undone that could be",
        arguments: Seeds.forThisRun)
    func anything(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...100 {
            let sources = (0..<Int.random(in: 1...6, using: &random)).map {
                source(
                    $0, wanted: Int64.random(in: -50...500, using: &random),
                    left: Int64.random(in: 0...500, using: &random))
            }
            let debt = Int64.random(in: -100...1500, using: &random)
            let plan = try RecoveryPlan(over: sources, debt: Money(debt, .usd))
            for part in plan.parts {
                let left = sources.first { $0.transfer == part.transfer }?.left.minorUnits ?? 0
                #expect(part.amount.minorUnits > 0 && part.amount.minorUnits <= left, "seed \(seed)")
            }
            let taken = plan.parts.reduce(0) { $0 + $1.amount.minorUnits }
            let wanted = sources.reduce(0) { $0 + $1.wanted.minorUnits }
            let there = sources.reduce(0) { $0 + $1.left.minorUnits }
            #expect(taken == max(0, min(wanted, debt, there)), "seed \(seed)")
        }
    }

    @Test(
        "what a seller has coming again",
        arguments: [
            // owed, unmoved, undone -> amount, payable
            (0, 0, 0, 0, 0),
            // A canceled refund's part, after the share's transfer had ended.
            (0, 900, 0, 900, 900),
            // Taken for a refund that was given up.
            (-900, 0, 900, 900, 0),
            // Taken back on purpose: it stays.
            (-900, 0, 0, 0, 0), (-900, 0, 300, 300, 0),
            // Taken in vain, and settled by another refund since.
            (-200, 0, 900, 200, 0), (0, 0, 900, 0, 0), (100, 0, 900, -100, 0),
            // What is owed both ways cancels out.
            (400, 900, 0, 500, 900), (900, 900, 0, 0, 900), (1000, 900, 0, -100, 900),
            (-300, 500, 300, 800, 500), (0, -40, 0, 0, 0),
        ] as [(Int64, Int64, Int64, Int64, Int64)])
    func dueBack(owed: Int64, unmoved: Int64, undone: Int64, amount: Int64, payable: Int64) throws {
        var random = SeededGenerator(seed: 1)
        let standing = SellerStanding(
            seller: ID<Seller>(milliseconds: 1, using: &random), owed: Money(owed, .usd),
            unmoved: Money(unmoved, .usd), undone: Money(undone, .usd))
        let due = try standing.dueBack
        #expect(due.amount.minorUnits == amount)
        #expect(due.payable.minorUnits == payable)
    }

    @Test(
        "What other orders' shares paid of a debt that is none is due again, once; what was given up of it comes first",
        arguments: [
            // owed, undone, netted, on purpose, written off; recovered, due
            (-500, 0, 500, 0, 0, 0, 500), (-500, 0, 300, 0, 0, 0, 300), (0, 0, 500, 0, 0, 0, 0),
            // Somebody took it back on purpose beside: that stays.
            (-500, 0, 500, 500, 0, 0, 0), (-500, 200, 300, 0, 0, 0, 500), (-900, 600, 400, 300, 0, 0, 600),
            // The first half was given again before: `undone` knows that, and the second half follows.
            (-500, -500, 1000, 0, 0, 0, 500), (0, -500, 500, 0, 0, 0, 0),
            (-500, 0, 0, 0, 500, 500, 0), (-500, 0, 0, 0, 700, 500, 0), (200, 0, 0, 0, 700, 0, 0),
        ] as [(Int64, Int64, Int64, Int64, Int64, Int64, Int64)])
    func paidInVain(
        owed: Int64, undone: Int64, netted: Int64, onPurpose: Int64, writtenOff: Int64,
        recovered: Int64,
        due: Int64
    ) throws {
        var random = SeededGenerator(seed: 1)
        func money(_ minorUnits: Int64) -> Money { Money(minorUnits, .usd) }
        let standing = SellerStanding(
            seller: ID<Seller>(milliseconds: 1, using: &random), owed: money(owed), unmoved: money(0),
            undone: money(undone),
            netted: money(netted), takenOnPurpose: money(onPurpose), writtenOff: money(writtenOff))
        #expect(standing.recovered == money(recovered))
        // Zero or less is nothing.
        #expect(max(0, try standing.dueBack.amount.minorUnits) == due)
    }
}
