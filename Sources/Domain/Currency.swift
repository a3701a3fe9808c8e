/// A currency, by its lowercase ISO 4217 code, with the way Stripe counts it.
///
/// The number of decimals and the smallest charge come from Stripe's currency documentation, not from ISO 4217 alone:
/// Stripe takes Icelandic krónur and Ugandan shillings with two decimals that must be zero, for example.
package struct Currency: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let code: String

    /// How a currency's integer amounts are read and limited by Stripe.
    package struct Rule: Hashable, Sendable {
        /// Decimals of the integer amount: 2 means that 1050 is 10.50.
        package let exponent: Int
        /// A charge's amount must be a multiple of this; 1 for most.
        package let chargeStep: Int64
        /// A payout's amount must be a multiple of this; 1 for most.
        package let payoutStep: Int64
        /// The smallest charge that Stripe takes, in minor units; nil where Stripe publishes none.
        package let minimumCharge: Int64?
    }

    package let rule: Rule

    /// - Returns: nil for anything but the code of a currency that Stripe presents, in lowercase.
    package init?(_ code: String) {
        guard let rule = Self.rules[code] else { return nil }
        self.code = code
        self.rule = rule
    }

    private init(known code: String, rule: Rule) {
        self.code = code
        self.rule = rule
    }

    package static let usd = Currency(known: "usd", rule: Rule.decimals(2, minimumCharge: 50))
    package static let eur = Currency(known: "eur", rule: Rule.decimals(2, minimumCharge: 50))
    package static let gbp = Currency(known: "gbp", rule: Rule.decimals(2, minimumCharge: 30))
    package static let jpy = Currency(known: "jpy", rule: Rule.decimals(0, minimumCharge: 50))
    package static let kwd = Currency(known: "kwd", rule: Rule.decimals(3, step: 10))

    package static func < (left: Currency, right: Currency) -> Bool { left.code < right.code }
    package static func == (left: Currency, right: Currency) -> Bool { left.code == right.code }
    package func hash(into hasher: inout Hasher) { hasher.combine(code) }
    package var description: String { code }

    /// Every currency known here, in the order of their codes.
    package static let all: [Currency] = rules.map { Currency(known: $0.key, rule: $0.value) }.sorted()

    /// The largest amount of one charge: eight digits (Stripe, "Minimum and maximum charge amounts").
    package static let maximumCharge: Int64 = 99_999_999

    private static let rules: [String: Rule] = {
        var rules: [String: Rule] = [:]
        for code in twoDecimals.split(separator: " ") {
            rules[String(code)] = .decimals(2, minimumCharge: minimumCharges[String(code)])
        }
        for code in "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split(separator: " ") {
            rules[String(code)] = .decimals(0, minimumCharge: minimumCharges[String(code)])
        }
        // The last of the three decimals must be zero.
        for code in "bhd jod kwd omr tnd".split(separator: " ") { rules[String(code)] = .decimals(3, step: 10) }
        // Two decimals that must both be zero.
        for code in ["isk", "ugx"] {
            rules[code] = Rule(exponent: 2, chargeStep: 100, payoutStep: 100, minimumCharge: nil)
        }
        // Charged with decimals, paid out without them.
        for code in ["huf", "twd"] {
            rules[code] = Rule(exponent: 2, chargeStep: 1, payoutStep: 100, minimumCharge: minimumCharges[code])
        }
        return rules
    }()

    private static let twoDecimals = """
        aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop \
        crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg idr ils inr jmd kes kgs khr \
        kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen \
        pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd tzs uah usd \
        uyu uzs wst xcd yer zar zmw
        """

    private static let minimumCharges: [String: Int64] = [
        "usd": 50, "eur": 50, "gbp": 30, "cad": 50, "aud": 50, "nzd": 50, "chf": 50, "sgd": 50, "brl": 50, "inr": 50,
        "jpy": 50, "mxn": 1000, "dkk": 250, "nok": 300, "sek": 300, "pln": 200, "czk": 1500, "huf": 17500,
        "ron": 200, "bgn": 100, "aed": 200, "hkd": 400, "myr": 200, "thb": 1000,
    ]
}

extension Currency.Rule {
    fileprivate static func decimals(_ exponent: Int, step: Int64 = 1, minimumCharge: Int64? = nil) -> Self {
        Self(exponent: exponent, chargeStep: step, payoutStep: step, minimumCharge: minimumCharge)
    }
}

extension Currency: Codable {
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let code = try container.decode(String.self)
        guard let currency = Currency(code) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "unknown currency '\(code)': give one that Stripe takes, in lowercase, such as usd")
        }
        self = currency
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(code)
    }
}
