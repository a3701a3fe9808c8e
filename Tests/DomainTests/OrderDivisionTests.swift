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

    static func divide(_ lines: [OrderLineDraft], bps: Int64 = 1000, currency: Currency = .usd) throws
        -> OrderDivision
    {
        var ids = IDs()
        let policy = FeePolicy(
            id: ids.make(), scope: .everyone, terms: try FeeTerms(currency: currency, percentBPS: bps),
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
        // Exactly all of it is possible.
        let all = try Self.divide([
            Self.item(1000), Self.line(.tax, 500), Self.line(.discount, -900, seller: Self.seller),
        ])
        #expect(try all.applicationFeeAmount() == Money(600, .usd))
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
    ) throws -> (shape: ChargeShape, seller: ID<Seller>) {
        try ChargeShape.choose(
            for: OrderDraft(currency: .usd, lines: lines), requested: requested, release: release)
    }

    @Test("One seller means a destination charge, asked for or not")
    func destination() throws {
        let lines = [try OrderDivisionTests.item(1000), try OrderDivisionTests.line(.tax, 100)]
        for requested in [nil, ChargeShape.destination] {
            let chosen = try Self.choose(lines, requested: requested)
            #expect(chosen.shape == .destination)
            #expect(chosen.seller == OrderDivisionTests.seller)
        }
    }

    @Test("What needs another shape is refused with the reason")
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
        #expect(message(two)?.contains("2 sellers") == true)
        #expect(message(two, requested: .destination)?.contains("destination charge cannot") == true)
        #expect(message(one, requested: .direct)?.contains("not available yet") == true)
        #expect(message(one, requested: .separate)?.contains("not available yet") == true)
        #expect(message(one, release: .afterDays(7))?.contains("later than the payment") == true)
        #expect(message(one, release: .onFulfilment)?.contains("later than the payment") == true)
        #expect(message([try OrderDivisionTests.line(.item, 500)])?.contains("nobody to pay") == true)
        let share = one + [try OrderDivisionTests.line(.share, 100, seller: first)]
        #expect(message(share)?.contains("third party") == true)
    }
}
