import Domain
import Testing

@Suite struct OrderDivisionTests {
    static let seller: ID<Seller> = {
        var ids = IDs()
        return ids.make()
    }()

    static func item(_ amount: Int64, quantity: Int64 = 1, category: String? = nil) throws -> OrderLineDraft {
        try OrderLineDraft(
            kind: .item, seller: seller, description: "Oak table", unitAmount: amount, quantity: quantity,
            category: category)
    }

    static func line(
        _ kind: OrderLine.Kind, _ amount: Int64, seller: ID<Seller>? = nil, fundedBy: OrderLine.Funder? = nil
    ) throws -> OrderLineDraft {
        try OrderLineDraft(
            kind: kind, seller: seller, description: kind.rawValue, unitAmount: amount, fundedBy: fundedBy)
    }

    static func divide(
        _ lines: [OrderLineDraft], bps: Int64 = 1000, fixed: Int64 = 0, currency: Currency = .usd
    ) throws -> OrderDivision {
        var ids = IDs()
        let policy = FeePolicy(
            id: ids.make(), scope: .everyone, terms: try FeeTerms(currency: currency, percentBPS: bps, fixed: fixed),
            inForceFrom: Timestamp(seconds: 0))
        return try OrderDivision(
            OrderDraft(currency: currency, lines: lines), policies: [policy], at: Timestamp(seconds: 1)
        ) { ids.make() }
    }

    @Test("An item of 10000 at 10 % leaves 1000 with the platform and 9000 with the seller")
    func ordinary() throws {
        let division = try Self.divide([Self.item(10_000)])
        #expect(division.total.platformFee == Money(1000, .usd))
        #expect(division.total.sellerAmount == Money(9000, .usd))
        #expect(try division.applicationFeeAmount() == Money(1000, .usd))
        #expect(division.lines[0].feeTerms?.percentBPS == 1000)
    }

    @Test("Tax and the platform's own sales stay with the platform, tips are wholly the seller's")
    func everyKind() throws {
        let division = try Self.divide([
            Self.item(2500, quantity: 2), Self.line(.shipping, 500, seller: Self.seller),
            Self.line(.tip, 300, seller: Self.seller), Self.line(.tax, 400), Self.line(.item, 250),
            Self.line(.discount, -200), Self.line(.discount, -100, seller: Self.seller),
        ])
        let total = division.total
        #expect(total.amount == Money(6150, .usd))
        #expect(total.platformFee == Money(550, .usd))  // 10 % of 5000 and of 500
        #expect(total.tax == Money(400, .usd))
        #expect(total.platformSales == Money(250, .usd))
        #expect(total.platformDiscount == Money(200, .usd))
        #expect(total.sellerAmount == Money(5150, .usd))  // 4500 + 450 + 300 − 100
        #expect(try division.applicationFeeAmount() == Money(1000, .usd))
    }

    @Test("An order without a policy bears no fee")
    func noPolicy() throws {
        var ids = IDs()
        let division = try OrderDivision(
            OrderDraft(currency: .usd, lines: [Self.item(10_000)]), policies: [], at: Timestamp(seconds: 1)
        ) { ids.make() }
        #expect(try division.applicationFeeAmount() == .zero(.usd))
        #expect(division.lines[0].feePolicy == nil)
    }

    @Test("A destination charge cannot carry more than the buyer pays, in either direction")
    func impossibleFees() throws {
        let tooMuchPromotion = try Self.divide([Self.item(10_000), Self.line(.discount, -1001)])
        let refusal = #expect(throws: Refusal.self) { try tooMuchPromotion.applicationFeeAmount() }
        #expect(refusal?.code == .chargeShapeImpossible)
        #expect(refusal?.message.contains("0.01 usd") == true)

        let sellerPays = try Self.divide([
            Self.item(1000), Self.line(.tax, 500), Self.line(.discount, -901, seller: Self.seller),
        ])
        let other = #expect(throws: Refusal.self) { try sellerPays.applicationFeeAmount() }
        #expect(other?.code == .chargeShapeImpossible)
        #expect(other?.message.contains("0.01 usd") == true)
        // Exactly all of it is possible.
        let all = try Self.divide([
            Self.item(1000), Self.line(.tax, 500), Self.line(.discount, -900, seller: Self.seller),
        ])
        #expect(try all.applicationFeeAmount() == Money(600, .usd))
    }

