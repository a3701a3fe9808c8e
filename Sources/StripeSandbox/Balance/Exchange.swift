import Domain

/// What currencies cost, and which of them a balance holds: a movement in another one is converted into the account's
/// default currency at the rate of the moment (docs/sandbox.md, "Currencies").
enum Exchange {
    struct Settled {
        let amount: Int64
        let currency: String
    }

    /// How many minor units of one currency a minor unit of another comes to.
    struct Rate {
        fileprivate let numerator: Int128
        fileprivate let denominator: Int128

        /// Rounded half away from zero.
        func convert(_ amount: Int64) -> Int64 {
            let twice = Int128(amount) * numerator * 2
            let rounded = (twice.magnitude + denominator.magnitude) / (2 * denominator.magnitude)
            return Int64(clamping: Int128(rounded) * (amount < 0 ? -1 : 1))
        }

        /// As `exchange_rate` shows it: with what one amount has to be multiplied to give the other.
        var json: JSONValue {
            let billionths = (2 * numerator * Int128(scale) + denominator) / (2 * denominator)
            let fraction = String(billionths % Int128(scale) + Int128(scale)).dropFirst()
            let digits = String(fraction.reversed().drop { $0 == "0" }.reversed())
            let whole = billionths / Int128(scale)
            return digits.isEmpty ? .int(Int64(clamping: whole)) : .number("\(whole).\(digits)")
        }
    }

    /// Rates are kept in billionths of a US dollar.
    private static let scale: Int64 = 1_000_000_000
    private static let id = "_exchange_rates"

    /// What one unit costs in US dollars, where nothing else was said; any other currency costs one.
    private static let usual: [String: Int64] = [
        "aud": 660_000_000, "brl": 180_000_000, "cad": 730_000_000, "chf": 1_130_000_000, "czk": 43_000_000,
        "dkk": 145_000_000, "eur": 1_080_000_000, "gbp": 1_270_000_000, "hkd": 128_000_000, "huf": 2_800_000,
        "inr": 12_000_000, "jpy": 6_500_000, "krw": 730_000, "kwd": 3_250_000_000, "mxn": 55_000_000,
        "nok": 94_000_000, "nzd": 610_000_000, "pln": 250_000_000, "ron": 217_000_000, "sek": 96_000_000,
        "sgd": 740_000_000, "thb": 28_000_000, "usd": 1_000_000_000,
    ]

    // MARK: Conversion

    /// The currency in which an account gets money of this one: its own, while it holds that, else its default.
    static func settlement(of account: String, _ currency: String, _ turn: Turn) -> String {
        guard turn.behaviour.convertsCurrencies else { return currency }
        let usual = turn.current(account)["default_currency"].string ?? "usd"
        guard currency != usual else { return currency }
        return ExternalAccounts.all(of: account, turn).contains { $0["currency"].string == currency } ? currency : usual
    }

    /// - Returns: nil where nothing is converted.
    static func rate(from: String, to: String, _ turn: Turn) -> Rate? {
        guard from != to else { return nil }
        let places = { (code: String) in Int128(scaleOf(code)) }
        return Rate(
            numerator: Int128(price(from, turn)) * places(to), denominator: Int128(price(to, turn)) * places(from))
    }

    /// What an amount comes to in an account's balance.
    static func settled(_ amount: Int64, _ currency: String, in account: String, _ turn: Turn) -> Settled {
        let own = settlement(of: account, currency, turn)
        return Settled(amount: rate(from: currency, to: own, turn)?.convert(amount) ?? amount, currency: own)
    }

    private static func scaleOf(_ code: String) -> Int {
        (0..<(Currency(code)?.rule.exponent ?? 2)).reduce(1) { power, _ in power * 10 }
    }

    // MARK: Rates

    private static func price(_ code: String, _ turn: Turn) -> Int64 { price(code, turn.world) }

    private static func price(_ code: String, _ world: World) -> Int64 {
        world[id: id]?.value["prices"][code].int ?? usual[code] ?? scale
    }

    static func json(_ world: World) -> JSONValue {
        var rates = JSONObject()
        for currency in Currency.all {
            rates.append(
                currency.code,
                .string(text(Rate(numerator: Int128(price(currency.code, world)), denominator: Int128(scale)))))
        }
        return ["rates": .object(rates)]
    }

    private static func text(_ rate: Rate) -> String {
        switch rate.json {
        case .number(let text): text
        case let value: String(value.int ?? 0)
        }
    }

    /// Takes what units cost in US dollars from now on; currencies that are not named keep their rate.
    static func change(by rates: JSONObject, _ turn: Turn) throws(StripeFailure) {
        var prices = turn.current(id)["prices"].object ?? [:]
        for (code, value) in rates.pairs {
            guard Currency(code) != nil, code != "usd" else {
                throw .parameter(
                    nil, "rates", "Name currencies in lowercase; usd is what the others are told in. Not: \(code)")
            }
            prices[code] = .int(try parse(value, code))
        }
        if turn.current(id).isNull {
            _ = turn.insert(id, ["id": .string(id), "prices": .object(prices)], in: turn.world.platform)
        } else {
            turn.update(id) { $0["prices"] = .object(prices) }
        }
    }

    private static func parse(_ value: JSONValue, _ code: String) throws(StripeFailure) -> Int64 {
        let written: String? =
            switch value {
            case .string(let text), .number(let text): text
            case .int(let number): String(number)
            default: nil
            }
        let parts = (written ?? "").split(separator: ".", omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard (1...2).contains(parts.count), (1...9).contains(fraction.utf8.count),
            (1...6).contains(parts[0].utf8.count),
            (parts[0] + fraction).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let billionths = Int64(parts[0] + fraction + String(repeating: "0", count: 9 - fraction.utf8.count)),
            billionths > 0
        else {
            throw .parameter(
                nil, "rates",
                "A rate is what one \(code) costs in usd, as a decimal of at most nine places, such as 1.08.")
        }
        return billionths
    }
}
