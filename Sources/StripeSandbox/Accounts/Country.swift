/// What the sandbox knows of the countries in which sellers live.
enum Country {
    /// The default currency of a connected account, by country.
    static let currencies: [String: String] = [
        "US": "usd", "GB": "gbp", "CA": "cad", "AU": "aud", "NZ": "nzd", "JP": "jpy", "CH": "chf", "LI": "chf",
        "SE": "sek", "NO": "nok", "DK": "dkk", "PL": "pln", "CZ": "czk", "HU": "huf", "RO": "ron", "SG": "sgd",
        "HK": "hkd", "MX": "mxn", "BR": "brl", "IN": "inr", "TH": "thb", "MY": "myr", "AE": "aed", "GI": "gbp",
        "DE": "eur", "FR": "eur", "ES": "eur", "IT": "eur", "NL": "eur", "IE": "eur", "AT": "eur", "BE": "eur",
        "PT": "eur", "FI": "eur", "GR": "eur", "LU": "eur", "SK": "eur", "SI": "eur", "EE": "eur", "LV": "eur",
        "LT": "eur", "CY": "eur", "MT": "eur", "HR": "eur", "BG": "eur",
    ]

    /// Where addresses have a state that is asked for.
    static let withStates: Set<String> = ["US", "CA", "AU", "MX", "BR", "IN", "MY"]
}