    @Test("Parts that were stored are taken only when they sum to their amount, the platform's discount off")
    func storedParts() throws {
        func parts(_ amount: Int64, seller: Int64, fee: Int64, tax: Int64, sales: Int64, discount: Int64) throws
            -> MoneyParts
        {
            try MoneyParts(
                amount: Money(amount, .usd), sellerAmount: Money(seller, .usd), platformFee: Money(fee, .usd),
                tax: Money(tax, .usd), platformSales: Money(sales, .usd), platformDiscount: Money(discount, .usd),
                excess: .zero(.usd))
        }
        _ = try parts(100, seller: 80, fee: 10, tax: 7, sales: 8, discount: 5)
        let refusal = #expect(throws: PartsDoNotSum.self) {
            try parts(100, seller: 81, fee: 10, tax: 7, sales: 8, discount: 5)
        }
        #expect(refusal?.sum == Money(101, .usd))
        #expect(throws: PartsDoNotSum.self) { try parts(100, seller: 80, fee: 10, tax: 7, sales: 8, discount: -5) }
    }

    @Test("The parts of every line and of the order sum to what the buyer pays", arguments: Seeds.forThisRun)
    func conservation(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...20 {
            let currency = try #require([Currency.usd, .jpy, .kwd].randomElement(using: &random))
            let lines = try RandomOrders.lines(in: currency, using: &random)
            guard let draft = try? OrderDraft(currency: currency, lines: lines) else { continue }
            let division = try RandomOrders.divide(draft, using: &random)
            for line in division.lines {
                #expect(try RandomOrders.sum(line.parts) == line.amount, "seed \(seed)")
                #expect(line.parts.platformFee.minorUnits.isMultiple(of: currency.rule.chargeStep), "seed \(seed)")
            }
            #expect(try RandomOrders.sum(division.total) == draft.amount, "seed \(seed)")
            guard let fee = try? division.applicationFeeAmount() else { continue }
            #expect((0...draft.amount.minorUnits).contains(fee.minorUnits), "seed \(seed)")
            #expect(try draft.amount.subtracting(fee) == division.total.sellerAmount, "seed \(seed)")
        }
    }

    @Test(
        "A part that is captured divides over the lines as they do, each under its own terms",
        arguments: Seeds.forThisRun)
    func captureLess(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...20 {
            let currency = try #require([Currency.usd, .jpy, .kwd].randomElement(using: &random))
            let step = currency.rule.chargeStep
            let lines = try RandomOrders.lines(in: currency, using: &random)
            guard let draft = try? OrderDraft(currency: currency, lines: lines) else { continue }
            let placed = try RandomOrders.divide(draft, using: &random)
            let part = Money(Int64.random(in: 1...draft.amount.minorUnits / step, using: &random) * step, currency)
            let captured = try placed.capturing(part)
            #expect(captured.total.amount == part, "seed \(seed)")
            for (line, before) in zip(captured.lines, placed.lines) {
                let (amount, whole) = (line.amount.minorUnits, before.amount.minorUnits)
                #expect((min(0, whole)...max(0, whole)).contains(amount), "seed \(seed)")
                #expect(amount.isMultiple(of: step), "seed \(seed)")
                // No further from its exact part than one step.
                let exact = Double(whole) * Double(part.minorUnits) / Double(draft.amount.minorUnits)
                #expect(abs(Double(amount) - exact) < Double(step) + 1e-6, "seed \(seed)")
                #expect(try RandomOrders.sum(line.parts) == line.amount, "seed \(seed)")
                #expect(
                    line.parts.platformFee == line.feeTerms?.fee(on: line.amount) ?? .zero(currency), "seed \(seed)")
                #expect(line.id == before.id && line.unitAmount == before.unitAmount, "seed \(seed)")
            }
            #expect(try placed.capturing(draft.amount) == placed, "seed \(seed)")
        }
    }

    @Test("Of 100.00 at 10 % plus 0.30, 25.00 is captured with a fee of 2.80")
    func captureQuarter() throws {
        let order = try Self.divide(
            [Self.item(10_000), Self.line(.tax, 800), Self.line(.discount, -800)], fixed: 30)
        let captured = try order.capturing(Money(2500, .usd))
        #expect(captured.lines.map(\.amount.minorUnits) == [2500, 200, -200])
        #expect(captured.total.platformFee == Money(280, .usd))
        #expect(captured.total.sellerAmount == Money(2220, .usd))
        #expect(captured.total.tax == Money(200, .usd))
        #expect(try captured.applicationFeeAmount() == Money(280, .usd))
    }
}

