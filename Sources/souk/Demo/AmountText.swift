/// Amounts as people read them.
enum AmountText {
    /// ISO 4217 currencies whose minor unit is not a hundredth.
    private static let decimals: [String: Int] = [
        "bif": 0, "clp": 0, "djf": 0, "gnf": 0, "jpy": 0, "kmf": 0, "krw": 0, "mga": 0, "pyg": 0, "rwf": 0, "ugx": 0,
        "vnd": 0, "vuv": 0, "xaf": 0, "xof": 0, "xpf": 0, "bhd": 3, "jod": 3, "kwd": 3, "omr": 3, "tnd": 3,
    ]

    /// `1,234.50` for 123450 minor units of a currency with two decimals.
    static func of(_ minorUnits: Int64, in currency: String) -> String {
        let places = decimals[currency] ?? 2
        let digits = String(minorUnits.magnitude)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let whole = padded.dropLast(places)
        var grouped = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { grouped.append(",") }
            grouped.append(digit)
        }
        let fraction = places == 0 ? "" : "." + padded.suffix(places)
        return (minorUnits < 0 ? "-" : "") + grouped + fraction
    }

    /// `10.5` for 1050 hundredths of a percent.
    static func percent(_ basisPoints: Int64) -> String {
        var text = String(basisPoints / 100)
        let rest = basisPoints % 100
        if rest > 0 { text += "." + (rest < 10 ? "0\(rest)" : rest.isMultiple(of: 10) ? "\(rest / 10)" : "\(rest)") }
        return text
    }
}
