import Domain

/// Amounts and days as a buyer reads them.
enum ShownText {
    private static let symbols = [
        "usd": "$", "eur": "€", "gbp": "£", "jpy": "¥", "cad": "CA$", "aud": "A$", "nzd": "NZ$", "hkd": "HK$",
        "sgd": "S$", "mxn": "MX$", "brl": "R$", "inr": "₹", "krw": "₩", "vnd": "₫",
    ]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `$1,234.50` for 123450 minor units of usd, `CHF 12.00` where there is no sign that everybody knows.
    static func amount(_ minorUnits: Int64, _ code: String) -> String {
        let places = Currency(code)?.rule.exponent ?? 2
        let digits = String(minorUnits.magnitude)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let whole = Array(padded.dropLast(places))
        var text = ""
        for (index, digit) in whole.enumerated() {
            if index > 0, (whole.count - index).isMultiple(of: 3) { text.append(",") }
            text.append(digit)
        }
        if places > 0 { text += "." + padded.suffix(places) }
        return (minorUnits < 0 ? "−" : "") + (symbols[code] ?? code.uppercased() + "\u{A0}") + text
    }

    /// `Nov 30, 2026` for a second of that day in UTC.
    static func day(_ seconds: Int64) -> String {
        let date = Calendar.civil(seconds / BalanceRows.day)
        return "\(months[Int(date.month) - 1]) \(date.day), \(date.year)"
    }
}