@Suite struct OrderDraftTests {
    @Test("Stripe's bounds of a total are told apart")
    func bounds() throws {
        func code(_ currency: Currency, _ amounts: [Int64]) -> ErrorCode? {
            do {
                let lines = try amounts.map { try OrderDivisionTests.line($0 < 0 ? .discount : .item, $0) }
                _ = try OrderDraft(currency: currency, lines: lines)
                return nil
            } catch { return (error as? Refusal)?.code }
        }
        #expect(code(.usd, [50]) == nil)
        #expect(code(.usd, [49]) == .amountTooSmall)
        #expect(code(.usd, [100, -100]) == .amountTooSmall)
        #expect(code(.usd, [99_999_999]) == nil)
        #expect(code(.usd, [99_999_999, 1]) == .amountTooLarge)
        #expect(code(.usd, [100_000_000]) == .amountTooLarge)
        #expect(code(.kwd, [1005]) == .parameterInvalid)
        #expect(code(.kwd, [1000]) == nil)
        #expect(code(.kwd, [0]) == .amountTooSmall)
        #expect(code(.usd, []) == .parameterMissing)
        #expect(code(.usd, Array(repeating: 100, count: 500)) == nil)
        #expect(code(.usd, Array(repeating: 100, count: 501)) == .tooManyLines)
    }

    @Test("Only discounts are negative, and a fee is taken only where there is something to take it from")
    func signs() {
        func parameter(_ make: () throws -> OrderLineDraft) -> String? {
            do {
                _ = try make()
                return nil
            } catch { return (error as? Refusal)?.parameter }
        }
        #expect(parameter { try OrderDivisionTests.line(.item, -1) } == "line.unit_amount")
        #expect(parameter { try OrderDivisionTests.line(.discount, 1) } == "line.unit_amount")
        #expect(parameter { try OrderDivisionTests.line(.item, 1, fundedBy: .seller) } == "line.funded_by")
        #expect(parameter { try OrderDivisionTests.line(.discount, -1, fundedBy: .seller) } == "line.seller")
        #expect(parameter { try OrderDivisionTests.line(.share, 1) } == "line.seller")
        for kind in [OrderLine.Kind.tax, .discount, .item] {
            #expect(
                parameter {
                    try OrderLineDraft(
                        kind: kind, seller: nil, description: "x", unitAmount: 0, feeApplies: true)
                } == "line.fee_applies")
        }
        #expect(
            parameter { try OrderLineDraft(kind: .item, seller: nil, description: "", unitAmount: 1) }
                == "line.description")
        #expect(
            parameter {
                try OrderLineDraft(kind: .item, seller: nil, description: "x", unitAmount: 1, quantity: 0)
            } == "line.quantity")
    }
}

@Suite struct ChargeShapeTests {
    static func choose(
        _ lines: [OrderLineDraft], requested: ChargeShape? = nil, release: ChargeShape.Release = .onPayment
    ) throws -> ChargeShape {
        try ChargeShape.choose(
            for: OrderDraft(currency: .usd, lines: lines), requested: requested, release: release)
    }

    @Test("One seller means a destination charge, asked for or not")
    func destination() throws {
        let lines = [try OrderDivisionTests.item(1000), try OrderDivisionTests.line(.tax, 100)]
        for requested in [nil, ChargeShape.destination] {
            #expect(try Self.choose(lines, requested: requested) == .destination)
        }
    }

    @Test("A discount that the platform funds makes the seller whom it names no party to the order")
    func discountOfThePlatform() throws {
        var ids = IDs()
        let (first, second): (ID<Seller>, ID<Seller>) = (ids.make(), ids.make())
        let lines = [
            try OrderDivisionTests.line(.item, 500, seller: first),
            try OrderDivisionTests.line(.discount, -100, seller: second, fundedBy: .platform),
        ]
        #expect(try Self.choose(lines) == .destination)
        #expect(try OrderDivisionTests.divide(lines).shares.map(\.seller) == [first])
        let funded = [lines[0], try OrderDivisionTests.line(.discount, -100, seller: second)]
        #expect(try Self.choose(funded) == .separate)
    }

