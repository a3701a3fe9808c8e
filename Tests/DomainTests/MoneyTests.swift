import Domain
import Testing

@Suite struct MoneyTests {
    @Test("Amounts of two currencies never meet, and none wraps round")
    func refusals() throws {
        let dollar = Money(100, .usd)
        #expect(throws: MoneyError.currencyMismatch(.usd, .eur)) { try dollar.adding(Money(1, .eur)) }
        #expect(throws: MoneyError.currencyMismatch(.usd, .eur)) { try dollar.subtracting(Money(1, .eur)) }
        #expect(throws: MoneyError.overflow) { try Money(.max, .usd).adding(Money(1, .usd)) }
        #expect(throws: MoneyError.overflow) { try Money(.min, .usd).subtracting(Money(1, .usd)) }
        #expect(throws: MoneyError.overflow) { try Money(.min, .usd).negated() }
        #expect(throws: MoneyError.overflow) { try Money(.max, .usd).multiplied(by: 2) }
        #expect(try dollar.adding(Money(23, .usd)) == Money(123, .usd))
        #expect(try dollar.subtracting(Money(123, .usd)) == Money(-23, .usd))
        #expect(try Money.sum([dollar, Money(-30, .usd)], in: .usd) == Money(70, .usd))
    }

    @Test(
        "Each currency has Stripe's decimals, steps and least charge",
        arguments: [
            ("usd", 2, 1, 1, 50, "1234.50"), ("gbp", 2, 1, 1, 30, "1234.50"), ("mxn", 2, 1, 1, 1000, "1234.50"),
            ("jpy", 0, 1, 1, 50, "123450"), ("krw", 0, 1, 1, nil, "123450"), ("ugx", 2, 100, 100, nil, "1234.50"),
            ("bhd", 3, 10, 10, nil, "123.450"), ("kwd", 3, 10, 10, nil, "123.450"),
            ("tnd", 3, 10, 10, nil, "123.450"), ("isk", 2, 100, 100, nil, "1234.50"),
            ("huf", 2, 1, 100, 17500, "1234.50"), ("twd", 2, 1, 100, nil, "1234.50"),
        ] as [(String, Int, Int64, Int64, Int64?, String)])
    func currencies(
        code: String, exponent: Int, chargeStep: Int64, payoutStep: Int64, minimum: Int64?, shown: String
    ) throws {
        let currency = try #require(Currency(code))
        #expect(currency.rule.exponent == exponent)
        #expect(currency.rule.chargeStep == chargeStep)
        #expect(currency.rule.payoutStep == payoutStep)
        #expect(currency.rule.minimumCharge == minimum)
        #expect(Money(123_450, currency).description == "\(shown) \(code)")
    }

    @Test("A currency that the code names is the one of the table", arguments: [Currency.usd, .eur, .gbp, .jpy, .kwd])
    func named(currency: Currency) throws {
        #expect(try #require(Currency(currency.code)).rule == currency.rule)
        #expect(Currency.all.contains(currency))
    }

    @Test(
        "What is no currency of Stripe's, or not written as Stripe writes it, is refused",
        arguments: ["", "USD", "xxx", "us"])
    func unknown(code: String) { #expect(Currency(code) == nil) }
}
