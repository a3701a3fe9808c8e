package import Domain

/// What the marketplace says of a seller when it registers one. Kept with the seller, so that a repetition of the call
/// can be told from another call with the same `external_id`.
package struct SellerApplication: Hashable, Sendable, Codable {
    package let externalID: String
    package let email: String?
    /// ISO 3166-1 alpha-2. Nil only for an account that exists already, which has one.
    package let country: String?
    package let businessType: BusinessType?
    /// What Stripe's form is filled with in advance.
    package let businessProfile: BusinessProfile?
    package let metadata: Metadata
    /// A connected account that exists already and joins.
    package let stripeAccount: StripeAccountID?

    package struct BusinessProfile: Hashable, Sendable, Codable {
        package let name: String?
        /// Merchant category code: four digits.
        package let mcc: String?
        package let url: String?
        package let productDescription: String?

        private enum CodingKeys: String, CodingKey {
            case name, mcc, url
            case productDescription = "product_description"
        }
    }

    package init(
        externalID: String, email: String? = nil, country: String? = nil, businessType: BusinessType? = nil,
        businessProfile: BusinessProfile? = nil, metadata: Metadata = .empty, stripeAccount: StripeAccountID? = nil
    ) {
        self.externalID = externalID
        self.email = email
        self.country = country
        self.businessType = businessType
        self.businessProfile = businessProfile
        self.metadata = metadata
        self.stripeAccount = stripeAccount
    }

    private enum CodingKeys: String, CodingKey {
        case email, country, metadata
        case externalID = "external_id"
        case businessType = "business_type"
        case businessProfile = "business_profile"
        case stripeAccount = "stripe_account"
    }

    /// - Throws: a refusal that names the first field that Souk or Stripe could not take.
    package func checked() throws(Refusal) -> SellerApplication {
        try PlainText.check(externalID, 1...255, parameter: "external_id")
        if let email { try Self.check(email: email) }
        if let country {
            guard SellerCountry(country) != nil else {
                throw Refusal(
                    .countryNotSupported,
                    "'\(country.prefix(20))' is not a country in which Stripe makes Express accounts. Give two capital "
                        + "letters of ISO 3166-1, such as US.",
                    parameter: "country")
            }
        } else if stripeAccount == nil {
            throw Refusal(.parameterMissing, "Give the seller's country, such as US.", parameter: "country")
        }
        if let stripeAccount { try Self.check(stripeAccount) }
        if let businessProfile { try Self.check(businessProfile) }
        return self
    }

    package static func check(email: String) throws(Refusal) {
        let parts = email.split(separator: "@", omittingEmptySubsequences: false)
        let isPlain = email.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
        guard parts.count == 2, !parts[0].isEmpty, parts[1].contains("."), !parts[1].hasPrefix("."),
            !parts[1].hasSuffix("."), isPlain, email.utf8.count <= 254
        else {
            throw Refusal(.parameterInvalid, "This is not an email address.", parameter: "email")
        }
    }

    static func check(_ account: StripeAccountID) throws(Refusal) {
        let isID =
            account.rawValue.hasPrefix("acct_") && account.rawValue.utf8.count <= 255
            && account.rawValue.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "_") || (byte < 0x80 && Character(Unicode.Scalar(byte)).isLetter)
                    || (0x30...0x39).contains(byte)
            }
        guard isID, account.rawValue.utf8.count > 5 else {
            throw Refusal(
                .parameterInvalid, "Give the id of a connected account, such as acct_1PgafTB7WZ01zgkW.",
                parameter: "stripe_account")
        }
    }

    private static func check(_ profile: BusinessProfile) throws(Refusal) {
        if let name = profile.name { try PlainText.check(name, 1...500, parameter: "business_profile.name") }
        if let description = profile.productDescription {
            try PlainText.check(description, 1...5000, parameter: "business_profile.product_description")
        }
        if let url = profile.url {
            _ = try BrowserURL(url, requiresHTTPS: false, parameter: "business_profile.url")
        }
        if let mcc = profile.mcc {
            guard mcc.utf8.count == 4, mcc.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
                throw Refusal(
                    .parameterInvalid, "A merchant category code has four digits.",
                    parameter: "business_profile.mcc")
            }
        }
    }
}
