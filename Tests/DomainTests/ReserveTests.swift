import Domain
import Testing

/// What is held back of a seller's share, and what refunds take of it.
@Suite struct ReserveTests {
    @Test(
        "Of a share the part is held back, rounded half up to the currency's steps, and never more than the share",
        arguments: [
            // share, basis points, held
            (9000, 1000, 900), (5, 1000, 1), (4, 1000, 0), (15, 1000, 2), (14, 1000, 1), (1, 10_000, 1), (1, 5000, 1),
            (1, 4999, 0), (6300, 3333, 2100), (0, 10_000, 0), (-100, 10_000, 0),
        ] as [(Int64, Int64, Int64)])
    func amount(share: Int64, basisPoints: Int64, held: Int64) throws {
        let terms = try ReserveTerms(basisPoints: basisPoints, days: 1)
        #expect(terms.amount(of: Money(share, .usd)) == Money(held, .usd))
    }

    @Test("Amounts that Stripe moves are multiples of the currency's step")
    func steps() throws {
        let terms = try ReserveTerms(basisPoints: 1000, days: 1)
        #expect(terms.amount(of: Money(1050, .kwd)) == Money(110, .kwd))
        #expect(try ReserveTerms(basisPoints: 9999, days: 1).amount(of: Money(10, .kwd)) == Money(10, .kwd))
    }

    @Test("From 1 to 10000 basis points and from 1 to 365 days, each refused by name")
    func terms() {
        for (basisPoints, days, parameter) in [
            (0, 1, "basis_points"), (10_001, 1, "basis_points"), (-1, 1, "basis_points"), (1, 0, "days"),
            (1, 366, "days"),
        ] as [(Int64, Int64, String)] {
            let refusal = #expect(throws: Refusal.self) { try ReserveTerms(basisPoints: basisPoints, days: days) }
            #expect(refusal?.parameter == parameter)
        }
        #expect(throws: Never.self) { try ReserveTerms(basisPoints: 1, days: 1) }
        #expect(throws: Never.self) { try ReserveTerms(basisPoints: 10_000, days: 365) }
    }

    @Test("Its date is that many days after the payment, to the second")
    func date() throws {
        let terms = try ReserveTerms(basisPoints: 1, days: 7)
        #expect(terms.releaseDate(paidAt: Timestamp(seconds: 1000)) == Timestamp(seconds: 1000 + 7 * 86_400))
    }

    @Test("The part of the whole share spreads over the lines that give the seller something")
    func spread() throws {
        let seller = OrderDivisionTests.seller
        let division = try OrderDivisionTests.divide([
            OrderDivisionTests.item(1000), OrderDivisionTests.line(.tax, 500),
            OrderDivisionTests.line(.shipping, 3000, seller: seller),
            OrderDivisionTests.line(.discount, -400, seller: seller),
            OrderDivisionTests.line(.discount, -300, seller: seller, fundedBy: .platform),
        ])
        // 900 + 2700 − 400 of the seller: a tenth is 320, a quarter of it of the first line.
        let parts = try division.reserve(of: seller, under: ReserveTerms(basisPoints: 1000, days: 1))
        #expect(parts.map(\.line) == [division.lines[0].id, division.lines[2].id])
        #expect(parts.map(\.amount.minorUnits) == [80, 240])
    }

    @Test(
        "Whatever the lines, the parts sum to what is held back, each between nothing and its line's share",
        arguments: Seeds.forThisRun)
    func spreads(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...100 {
            let currency = [Currency.usd, .jpy, .kwd].randomElement(using: &random) ?? .usd
            let step = currency.rule.chargeStep
            let seller = OrderDivisionTests.seller
            var lines = try (0..<Int.random(in: 1...6, using: &random)).map { _ in
                try OrderDivisionTests.item(Int64.random(in: 0...5000, using: &random) * step)
            }
            lines.append(try OrderDivisionTests.item(1000 * step))
            lines.append(
                try OrderDivisionTests.line(
                    .discount, -Int64.random(in: 1...800, using: &random) * step, seller: seller))
            let division = try OrderDivisionTests.divide(lines, currency: currency)
            let terms = try ReserveTerms(basisPoints: Int64.random(in: 1...10_000, using: &random), days: 1)
            let parts = try division.reserve(of: seller, under: terms)
            let share = try #require(try division.shares.first).amount
            let sum = parts.reduce(0) { $0 + $1.amount.minorUnits }
            #expect(sum == terms.amount(of: share).minorUnits, "seed \(seed)")
            for part in parts {
                let line = try #require(division.lines.first { $0.id == part.line })
                #expect(part.amount.isPositive, "seed \(seed)")
                #expect(part.amount.minorUnits <= line.parts.sellerAmount.minorUnits, "seed \(seed)")
                #expect(part.amount.minorUnits.isMultiple(of: step), "seed \(seed)")
            }
        }
    }

    @Test(
        "What is payable is taken first, then what is held back; the rest is owed",
        arguments: [
            // taken, waiting, left, of it held back
            (500, 8100, 900, 0), (8100, 8100, 900, 0), (8101, 8100, 900, 1), (9000, 8100, 900, 900),
            (9500, 8100, 900, 900), (500, nil, 900, 500), (900, nil, 900, 900), (901, nil, 900, 900), (500, nil, 0, 0),
            (500, 0, 900, 500), (500, -20, 900, 500), (-30, nil, 900, 0), (-30, 10, 900, 0),
        ] as [(Int64, Int64?, Int64, Int64)])
    func taken(taken: Int64, waiting: Int64?, left: Int64, held: Int64) throws {
        let line = LineReserve(
            waiting: waiting.map { Money($0, .usd) }, left: Money(left, .usd), isReleased: false)
        #expect(try line.part(of: Money(taken, .usd)) == Money(held, .usd))
    }

    @Test("One seller with a reserve means separate charges, whatever is asked for")
    func shape() throws {
        let seller = OrderDivisionTests.seller
        let draft = try OrderDraft(currency: .usd, lines: [OrderDivisionTests.item(1000)])
        func choose(_ requested: ChargeShape?) throws -> ChargeShape {
            try ChargeShape.choose(for: draft, requested: requested, release: .onPayment, reserved: [seller])
        }
        #expect(try choose(nil) == .separate)
        #expect(try choose(.separate) == .separate)
        let refusal = #expect(throws: Refusal.self) { try choose(.destination) }
        #expect(refusal?.code == .chargeShapeImpossible)
        #expect(refusal?.parameter == "charge_shape")
        #expect(refusal?.message.contains("held back as a reserve") == true)
        var random = SeededGenerator(seed: 7)
        let other = ID<Seller>(milliseconds: 7, using: &random)
        #expect(
            try ChargeShape.choose(for: draft, requested: nil, release: .onPayment, reserved: [other]) == .destination)
    }
}
