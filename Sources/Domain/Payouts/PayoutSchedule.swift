/// When Stripe pays a connected account's balance out to its bank: what Stripe says, and what a marketplace wishes.
package struct PayoutSchedule: Hashable, Sendable, Codable {
    /// `manual` has payouts on request only; else `daily`, `weekly` or `monthly`.
    package let interval: String
    /// `monday` to `friday`, for `weekly`.
    package let weeklyAnchor: String?
    /// The day of the month, for `monthly`. In shorter months it is the last day.
    package let monthlyAnchor: Int?
    /// Days from a sale to the day on which its money can be paid out.
    package let delayDays: Int?

    package static let intervals = ["manual", "daily", "weekly", "monthly"]
    package static let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday"]

    package init(interval: String, weeklyAnchor: String? = nil, monthlyAnchor: Int? = nil, delayDays: Int? = nil) {
        self.interval = interval
        self.weeklyAnchor = weeklyAnchor
        self.monthlyAnchor = monthlyAnchor
        self.delayDays = delayDays
    }

    private enum CodingKeys: String, CodingKey {
        case interval
        case weeklyAnchor = "weekly_anchor"
        case monthlyAnchor = "monthly_anchor"
        case delayDays = "delay_days"
    }

    /// - Throws: `parameter_invalid` or `parameter_missing` for the field with which the wish makes no sense. Whether the
    ///   account's country allows the delay is Stripe's to say.
    package func checked() throws(Refusal) -> PayoutSchedule {
        guard Self.intervals.contains(interval) else {
            throw Self.invalid("interval is one of: \(Self.intervals.joined(separator: ", ")).", "interval")
        }
        try Self.check(weeklyAnchor != nil, belongs: interval == "weekly", "weekly_anchor", example: "friday")
        try Self.check(monthlyAnchor != nil, belongs: interval == "monthly", "monthly_anchor", example: "15")
        if let weeklyAnchor, !Self.weekdays.contains(weeklyAnchor) {
            throw Self.invalid("weekly_anchor is one of: \(Self.weekdays.joined(separator: ", ")).", "weekly_anchor")
        }
        if let monthlyAnchor, !(1...31).contains(monthlyAnchor) {
            throw Self.invalid("monthly_anchor is a day of the month, 1 to 31.", "monthly_anchor")
        }
        if let delayDays, !(0...31).contains(delayDays) {
            throw Self.invalid("delay_days is 0 to 31.", "delay_days")
        }
        return self
    }

    private static func check(
        _ isGiven: Bool, belongs: Bool, _ field: String, example: String
    ) throws(Refusal) {
        if isGiven, !belongs {
            throw invalid("\(field) belongs to another interval; leave it out.", field)
        }
        if !isGiven, belongs {
            throw Refusal(
                .parameterMissing, "This interval takes \(field), such as \(example).",
                parameter: "payout_schedule.\(field)")
        }
    }

    private static func invalid(_ message: String, _ field: String) -> Refusal {
        Refusal(.parameterInvalid, message, parameter: "payout_schedule.\(field)")
    }
}

/// A bank account or debit card to which Stripe pays a connected account out.
package struct PayoutDestination: Hashable, Sendable, Codable {
    /// Stripe's id: `ba_…` or `card_…`.
    package let id: String
    /// `bank_account` or `card`.
    package let type: String
    package let currency: String?
    package let last4: String?
    package let bankName: String?
    /// Stripe's word for a bank account: `errored` once a payout came back, until the seller changes it. Cards have none.
    package let status: String?
    package let isDefault: Bool

    package init(
        id: String, type: String, currency: String?, last4: String?, bankName: String?, status: String?, isDefault: Bool
    ) {
        self.id = id
        self.type = type
        self.currency = currency
        self.last4 = last4
        self.bankName = bankName
        self.status = status
        self.isDefault = isDefault
    }

    private enum CodingKeys: String, CodingKey {
        case id, type, currency, last4, status
        case bankName = "bank_name"
        case isDefault = "default_for_currency"
    }
}
