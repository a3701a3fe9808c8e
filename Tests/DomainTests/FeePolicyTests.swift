import Domain
import Testing

@Suite struct FeePolicyTests {
    static func terms(
        _ currency: Currency = .usd, bps: Int64, fixed: Int64 = 0, minimum: Int64 = 0, maximum: Int64? = nil
    ) throws -> FeeTerms {
        try FeeTerms(currency: currency, percentBPS: bps, fixed: fixed, minimum: minimum, maximum: maximum)
    }

    @Test(
        "The fee is the percentage rounded half up, plus the fixed part, within minimum, maximum and the line",
        arguments: [
            // amount, bps, fixed, minimum, maximum, fee
            (10_000, 1500, 0, 0, nil, 1500),
            (10_000, 0, 0, 0, nil, 0),
            (999, 1500, 0, 0, nil, 150),  // 149.85
            (990, 50, 0, 0, nil, 5),  // 4.95
            (50, 100, 0, 0, nil, 1),  // 0.5 rounds up
            (49, 100, 0, 0, nil, 0),  // 0.49
            (10_000, 1000, 30, 0, nil, 1030),
            (100, 1000, 30, 50, nil, 50),
            (10_000, 1000, 0, 0, 500, 500),
            (40, 1000, 0, 50, nil, 40),  // minimum above the line: capped at the line
            (10_000, 10_000, 100, 0, nil, 10_000),
            (0, 1500, 30, 10, nil, 0),
        ] as [(Int64, Int64, Int64, Int64, Int64?, Int64)])
    func fee(amount: Int64, bps: Int64, fixed: Int64, minimum: Int64, maximum: Int64?, expected: Int64) throws {
        let terms = try Self.terms(bps: bps, fixed: fixed, minimum: minimum, maximum: maximum)
        #expect(terms.fee(on: Money(amount, .usd)) == Money(expected, .usd))
    }

    @Test("Where a currency is charged in steps, so is the fee")
    func steps() throws {
        #expect(try Self.terms(.kwd, bps: 1000).fee(on: Money(12_350, .kwd)) == Money(1240, .kwd))
        let isk = try #require(Currency("isk"))
        #expect(try Self.terms(isk, bps: 1000).fee(on: Money(12_300, isk)) == Money(1200, isk))
        #expect(throws: Refusal.self) { try FeeTerms(currency: .kwd, percentBPS: 0, fixed: 5) }
    }

    @Test(
        "Numbers that make no sense are refused by name",
        arguments: [
            (-1, 0, 0, nil, "percent_bps"), (10_001, 0, 0, nil, "percent_bps"), (0, -1, 0, nil, "fixed"),
            (0, 0, -5, nil, "minimum"), (0, 0, 100, 99, "maximum"), (0, 100_000_000, 0, nil, "fixed"),
        ] as [(Int64, Int64, Int64, Int64?, String)])
    func refusals(bps: Int64, fixed: Int64, minimum: Int64, maximum: Int64?, parameter: String) {
        let refusal = #expect(throws: Refusal.self) {
            try FeeTerms(currency: .usd, percentBPS: bps, fixed: fixed, minimum: minimum, maximum: maximum)
        }
        #expect(refusal?.code == .parameterInvalid)
        #expect(refusal?.parameter == parameter)
    }

    @Test("A seller's policy goes before a category's, that before the default; of each the newest in force")
    func precedence() throws {
        var ids = IDs()
        let seller: ID<Seller> = ids.make()
        let other: ID<Seller> = ids.make()
        func policy(_ scope: FeePolicy.Scope, _ bps: Int64, from: Int64, _ currency: Currency = .usd) throws
            -> FeePolicy
        {
            FeePolicy(
                id: ids.make(), scope: scope, terms: try Self.terms(currency, bps: bps),
                inForceFrom: Timestamp(seconds: from))
        }
        let policies = [
            try policy(.everyone, 1000, from: 0), try policy(.everyone, 1100, from: 100),
            try policy(.category("home"), 800, from: 0), try policy(.seller(seller), 500, from: 50),
            try policy(.everyone, 2000, from: 0, .eur),
        ]
        func bps(_ who: ID<Seller>, _ category: String?, at second: Int64, _ currency: Currency = .usd) -> Int64? {
            FeePolicy.inForce(
                among: policies, seller: who, category: category, currency: currency, at: Timestamp(seconds: second))?
                .terms.percentBPS
        }
        #expect(bps(other, nil, at: 10) == 1000)
        #expect(bps(other, nil, at: 100) == 1100)
        #expect(bps(other, "home", at: 100) == 800)
        #expect(bps(other, "garden", at: 100) == 1100)
        #expect(bps(seller, "home", at: 49) == 800)
        #expect(bps(seller, "home", at: 50) == 500)
        #expect(bps(seller, "home", at: 50, .eur) == 2000)
        #expect(bps(seller, nil, at: 50, .gbp) == nil)
    }

    @Test("Of two policies made in one moment the later id wins, however they are listed")
    func sameMoment() throws {
        var ids = IDs()
        let seller: ID<Seller> = ids.make()
        let policies = try [100, 200].map { bps in
            FeePolicy(
                id: ids.make(), scope: .everyone, terms: try Self.terms(bps: bps), inForceFrom: Timestamp(seconds: 5))
        }
        for listed in [policies, policies.reversed()] {
            let chosen = FeePolicy.inForce(
                among: listed, seller: seller, category: nil, currency: .usd, at: Timestamp(seconds: 5))
            #expect(chosen?.terms.percentBPS == 200)
        }
    }

    @Test("A policy takes nothing of another currency's line")
    func otherCurrency() throws {
        #expect(try Self.terms(.usd, bps: 1500, fixed: 30).fee(on: Money(10_000, .eur)) == .zero(.eur))
    }

    @Test("A fee is never below zero nor above the line, and grows with it", arguments: Seeds.forThisRun)
    func bounds(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 1...50 {
            let minimum = Int64.random(in: 0...500, using: &random)
            let terms = try Self.terms(
                bps: .random(in: 0...10_000, using: &random), fixed: .random(in: 0...200, using: &random),
                minimum: minimum,
                maximum: Bool.random(using: &random) ? .random(in: minimum...100_000, using: &random) : nil)
            let amount = Int64.random(in: 0...99_999_998, using: &random)
            let fee = terms.fee(on: Money(amount, .usd)).minorUnits
            let next = terms.fee(on: Money(amount + 1, .usd)).minorUnits
            #expect((0...amount).contains(fee), "seed \(seed): \(terms) on \(amount)")
            #expect(next >= fee, "seed \(seed): \(terms) on \(amount)")
        }
    }
}

/// Ids for tests, in the order in which they are made.
struct IDs {
    private var random = SeededGenerator(seed: 1)
    private var count: Int64 = 0

    mutating func make<Entity>(_: Entity.Type = Entity.self) -> ID<Entity> {
        count += 1
        return ID(milliseconds: count, using: &random)
    }
}
