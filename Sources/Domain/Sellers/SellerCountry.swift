/// A country in which Stripe makes Express accounts that can take card payments; ISO 3166-1 alpha-2, in capitals.
///
/// From Stripe, "Using Connect with Express connected accounts". Which of them one platform may use depends on that
/// platform too: Stripe's refusal is passed on word for word.
package struct SellerCountry: Hashable, Sendable, CustomStringConvertible {
    package let code: String

    /// - Returns: nil for anything but the capital letters of a supported country.
    package init?(_ code: String) {
        guard Self.codes.contains(code) else { return nil }
        self.code = code
    }

    package var description: String { code }

    package static let all: [SellerCountry] = codes.sorted().compactMap(SellerCountry.init)

    private static let codes: Set<String> = Set(
        """
        AE AT AU BE BG BR CA CH CY CZ DE DK EE ES FI FR GB GI GR HK HR HU IE IT JP LI LT LU LV MT MX MY NL NO NZ PL \
        PT RO SE SG SI SK TH US
        """.split(separator: " ").map(String.init))
}

/// What kind of party the seller is, as Stripe asks for it.
package enum BusinessType: String, Hashable, Sendable, CaseIterable, Codable {
    case individual
    case company
    case nonProfit = "non_profit"
    case governmentEntity = "government_entity"
}