    @Test("Several sellers, a share, a later release or the caller's word make separate charges")
    func separate() throws {
        var ids = IDs()
        let (first, second): (ID<Seller>, ID<Seller>) = (ids.make(), ids.make())
        let one = [try OrderDivisionTests.line(.item, 500, seller: first)]
        let two = one + [try OrderDivisionTests.line(.item, 500, seller: second)]
        for requested in [nil, ChargeShape.separate] {
            #expect(try Self.choose(two, requested: requested) == .separate)
            #expect(try Self.choose(one, requested: requested, release: .afterDays(7)) == .separate)
            #expect(try Self.choose(one, requested: requested, release: .onFulfilment) == .separate)
            let share = one + [try OrderDivisionTests.line(.share, 100, seller: first)]
            #expect(try Self.choose(share, requested: requested) == .separate)
        }
        #expect(try Self.choose(one, requested: .separate) == .separate)
        func of(_ count: Int) throws -> [OrderLineDraft] {
            try (0..<count).map { _ in try OrderDivisionTests.line(.item, 500, seller: ids.make()) }
        }
        #expect(try Self.choose(try of(50)) == .separate)
        let refusal = #expect(throws: Refusal.self) { try Self.choose(try of(51)) }
        #expect(refusal?.code == .parameterInvalid)
    }

    @Test("Each seller's share is the sum of that seller's lines, and none is below zero")
    func shares() throws {
        var ids = IDs()
        let (first, second): (ID<Seller>, ID<Seller>) = (ids.make(), ids.make())
        let division = try OrderDivisionTests.divide([
            try OrderDivisionTests.line(.item, 1000, seller: second),
            try OrderDivisionTests.line(.item, 500, seller: first),
            try OrderDivisionTests.line(.shipping, 300, seller: second),
            try OrderDivisionTests.line(.discount, -70, seller: second), try OrderDivisionTests.line(.tax, 100),
        ])
        #expect(
            try division.shares == [
                SellerShare(seller: second, amount: Money(1100, .usd)),
                SellerShare(seller: first, amount: Money(450, .usd)),
            ])
        #expect(try division.applicationFeeAmount() == Money(280, .usd))
        let tooMuch = try OrderDivisionTests.divide([
            try OrderDivisionTests.line(.item, 1000, seller: second),
            try OrderDivisionTests.line(.item, 500, seller: first),
            try OrderDivisionTests.line(.discount, -451, seller: first),
        ])
        let refusal = #expect(throws: Refusal.self) { try tooMuch.applicationFeeAmount() }
        #expect(refusal?.message.contains(first.rawValue) == true)
    }

    @Test("What a destination charge cannot do is refused with the reason")
    func refusals() throws {
        var ids = IDs()
        let (first, second): (ID<Seller>, ID<Seller>) = (ids.make(), ids.make())
        func message(
            _ lines: [OrderLineDraft], requested: ChargeShape? = nil, release: ChargeShape.Release = .onPayment
        ) -> String? {
            do {
                _ = try Self.choose(lines, requested: requested, release: release)
                return nil
            } catch {
                guard let refusal = error as? Refusal, refusal.code == .chargeShapeImpossible else { return nil }
                return refusal.message
            }
        }
        let two = [
            try OrderDivisionTests.line(.item, 500, seller: first),
            try OrderDivisionTests.line(.item, 500, seller: second),
        ]
        let one = [try OrderDivisionTests.line(.item, 500, seller: first)]
        #expect(message(two, requested: .destination)?.contains("2 sellers") == true)
        #expect(message(two, requested: .destination)?.contains("destination charge cannot") == true)
        #expect(message(one, requested: .direct)?.contains("not available yet") == true)
        #expect(
            message(one, requested: .destination, release: .afterDays(7))?.contains("later than the payment") == true)
        #expect(
            message(one, requested: .destination, release: .onFulfilment)?.contains("later than the payment") == true)
        #expect(message([try OrderDivisionTests.line(.item, 500)])?.contains("nobody to pay") == true)
        let share = one + [try OrderDivisionTests.line(.share, 100, seller: first)]
        #expect(message(share, requested: .destination)?.contains("third party") == true)
    }
}
